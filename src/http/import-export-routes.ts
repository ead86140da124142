import { Cancellation } from "../base/cancellation.js";
import { IMPORT_BODY_BYTES_MAX } from "../base/limits.js";
import { isUtf8 } from "../model/go-text.js";
import { parseGoFloatOrNull } from "../wire/exposition-parser.js";
import type { Params } from "../wire/params.js";
import type { ImportRequest, QueryAnswer, QueryRequest } from "../workers/contract.js";
import { type Call, JSON_TYPE } from "./call.js";
import type { EngineGate } from "./engine-gate.js";
import { decodePercentOrNull } from "./form.js";
import { withOwnBody } from "./own-body.js";
import { MATCHES_REQUIRED, RANGE } from "./route-params.js";
import type { Route, RouteParam } from "./router.js";

const JSON_LINES: readonly string[] = ["application/x-ndjson"];
const METRICS_TEXT: readonly string[] = ["text/plain", "application/openmetrics-text"];
const EXTRA_LABEL: RouteParam = {
  name: "extra_label",
  description: "`name=value`: a label for every series",
  repeated: true,
};
const TIMESTAMP: RouteParam = {
  name: "timestamp",
  description: "Milliseconds since 1970, for samples without a time; absent: now",
};
const EXPORT_PARAMS: readonly RouteParam[] = [
  MATCHES_REQUIRED,
  ...RANGE,
  { name: "format", description: "`jsonl`, `openmetrics`, `prometheus` or `csv`; absent: `jsonl`" },
  { name: "columns", description: "Columns of CSV" },
];

const EXPORT_GIVES: readonly string[] = [
  "application/stream+json",
  "application/openmetrics-text",
  "text/plain",
  "text/csv",
];

/** Data in and out as text, under the paths and in the formats that VictoriaMetrics has for it. */
export function importExportRoutes(gate: EngineGate, nowMs: () => number): Route[] {
  const into = (
    path: string,
    summary: string,
    takes: readonly string[],
    labels: (call: Call) => readonly string[] | string,
  ): Route => ({
    path,
    methods: ["POST", "PUT"],
    summary,
    params: takes === JSON_LINES ? [EXTRA_LABEL] : [EXTRA_LABEL, TIMESTAMP],
    takes,
    gives: [""],
    scope: "write",
    cors: true,
    bodyBytesMax: IMPORT_BODY_BYTES_MAX,
    handle: (call) => importText(gate, call, labels(call), nowMs),
  });
  return [
    into("/api/v1/import", "Imports VictoriaMetrics' JSON lines", JSON_LINES, (call) =>
      extraLabels(call.params),
    ),
    into("/api/v1/import/prometheus", "Imports Prometheus or OpenMetrics text", METRICS_TEXT, (call) =>
      extraLabels(call.params),
    ),
    into(
      `${METRICS_PATH}{labels*}`,
      "Imports such text, with labels in the path as the Pushgateway has them",
      METRICS_TEXT,
      // Not the route's variable: that has its escapes undone, slashes among them.
      (call) => pathLabels(call.exchange.path.slice(METRICS_PATH.length), call.params),
    ),
    {
      path: "/api/v1/export",
      methods: ["GET", "POST"],
      params: EXPORT_PARAMS,
      gives: EXPORT_GIVES,
      summary: "Samples as JSON lines, OpenMetrics text, Prometheus text or CSV",
      scope: "read",
      cors: true,
      handle: (call) => exportText(gate, call),
    },
  ];
}

const METRICS_PATH = "/api/v1/import/prometheus/metrics/";

/** `extra_label=name=value`, any number of them. */
function extraLabels(params: Params): readonly string[] | string {
  const labels: string[] = [];
  for (const [name, text] of params) {
    if (name !== "extra_label") continue;
    const mark = text.indexOf("=");
    if (mark <= 0) return `extra_label ${JSON.stringify(text)} is not name=value`;
    labels.push(text.slice(0, mark), text.slice(mark + 1));
  }
  return labels;
}

