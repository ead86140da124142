/**
 * Native histograms of Remote Write 1.0 and 2.0 (their `Histogram` messages share one numbering), checked as
 * docs/API.md promises. The kernel finds the message; everything in it is read here.
 */
import { ProtobufReader, WireType } from "../encoding/protobuf.js";
import { CUSTOM_BUCKETS_SCHEMA, type Histogram, type HistogramSpan, ResetHint } from "../model/histogram.js";
import { STALE_NAN_HIGH, STALE_NAN_LOW, setStaleAt } from "../model/stale.js";
import { checkBuckets, checkCustomBuckets, checkSpans, mergeBuckets } from "./histogram-checks.js";

export interface TimedHistogram {
  readonly timestampMs: number;
  readonly histogram: Histogram;
}

/** Buckets, spans or bounds that one histogram may have on one side. */
export const HISTOGRAM_PARTS_MAX = 65_536;
const SCHEMA_MIN = -4;
const SCHEMA_MAX = 8;
/** Exponential schemas above SCHEMA_MAX are reserved: they are merged down to it. */
const SCHEMA_RESERVED_MAX = 52;

const STALE_SUM = new Float64Array(1);
setStaleAt(new Uint32Array(STALE_SUM.buffer), 0);

const NO_NUMBERS: readonly number[] = [];
const NO_SPANS: readonly HistogramSpan[] = [];

/** The stale marker of a histogram series: nothing but its sum. */
export function staleHistogram(float: boolean): Histogram {
  return {
    float,
    resetHint: ResetHint.UNKNOWN,
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: STALE_SUM[0],
    positiveSpans: NO_SPANS,
    negativeSpans: NO_SPANS,
    positiveBuckets: NO_NUMBERS,
    negativeBuckets: NO_NUMBERS,
    customValues: NO_NUMBERS,
  };
}

/** The fields of one message as they came. One object serves all calls of this thread. */
interface RawHistogram {
  /** Which member of each `oneof` was set last. */
  floatCount: boolean;
  count: number;
  zeroCount: number;
  floatZeroCount: boolean;
  sum: number;
  stale: boolean;
  schema: number;
  zeroThreshold: number;
  resetHint: number;
  timestampMs: number;
  positiveSpans: HistogramSpan[];
  negativeSpans: HistogramSpan[];
  positiveDeltas: number[];
  negativeDeltas: number[];
  positiveCounts: number[];
  negativeCounts: number[];
  customValues: number[];
  tooMany: boolean;
}

const reader = new ProtobufReader();
const sumWords = new Uint32Array(2);
const sumFloat = new Float64Array(sumWords.buffer);

/**
 * Decodes and validates the message in bytes [start, end). A string is the reason why it is refused; it says
 * nothing about the series. The result shares nothing with `bytes`.
 */
export function decodeHistogram(bytes: Uint8Array, start: number, end: number): TimedHistogram | string {
  reader.reset(bytes, start, end);
  const raw = emptyHistogram();
  while (reader.next()) readField(reader, raw);
  if (reader.failed) return "the histogram is not well-formed protobuf";
  if (raw.tooMany) return `the histogram has more than ${HISTOGRAM_PARTS_MAX} buckets, spans or bounds`;
  const histogram = raw.floatCount ? floatHistogram(raw) : integerHistogram(raw);
  return typeof histogram === "string" ? histogram : { timestampMs: raw.timestampMs, histogram };
}

function emptyHistogram(): RawHistogram {
  return {
    floatCount: false,
    count: 0,
    zeroCount: 0,
    floatZeroCount: false,
    sum: 0,
    stale: false,
    schema: 0,
    zeroThreshold: 0,
    resetHint: 0,
    timestampMs: 0,
    positiveSpans: [],
    negativeSpans: [],
    positiveDeltas: [],
    negativeDeltas: [],
    positiveCounts: [],
    negativeCounts: [],
    customValues: [],
    tooMany: false,
  };
}

