import { RETRY_AFTER_SECONDS } from "../base/limits.js";
import { encodeOtlpAnswer, encodeOtlpError } from "../wire/otlp-answer.js";
import type { Engine, OtlpRequest } from "../workers/contract.js";
import type { Call } from "./call.js";
import type { EngineGate } from "./engine-gate.js";
import type { Route } from "./router.js";

const PROTOBUF_TYPE = "application/x-protobuf";
const JSON_TYPE = "application/json";

/** OTLP metrics: translated into Remote Write, and stored as such. */
export function otlpRoute(gate: EngineGate, requestBytesMax: number, durability: string): Route {
  return {
    path: "/api/v1/otlp/v1/metrics",
    methods: ["POST"],
    summary: "OpenTelemetry metrics (OTLP), protobuf and JSON",
    takes: [PROTOBUF_TYPE, JSON_TYPE],
    gives: [PROTOBUF_TYPE, JSON_TYPE],
    scope: "write",
    cors: false,
    bodyBytesMax: requestBytesMax,
    handle(call) {
      const engine = gate.current();
      const type = call.contentType.split(";")[0]?.trim().toLowerCase() ?? "";
      const encoding = call.contentEncoding;
      if (engine === null) call.unavailable(gate.ready(), gate.reason());
      else if (type !== PROTOBUF_TYPE && type !== JSON_TYPE) {
        call.text(400, `unsupported content type: ${type}, supported: [${JSON_TYPE}, ${PROTOBUF_TYPE}]\n`);
      } else if (encoding !== "" && encoding !== "gzip") {
        call.text(400, `unsupported compression: ${encoding}. Only "gzip" or no compression supported\n`);
      } else {
        const request = { body: call.body, json: type === JSON_TYPE, gzip: encoding === "gzip" };
        void store(call, engine, request, durability);
      }
    },
  };
}

async function store(call: Call, engine: Engine, request: OtlpRequest, durability: string): Promise<void> {
  const type = request.json ? JSON_TYPE : PROTOBUF_TYPE;
  const answer = await engine.ingestOtlp(request);
  const headers = ["X-Varve-Durability", durability];
  if (answer.status === 200) {
    call.replyAsIs(200, type, encodeOtlpAnswer(answer.refused, answer.message, request.json), headers);
    return;
  }
  if (answer.status === 503) headers.push("Retry-After", String(RETRY_AFTER_SECONDS));
  call.replyAsIs(answer.status, type, encodeOtlpError(answer.status, answer.message, request.json), headers);
}