/** `job/NAME/label/value/…`; the name of a label may end in `@base64`, its value is then encoded (RFC 4648, url-safe). */
function pathLabels(path: string, params: Params): readonly string[] | string {
  const parts = path.split("/");
  if (!/^job(@base64)?$/.test(parts[0] ?? "")) return "the path must begin with job/NAME";
  if (parts.length % 2 !== 0) return "the path names a label without a value";
  const labels: string[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const [name = "", value = ""] = [parts[i], decodePercentOrNull(parts[i + 1] ?? "") ?? undefined];
    const isEncoded = name.endsWith("@base64");
    const text = isEncoded ? Buffer.from(value, "base64url").toString() : value;
    if (name === "" || text.includes("\ufffd") || !isUtf8(text))
      return `label ${JSON.stringify(name)} in the path cannot be read`;
    labels.push(isEncoded ? name.slice(0, -"@base64".length) : name, text);
  }
  const extra = extraLabels(params);
  return typeof extra === "string" ? extra : [...labels, ...extra];
}

function importText(
  gate: EngineGate,
  call: Call,
  labels: readonly string[] | string,
  nowMs: () => number,
): void {
  const engine = gate.current();
  if (engine === null) return call.unavailable(gate.ready(), gate.reason());
  const encoding = call.contentEncoding.toLowerCase();
  if (encoding !== "" && encoding !== "gzip" && encoding !== "identity") {
    return call.text(
      415,
      `unsupported Content-Encoding ${JSON.stringify(encoding.slice(0, 40))}: gzip is taken\n`,
    );
  }
  if (typeof labels === "string") return call.text(400, `${labels}\n`);
  const timestamp = call.param("timestamp");
  const timestampMs = timestamp === "" ? nowMs() : (parseGoFloatOrNull(timestamp) ?? Number.NaN);
  if (!Number.isSafeInteger(timestampMs))
    return call.text(400, "timestamp is not a whole number of milliseconds\n");
  const jsonLines = call.exchange.path === "/api/v1/import";
  const openMetrics = call.contentType.startsWith("application/openmetrics-text");
  const request: ImportRequest = {
    body: call.body,
    gzip: encoding === "gzip",
    format: jsonLines ? "jsonl" : openMetrics ? "openmetrics" : "prometheus",
    timestampMs,
    labels,
  };
  engine.importText(request).then(
    ({ status, message }) => {
      if (status === 204) call.empty(204);
      else call.text(status, `${message}\n`, status === 503 ? ["Retry-After", "5"] : []);
    },
    () => call.error("internal", "internal error"),
  );
}

function exportText(gate: EngineGate, call: Call): void {
  const engine = gate.current();
  if (engine === null) return call.unavailable(gate.ready(), gate.reason());
  const gone = new Cancellation();
  call.exchange.onGone = () => gone.cancel();
  const { params, client } = call;
  const piece = (cursor?: QueryRequest["exportCursor"]): Promise<QueryAnswer> => {
    const request: QueryRequest = { kind: "export", params, client };
    const asked = cursor === undefined ? request : { ...request, exportCursor: cursor };
    return engine.query(asked, gone).then(withOwnBody);
  };
  piece().then(
    (first) => {
      const type = first.contentType ?? JSON_TYPE;
      if (first.nextExport === undefined) call.reply(first.status, type, first.body);
      else call.stream(first.status, type, piecesBehind(first, piece), true);
    },
    () => call.error("internal", "internal error"),
  );
}

/** The next piece is made while the client takes the last one; no more than that is in memory. */
function piecesBehind(
  first: QueryAnswer,
  piece: (cursor: QueryRequest["exportCursor"]) => Promise<QueryAnswer>,
): () => Promise<Uint8Array | null> {
  let coming: Promise<QueryAnswer> | null = Promise.resolve(first);
  return async () => {
    while (coming !== null) {
      const { status, body, nextExport } = await coming;
      if (status !== 200) throw new Error("the query thread could not go on");
      coming = nextExport === undefined ? null : piece(nextExport);
      // Who closes the connection is told by the stream.
      coming?.catch(() => {});
      if (body.length > 0) return body;
    }
    return null;
  };
}