function readField(message: ProtobufReader, raw: RawHistogram): void {
  switch (message.field) {
    case 1:
      if (message.expect(WireType.VARINT)) raw.count = message.uint64();
      raw.floatCount = false;
      break;
    case 2:
      if (message.expect(WireType.FIXED64)) raw.count = message.double();
      raw.floatCount = true;
      break;
    case 3:
      if (message.expect(WireType.FIXED64)) readSum(message, raw);
      break;
    case 4:
      if (message.expect(WireType.VARINT)) raw.schema = message.sint32();
      break;
    case 5:
      if (message.expect(WireType.FIXED64)) raw.zeroThreshold = message.double();
      break;
    case 6:
      if (message.expect(WireType.VARINT)) raw.zeroCount = message.uint64();
      raw.floatZeroCount = false;
      break;
    case 7:
      if (message.expect(WireType.FIXED64)) raw.zeroCount = message.double();
      raw.floatZeroCount = true;
      break;
    case 14:
      if (message.expect(WireType.VARINT)) raw.resetHint = message.uint32();
      break;
    case 15:
      if (message.expect(WireType.VARINT)) raw.timestampMs = message.int64();
      break;
    default:
      readRepeated(message, raw);
  }
}

function readRepeated(message: ProtobufReader, raw: RawHistogram): void {
  switch (message.field) {
    case 8:
      readSpan(message, raw, raw.negativeSpans);
      break;
    case 9:
      readDeltas(message, raw, raw.negativeDeltas);
      break;
    case 10:
      readDoubles(message, raw, raw.negativeCounts);
      break;
    case 11:
      readSpan(message, raw, raw.positiveSpans);
      break;
    case 12:
      readDeltas(message, raw, raw.positiveDeltas);
      break;
    case 13:
      readDoubles(message, raw, raw.positiveCounts);
      break;
    case 16:
      readDoubles(message, raw, raw.customValues);
      break;
    default:
      message.skip();
  }
}

function readSum(message: ProtobufReader, raw: RawHistogram): void {
  message.doubleWords(sumWords);
  raw.sum = sumFloat[0];
  raw.stale = sumWords[0] === STALE_NAN_LOW && sumWords[1] === STALE_NAN_HIGH;
}

function readSpan(message: ProtobufReader, raw: RawHistogram, spans: HistogramSpan[]): void {
  if (!message.expect(WireType.BYTES)) return;
  let offset = 0;
  let length = 0;
  const outer = message.enter();
  while (message.next()) {
    if (message.field === 1 && message.expect(WireType.VARINT)) offset = message.sint32();
    else if (message.field === 2 && message.expect(WireType.VARINT)) length = message.uint32();
    else message.skip();
  }
  message.leave(outer);
  if (spans.length < HISTOGRAM_PARTS_MAX) spans.push({ offset, length });
  else raw.tooMany = true;
}

/** Packed, as proto3 writes them, or one by one, as it must be able to read them. */
function readDeltas(message: ProtobufReader, raw: RawHistogram, deltas: number[]): void {
  if (message.wireType === WireType.VARINT) {
    deltas.push(message.sint64());
  } else if (message.expect(WireType.BYTES)) {
    const outer = message.enter();
    while (message.more() && deltas.length <= HISTOGRAM_PARTS_MAX) deltas.push(message.sint64());
    message.leave(outer);
  }
  if (deltas.length > HISTOGRAM_PARTS_MAX) refuseParts(raw, deltas);
}

function readDoubles(message: ProtobufReader, raw: RawHistogram, doubles: number[]): void {
  if (message.wireType === WireType.FIXED64) {
    doubles.push(message.double());
  } else if (message.expect(WireType.BYTES)) {
    const outer = message.enter();
    while (message.more() && doubles.length <= HISTOGRAM_PARTS_MAX) doubles.push(message.double());
    message.leave(outer);
  }
  if (doubles.length > HISTOGRAM_PARTS_MAX) refuseParts(raw, doubles);
}

