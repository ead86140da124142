/** Answers to OTLP requests (opentelemetry/proto/collector/metrics/v1 and google.rpc.Status), protobuf or JSON. */
import { ProtobufWriter } from "../encoding/protobuf-writer.js";

/** 200: everything is stored where nothing was refused, else all but `refused` data points. */
export function encodeOtlpAnswer(refused: number, message: string, json: boolean): Uint8Array {
  if (json) {
    const partialSuccess = { rejectedDataPoints: String(refused), errorMessage: message };
    return encodeJson(refused === 0 ? {} : { partialSuccess });
  }
  const writer = new ProtobufWriter();
  if (refused > 0) {
    const start = writer.open(1);
    writer.int64(1, refused);
    writer.string(2, message);
    writer.close(start);
  }
  return writer.take();
}

/** Codes of gRPC by HTTP status. */
const CODES: ReadonlyMap<number, number> = new Map([
  [400, 3],
  [413, 3],
  [429, 8],
  [503, 14],
]);
const INTERNAL = 13;

export function encodeOtlpError(status: number, message: string, json: boolean): Uint8Array {
  const code = CODES.get(status) ?? INTERNAL;
  if (json) return encodeJson({ code, message });
  const writer = new ProtobufWriter();
  writer.int64(1, code);
  writer.string(2, message);
  return writer.take();
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
