/** OpenTelemetry's histograms as native ones (storage/remote/otlptranslator of Prometheus). */
import { CUSTOM_BUCKETS_SCHEMA, type Histogram, type HistogramSpan, ResetHint } from "../model/histogram.js";
import { asNumber, messageOf, numberOf, type OtlpMessage, valuesOf } from "./otlp-decode.js";
import { HISTOGRAM_PARTS_MAX, staleHistogram } from "./remote-write-histogram.js";

const SCHEMA_MIN = -4;
const SCHEMA_MAX = 8;
/** Where OpenTelemetry names no threshold. */
const ZERO_THRESHOLD = 1e-128;
/** Gaps of up to so many buckets are filled with zeros instead of beginning a span. */
const GAP_MAX = 2;
/** Indexes of buckets are 32-bit numbers on the wire. */
const INDEX_MAX = 2 ** 31 - 1;
export const NO_RECORDED_VALUE = 1;

/** A string is the reason why the point is refused. */
export function nativeOfExponential(point: OtlpMessage, delta: boolean): Histogram | string {
  if ((numberOf(point, "flags") & NO_RECORDED_VALUE) !== 0) return staleHistogram(false);
  const scale = numberOf(point, "scale");
  if (!(scale >= SCHEMA_MIN)) {
    return `cannot convert exponential to native histogram. Scale must be >= ${SCHEMA_MIN}, was ${scale}`;
  }
  const scaleDown = Math.max(0, scale - SCHEMA_MAX);
  const positive = layout(messageOf(point, "positive"), scaleDown);
  const negative = layout(messageOf(point, "negative"), scaleDown);
  if (typeof positive === "string") return positive;
  if (typeof negative === "string") return negative;
  return {
    float: false,
    resetHint: delta ? ResetHint.GAUGE : ResetHint.UNKNOWN,
    schema: Math.min(scale, SCHEMA_MAX),
    zeroThreshold: ZERO_THRESHOLD,
    zeroCount: numberOf(point, "zeroCount"),
    count: numberOf(point, "count"),
    sum: numberOf(point, "sum"),
    positiveSpans: positive.spans,
    negativeSpans: negative.spans,
    positiveBuckets: positive.counts,
    negativeBuckets: negative.counts,
    customValues: [],
  };
}

/** A histogram with bounds of its own. */
export function nativeOfExplicit(point: OtlpMessage, delta: boolean): Histogram | string {
  if ((numberOf(point, "flags") & NO_RECORDED_VALUE) !== 0) return staleHistogram(false);
  const counts = valuesOf(point, "bucketCounts").map(asNumber);
  const bounds = valuesOf(point, "explicitBounds").map(asNumber);
  if (counts.length > HISTOGRAM_PARTS_MAX) return TOO_MANY;
  const positive = sparse(counts.map((count, index) => [index, count]));
  return {
    float: false,
    resetHint: delta ? ResetHint.GAUGE : ResetHint.UNKNOWN,
    schema: CUSTOM_BUCKETS_SCHEMA,
    zeroThreshold: 0,
    zeroCount: 0,
    count: numberOf(point, "count"),
    sum: numberOf(point, "sum"),
    positiveSpans: positive.spans,
    negativeSpans: [],
    positiveBuckets: positive.counts,
    negativeBuckets: [],
    customValues: bounds,
  };
}

const TOO_MANY = `the histogram has more than ${HISTOGRAM_PARTS_MAX} buckets`;

interface Layout {
  readonly spans: HistogramSpan[];
  readonly counts: number[];
}

/**
 * OpenTelemetry's bucket i is (base^i, base^(i+1)], Prometheus' (base^(i-1), base^i]. 2^scaleDown buckets become one.
 */
function layout(buckets: OtlpMessage, scaleDown: number): Layout | string {
  const raw = valuesOf(buckets, "bucketCounts").map(asNumber);
  const offset = numberOf(buckets, "offset");
  if (raw.length > HISTOGRAM_PARTS_MAX) return TOO_MANY;
  if (!Number.isInteger(offset) || Math.abs(offset) + raw.length > INDEX_MAX) {
    return `the histogram's offset ${offset} is out of range`;
  }
  const merged: [index: number, count: number][] = [];
  raw.forEach((count, i) => {
    const index = Math.floor((i + offset) / 2 ** scaleDown) + 1;
    const last = merged.at(-1);
    if (last?.[0] === index) last[1] += count;
    else merged.push([index, count]);
  });
  return sparse(merged);
}

/** Buckets in ascending order as spans: empty ones are left out, but for small gaps. */
function sparse(buckets: readonly (readonly [index: number, count: number])[]): Layout {
  const spans: { offset: number; length: number }[] = [];
  const counts: number[] = [];
  let next = 0;
  for (const [index, count] of buckets) {
    if (count === 0) continue;
    const span = spans.at(-1);
    const gap = index - next;
    if (span === undefined || gap > GAP_MAX) spans.push({ offset: gap, length: 1 });
    else {
      for (let i = 0; i < gap; i++) counts.push(0);
      span.length += gap + 1;
    }
    counts.push(count);
    next = index + 1;
  }
  return { spans, counts };
}
