/**
 * OTLP metrics (opentelemetry/proto/metrics/v1) as plain objects in the spelling of OTLP's JSON, whether they came as
 * protobuf or as JSON. 64-bit numbers are `bigint` from the one and text or numbers from the other.
 */
import { RefusalError } from "../base/errors.js";
import { OTLP_DEPTH_MAX } from "../base/limits.js";
import { ProtobufReader, WireType } from "../encoding/protobuf.js";

export type OtlpValue = unknown;
/** A message: fields that are absent have their default. */
export type OtlpMessage = Readonly<Record<string, OtlpValue>>;

type Scalar =
  | "string"
  | "hex"
  | "blob"
  | "double"
  | "fixed64"
  | "sfixed64"
  | "sint32"
  | "varint"
  | "int64"
  | "bool";

interface Field {
  readonly name: string;
  readonly type: Scalar | (() => Schema);
  readonly repeated: boolean;
}

type Schema = ReadonlyMap<number, Field>;

/** Rows of [number, name, type]; a name that ends in `[]` is repeated. */
function schema(...rows: readonly (readonly [number, string, Field["type"]])[]): Schema {
  return new Map(
    rows.map(([number, name, type]) => [
      number,
      { name: name.replace("[]", ""), type, repeated: name.endsWith("[]") },
    ]),
  );
}

const ArrayValue: Schema = schema([1, "values[]", () => AnyValue]);
const KeyValueList: Schema = schema([1, "values[]", () => KeyValue]);
const AnyValue: Schema = schema(
  [1, "stringValue", "string"],
  [2, "boolValue", "bool"],
  [3, "intValue", "int64"],
  [4, "doubleValue", "double"],
  [5, "arrayValue", () => ArrayValue],
  [6, "kvlistValue", () => KeyValueList],
  [7, "bytesValue", "blob"],
);
const KeyValue: Schema = schema([1, "key", "string"], [2, "value", () => AnyValue]);
const Exemplar: Schema = schema(
  [2, "timeUnixNano", "fixed64"],
  [3, "asDouble", "double"],
  [4, "spanId", "hex"],
  [5, "traceId", "hex"],
  [6, "asInt", "sfixed64"],
  [7, "filteredAttributes[]", () => KeyValue],
);
const NumberDataPoint: Schema = schema(
  [2, "startTimeUnixNano", "fixed64"],
  [3, "timeUnixNano", "fixed64"],
  [4, "asDouble", "double"],
  [5, "exemplars[]", () => Exemplar],
  [6, "asInt", "sfixed64"],
  [7, "attributes[]", () => KeyValue],
  [8, "flags", "varint"],
);
const HistogramDataPoint: Schema = schema(
  [2, "startTimeUnixNano", "fixed64"],
  [3, "timeUnixNano", "fixed64"],
  [4, "count", "fixed64"],
  [5, "sum", "double"],
  [6, "bucketCounts[]", "fixed64"],
  [7, "explicitBounds[]", "double"],
  [8, "exemplars[]", () => Exemplar],
  [9, "attributes[]", () => KeyValue],
  [10, "flags", "varint"],
);
const Buckets: Schema = schema([1, "offset", "sint32"], [2, "bucketCounts[]", "int64"]);
const ExponentialDataPoint: Schema = schema(
  [1, "attributes[]", () => KeyValue],
  [2, "startTimeUnixNano", "fixed64"],
  [3, "timeUnixNano", "fixed64"],
  [4, "count", "fixed64"],
  [5, "sum", "double"],
  [6, "scale", "sint32"],
  [7, "zeroCount", "fixed64"],
  [8, "positive", () => Buckets],
  [9, "negative", () => Buckets],
  [10, "flags", "varint"],
  [11, "exemplars[]", () => Exemplar],
);
const Quantile: Schema = schema([1, "quantile", "double"], [2, "value", "double"]);
const SummaryDataPoint: Schema = schema(
  [2, "startTimeUnixNano", "fixed64"],
  [3, "timeUnixNano", "fixed64"],
  [4, "count", "fixed64"],
  [5, "sum", "double"],
  [6, "quantileValues[]", () => Quantile],
  [7, "attributes[]", () => KeyValue],
  [8, "flags", "varint"],
);
const points = (point: () => Schema): Schema =>
  schema([1, "dataPoints[]", point], [2, "aggregationTemporality", "varint"], [3, "isMonotonic", "bool"]);
const Gauge: Schema = points(() => NumberDataPoint);
const Histogram: Schema = points(() => HistogramDataPoint);
const Exponential: Schema = points(() => ExponentialDataPoint);
const Summary: Schema = points(() => SummaryDataPoint);
const Metric: Schema = schema(
  [1, "name", "string"],
  [2, "description", "string"],
  [3, "unit", "string"],
  [5, "gauge", () => Gauge],
  [7, "sum", () => Gauge],
  [9, "histogram", () => Histogram],
  [10, "exponentialHistogram", () => Exponential],
  [11, "summary", () => Summary],
);
const Scope: Schema = schema(
  [1, "name", "string"],
  [2, "version", "string"],
  [3, "attributes[]", () => KeyValue],
);
const ScopeMetrics: Schema = schema(
  [1, "scope", () => Scope],
  [2, "metrics[]", () => Metric],
  [3, "schemaUrl", "string"],
);
const Resource: Schema = schema([1, "attributes[]", () => KeyValue]);
const ResourceMetrics: Schema = schema(
  [1, "resource", () => Resource],
  [2, "scopeMetrics[]", () => ScopeMetrics],
);
const ExportRequest: Schema = schema([1, "resourceMetrics[]", () => ResourceMetrics]);

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** An ExportMetricsServiceRequest in protobuf. Throws RefusalError("bad_data"). */
export function decodeOtlpProtobuf(bytes: Uint8Array): OtlpMessage {
  const reader = new ProtobufReader();
  reader.reset(bytes, 0, bytes.length);
  const message = readMessage(reader, bytes, ExportRequest, 0);
  if (reader.failed) throw new RefusalError("bad_data", "the request is not well-formed protobuf");
  return message;
}