function refuseParts(raw: RawHistogram, parts: number[]): void {
  raw.tooMany = true;
  parts.length = 0;
}

function integerHistogram(raw: RawHistogram): Histogram | string {
  const zeroCount = raw.floatZeroCount ? 0 : raw.zeroCount;
  const positive = absolute(raw.positiveDeltas);
  const negative = absolute(raw.negativeDeltas);
  const checked = checkedHistogram(raw, zeroCount, positive, negative);
  if (typeof checked === "string") return checked;
  const observations = sumOf(positive) + sumOf(negative) + zeroCount;
  if (!(observations <= Number.MAX_SAFE_INTEGER && raw.count <= Number.MAX_SAFE_INTEGER)) {
    return "the histogram counts more than 2^53 observations";
  }
  const right = Number.isNaN(raw.sum) ? observations <= raw.count : observations === raw.count;
  if (!right) return `the buckets hold ${observations} observations, the count is ${raw.count}`;
  return raw.stale ? staleHistogram(false) : checked;
}

function floatHistogram(raw: RawHistogram): Histogram | string {
  const zeroCount = raw.floatZeroCount ? raw.zeroCount : 0;
  if (zeroCount < 0) return `the zero bucket has a count of ${zeroCount}`;
  if (raw.count < 0) return `the count is ${raw.count}`;
  const checked = checkedHistogram(raw, zeroCount, raw.positiveCounts, raw.negativeCounts);
  return typeof checked !== "string" && raw.stale ? staleHistogram(true) : checked;
}

/** What integer and float histograms are held to alike, at a schema that chunks know. */
function checkedHistogram(
  raw: RawHistogram,
  zeroCount: number,
  positive: number[],
  negative: number[],
): Histogram | string {
  const { schema, positiveSpans, negativeSpans, customValues } = raw;
  const custom = schema === CUSTOM_BUCKETS_SCHEMA;
  if (!custom && (schema < SCHEMA_MIN || schema > SCHEMA_RESERVED_MAX))
    return `schema ${schema} is not known`;
  const reason = custom
    ? checkCustomBuckets(raw, zeroCount, positive, negative)
    : checkExponentialBuckets(raw, positive, negative);
  if (reason !== null) return reason;
  const merged = schema > SCHEMA_MAX;
  const positiveSide = merged ? mergeBuckets(positiveSpans, positive, schema - SCHEMA_MAX) : null;
  const negativeSide = merged ? mergeBuckets(negativeSpans, negative, schema - SCHEMA_MAX) : null;
  return {
    float: raw.floatCount,
    resetHint: raw.resetHint <= ResetHint.GAUGE ? (raw.resetHint as ResetHint) : ResetHint.UNKNOWN,
    schema: merged ? SCHEMA_MAX : schema,
    zeroThreshold: raw.zeroThreshold,
    zeroCount,
    count: raw.count,
    sum: raw.sum,
    positiveSpans: positiveSide?.spans ?? positiveSpans,
    negativeSpans: negativeSide?.spans ?? negativeSpans,
    positiveBuckets: positiveSide?.buckets ?? positive,
    negativeBuckets: negativeSide?.buckets ?? negative,
    customValues,
  };
}

function checkExponentialBuckets(
  raw: RawHistogram,
  positive: readonly number[],
  negative: readonly number[],
): string | null {
  if (raw.customValues.length > 0) return `custom bounds with the exponential schema ${raw.schema}`;
  return (
    checkSpans("positive", raw.positiveSpans, positive.length) ??
    checkSpans("negative", raw.negativeSpans, negative.length) ??
    checkBuckets("positive", positive) ??
    checkBuckets("negative", negative)
  );
}

/** Running sums, in place. */
function absolute(deltas: number[]): number[] {
  let count = 0;
  for (let i = 0; i < deltas.length; i++) {
    count += deltas[i];
    deltas[i] = count;
  }
  return deltas;
}

function sumOf(counts: readonly number[]): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
