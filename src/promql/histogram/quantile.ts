import type { Histogram } from "../../model/histogram.js";
import type { Annotations } from "../eval/annotations.js";
import { goExp2 } from "../math/exp.js";
import { goLog2 } from "../math/log.js";
import type { PosRange } from "../parse/parse-error.js";
import { allBuckets, type Bucket, fractionBelow } from "./buckets.js";
import { FloatHistogram } from "./float-histogram.js";

/** The q-quantile of a native histogram: linear in custom and zero buckets, else on a logarithmic scale. */
export function nativeQuantile(
  q: number,
  histogram: Histogram,
  annotations: Annotations,
  metric: string,
  range: PosRange,
): number {
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  if (histogram.count === 0 || Number.isNaN(q)) return Number.NaN;
  const view = FloatHistogram.view(histogram);
  const hasNaN = Number.isNaN(view.sum);
  // Observations of NaN are in the count but in no bucket: with them only counting from below is right.
  const forward = hasNaN || q < 0.5;
  const buckets = allBuckets(view);
  if (!forward) buckets.reverse();
  let rank = forward ? q * view.count : (1 - q) * view.count;
  let count = 0;
  let bucket: Bucket = { lower: 0, upper: 0, lowerInclusive: false, upperInclusive: false, count: 0 };
  let at = 0;
  while (at < buckets.length) {
    bucket = buckets[at++];
    if (bucket.count === 0) continue;
    count += bucket.count;
    if (count >= rank) break;
  }
  const decided = settleBounds(view, bucket);
  if (decided !== undefined) return decided;
  count = Math.min(count, view.count);
  if (count < rank) {
    if (!hasNaN) return bucket.upper;
    annotations.quantileOfNaNs(metric, range);
    return Number.NaN;
  }
  rank = forward ? rank - (count - bucket.count) : count - rank;
  if (hasNaN) {
    const total = buckets.slice(at).reduce((sum, { count: more }) => sum + more, count);
    if (total < view.count) annotations.quantileSkewedByNaNs(metric, range);
    // Prometheus interpolates in the bucket that it looked at last when it counted the rest.
    bucket = buckets.at(-1) ?? bucket;
  }
  return interpolate(view, bucket, rank / bucket.count);
}

/** Narrows a bucket that reaches across zero for no reason; the result where it needs no interpolation. */
function settleBounds(view: FloatHistogram, bucket: Bucket): number | undefined {
  if (!view.isCustom) {
    narrowZero(view, bucket);
    return undefined;
  }
  if (bucket.lower === -Infinity) {
    if (bucket.upper <= 0) return bucket.upper;
    bucket.lower = 0;
    return undefined;
  }
  return bucket.upper === Infinity ? bucket.lower : undefined;
}

/** The zero bucket of a histogram with buckets on one side only lies on that side. */
function narrowZero(view: FloatHistogram, bucket: Bucket): void {
  if (!(bucket.lower < 0 && bucket.upper > 0)) return;
  const [negatives, positives] = [view.negative.counts.length, view.positive.counts.length];
  if (negatives === 0 && positives > 0) bucket.lower = 0;
  else if (positives === 0 && negatives > 0) bucket.upper = 0;
}

function interpolate(view: FloatHistogram, bucket: Bucket, fraction: number): number {
  const { lower, upper } = bucket;
  if (view.isCustom || (lower <= 0 && upper >= 0)) return lower + (upper - lower) * fraction;
  const logLower = goLog2(Math.abs(lower));
  const logUpper = goLog2(Math.abs(upper));
  if (lower > 0) return goExp2(logLower + (logUpper - logLower) * fraction);
  return -goExp2(logUpper + (logLower - logUpper) * (1 - fraction));
}

/** The share of observations between two values. */
export function nativeFraction(
  lower: number,
  upper: number,
  histogram: Histogram,
  annotations: Annotations,
  metric: string,
  range: PosRange,
): number {
  if (histogram.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  const view = FloatHistogram.view(histogram);
  const buckets = allBuckets(view);
  let total = view.count;
  if (Number.isNaN(view.sum)) {
    total = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
    if (total < view.count) annotations.fractionWithoutNaNs(metric, range);
  }
  for (const bucket of buckets) if (bucket.lower <= 0 && bucket.upper >= 0) narrowSided(view, bucket);
  const low = rankOf(view, buckets, lower, total);
  const high = rankOf(view, buckets, upper, total);
  return (high - low) / view.count;
}

function narrowSided(view: FloatHistogram, bucket: Bucket): void {
  const [negatives, positives] = [view.negative.counts.length, view.positive.counts.length];
  if (negatives === 0 && positives > 0) bucket.lower = 0;
  else if (positives === 0 && negatives > 0) bucket.upper = 0;
}

/** How many observations lie below `value`. */
function rankOf(view: FloatHistogram, buckets: readonly Bucket[], value: number, total: number): number {
  let rank = 0;
  for (const bucket of buckets) {
    if (bucket.lower >= value) return Math.min(rank, total);
    if (bucket.upper > value) {
      const linear = view.isCustom || (bucket.lower <= 0 && bucket.upper >= 0);
      if (linear && bucket.lower === -Infinity) return Math.min(bucket.count, total);
      const found = rank + bucket.count * fractionBelow(bucket, value, linear);
      return Math.min(found, total);
    }
    rank += bucket.count;
  }
  return total;
}