/** The same in OTLP's JSON. Its types are judged where they are used. */
export function decodeOtlpJson(bytes: Uint8Array): OtlpMessage {
  try {
    const message: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return asMessage(message);
  } catch (error) {
    if (error instanceof RefusalError) throw error;
    throw new RefusalError("bad_data", `the request is not well-formed JSON: ${String(error)}`);
  }
}

function readMessage(reader: ProtobufReader, bytes: Uint8Array, fields: Schema, depth: number): OtlpMessage {
  const message: Record<string, unknown> = {};
  if (depth > OTLP_DEPTH_MAX) reader.fail();
  while (reader.next()) {
    const field = fields.get(reader.field);
    if (field === undefined) {
      reader.skip();
      continue;
    }
    const { name, type, repeated } = field;
    if (repeated) {
      let list = message[name] as unknown[] | undefined;
      if (list === undefined) {
        list = [];
        message[name] = list;
      }
      readRepeated(reader, bytes, type, list, depth);
    } else message[name] = readValue(reader, bytes, type, depth);
  }
  return message;
}

function readRepeated(
  reader: ProtobufReader,
  bytes: Uint8Array,
  type: Field["type"],
  list: unknown[],
  depth: number,
): void {
  const packed = typeof type === "string" && reader.wireType === WireType.BYTES && type !== "string";
  if (!packed) {
    list.push(readValue(reader, bytes, type, depth));
    return;
  }
  const outer = reader.enter();
  while (reader.more()) list.push(readScalar(reader, bytes, type));
  reader.leave(outer);
}

const WIRE_TYPES: Readonly<Record<Scalar, number>> = {
  string: WireType.BYTES,
  hex: WireType.BYTES,
  blob: WireType.BYTES,
  double: WireType.FIXED64,
  fixed64: WireType.FIXED64,
  sfixed64: WireType.FIXED64,
  sint32: WireType.VARINT,
  varint: WireType.VARINT,
  int64: WireType.VARINT,
  bool: WireType.VARINT,
};

function readValue(reader: ProtobufReader, bytes: Uint8Array, type: Field["type"], depth: number): unknown {
  if (typeof type === "string") {
    return reader.expect(WIRE_TYPES[type]) ? readScalar(reader, bytes, type) : undefined;
  }
  if (!reader.expect(WireType.BYTES)) return undefined;
  const outer = reader.enter();
  const message = readMessage(reader, bytes, type(), depth + 1);
  reader.leave(outer);
  return message;
}

const words = new Uint32Array(2);
const unsigned = new BigUint64Array(words.buffer);
const signed = new BigInt64Array(words.buffer);

function readScalar(reader: ProtobufReader, bytes: Uint8Array, type: Scalar): unknown {
  switch (type) {
    case "double":
      return reader.double();
    case "fixed64":
      reader.doubleWords(words);
      return unsigned[0];
    case "sfixed64":
      reader.doubleWords(words);
      return signed[0];
    case "sint32":
      return reader.sint32();
    case "varint":
      return reader.uint32();
    case "int64":
      return reader.int64();
    case "bool":
      return reader.uint32() !== 0;
    default:
      return readBytes(reader, bytes, type);
  }
}

function readBytes(reader: ProtobufReader, bytes: Uint8Array, type: "string" | "hex" | "blob"): unknown {
  reader.bytes();
  const part = bytes.subarray(reader.start, reader.stop);
  if (type === "string") return utf8.decode(part);
  if (type === "hex") return Array.from(part, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return part;
}

/** What follows reads fields and judges their types; an absent field has its default. */
function wrong(what: string): RefusalError {
  return new RefusalError("bad_data", `the request has a field that is not ${what}`);
}

function asMessage(value: unknown): OtlpMessage {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw wrong("an object");
  return value as OtlpMessage;
}

export function messageOf(message: OtlpMessage, name: string): OtlpMessage {
  return asMessage(message[name]);
}

export function listOf(message: OtlpMessage, name: string): readonly OtlpMessage[] {
  return valuesOf(message, name).map(asMessage);
}

export function valuesOf(message: OtlpMessage, name: string): readonly unknown[] {
  const value = message[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong("a list");
  return value;
}

export function textOf(message: OtlpMessage, name: string): string {
  const value = message[name];
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw wrong("a text");
  return value;
}

export function numberOf(message: OtlpMessage, name: string): number {
  return asNumber(message[name]);
}

/** JSON has 64-bit numbers, NaN and infinities as text. */
export function asNumber(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  if (typeof value === "string" && value !== "") {
    const number = Number(value);
    if (!Number.isNaN(number) || value === "NaN") return number;
  }
  throw wrong("a number");
}

/** Nanoseconds since 1970 as whole milliseconds. */
export function timeMsOf(message: OtlpMessage, name: string): number {
  const value = message[name];
  if (value === undefined || value === null) return 0;
  if (typeof value === "bigint") return Number(value / 1_000_000n);
  if (typeof value === "number" && Number.isSafeInteger(value)) return Math.trunc(value / 1e6);
  if (typeof value === "number" && Number.isFinite(value)) return Number(BigInt(value) / 1_000_000n);
  if (typeof value === "string" && /^\d{1,20}$/.test(value)) return Number(BigInt(value) / 1_000_000n);
  throw wrong("a time");
}
