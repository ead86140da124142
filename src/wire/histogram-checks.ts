/** Rules that the parts of a native histogram obey, and the way down to a coarser schema. */
import type { HistogramSpan } from "../model/histogram.js";

/** Bucket indexes are 32-bit integers, in chunks and in every peer. */
const INDEX_MAX = 2 ** 31 - 1;
const INDEX_MIN = -(2 ** 31);

type Side = "positive" | "negative";

/** Null, or why these spans do not name `bucketCount` buckets in ascending order. */
export function checkSpans(side: Side, spans: readonly HistogramSpan[], bucketCount: number): string | null {
  let buckets = 0;
  let index = 0;
  for (let i = 0; i < spans.length; i++) {
    const { offset, length } = spans[i];
    if (i > 0 && offset < 0) return `${side} span ${i + 1} has the negative offset ${offset}`;
    buckets += length;
    index += offset + length;
    if (index > INDEX_MAX || index < INDEX_MIN) return `the ${side} spans reach beyond 32-bit indexes`;
  }
  if (buckets === bucketCount) return null;
  return `the ${side} spans name ${buckets} buckets, ${bucketCount} are given`;
}

/** Null, or which absolute count is negative. */
export function checkBuckets(side: Side, counts: readonly number[]): string | null {
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] < 0) return `${side} bucket ${i + 1} has a count of ${counts[i]}`;
  }
  return null;
}

interface CustomParts {
  readonly zeroThreshold: number;
  readonly positiveSpans: readonly HistogramSpan[];
  readonly negativeSpans: readonly HistogramSpan[];
  readonly customValues: readonly number[];
}

/** The rules of schema -53, whose bounds come with the histogram. */
export function checkCustomBuckets(
  parts: CustomParts,
  zeroCount: number,
  positive: readonly number[],
  negative: readonly number[],
): string | null {
  const { customValues, positiveSpans } = parts;
  if (zeroCount !== 0 || parts.zeroThreshold !== 0) return "custom buckets with a zero bucket";
  if (parts.negativeSpans.length > 0 || negative.length > 0) return "custom buckets with a negative side";
  for (let i = 0; i < customValues.length; i++) {
    if (Number.isNaN(customValues[i])) return `custom bound ${i + 1} is not a number`;
    if (i > 0 && customValues[i] <= customValues[i - 1]) {
      return `custom bound ${customValues[i]} follows ${customValues[i - 1]}`;
    }
  }
  if (customValues.at(-1) === Number.POSITIVE_INFINITY) return "the custom bound +Inf must be left out";
  if (positiveSpans.length > 0 && positiveSpans[0].offset < 0) {
    return `positive span 1 has the negative offset ${positiveSpans[0].offset} with custom buckets`;
  }
  const reason = checkSpans("positive", positiveSpans, positive.length);
  if (reason !== null) return reason;
  let reach = 0;
  for (const { offset, length } of positiveSpans) reach += offset + length;
  if (reach > customValues.length + 1) {
    return `the spans reach ${reach} buckets far, ${customValues.length} custom bounds make ${customValues.length + 1}`;
  }
  return checkBuckets("positive", positive);
}

/**
 * Merges 2^`steps` neighbouring exponential buckets into one: what a schema that is smaller by `steps` would
 * have counted. Bucket i covers (base^(i-1), base^i], so i goes to ceil(i / 2^steps). Needs checked spans.
 */
export function mergeBuckets(
  spans: readonly HistogramSpan[],
  buckets: readonly number[],
  steps: number,
): { readonly spans: HistogramSpan[]; readonly buckets: number[] } {
  const factor = 2 ** steps;
  const merged: number[] = [];
  const starts: { offset: number; length: number }[] = [];
  let index = 0;
  let next = 0;
  let target = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let i = 0; i < length; i++, index++) {
      const to = Math.ceil(index / factor) | 0;
      if (merged.length > 0 && to === target) {
        merged[merged.length - 1] += buckets[next++];
        continue;
      }
      const gap = merged.length === 0 ? to : to - target - 1;
      if (merged.length === 0 || gap > 0) starts.push({ offset: gap, length: 1 });
      else starts[starts.length - 1].length++;
      merged.push(buckets[next++]);
      target = to;
    }
  }
  return { spans: starts, buckets: merged };
}
