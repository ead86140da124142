import type { Histogram } from "../../model/histogram.js";
import { compact } from "./arithmetic.js";
import { type Bucket, fractionBelow, negativeBuckets, positiveBuckets, zeroBucket } from "./buckets.js";
import { FloatHistogram } from "./float-histogram.js";

/** What of a bucket is kept: how many observations, and the value that they stand for. */
interface Kept {
  readonly count: number;
  readonly midpoint: number;
}

/** Leaves the observations below (`upper`) or above `bound`; count and sum are estimated from the buckets. */
export function trim(histogram: Histogram, bound: number, upper: boolean): FloatHistogram {
  const out = FloatHistogram.from(histogram);
  let count = 0;
  let sum = 0;
  let changed = false;
  const seen = { positive: false, negative: false };
  for (const side of ["positive", "negative"] as const) {
    const buckets = side === "positive" ? positiveBuckets(out) : negativeBuckets(out);
    buckets.forEach((bucket, i) => {
      if (bucket.count === 0) return;
      seen[side] = true;
      const kept = trimBucket(bucket, bound, upper, side === "positive", out.isCustom);
      count += kept.count;
      sum += kept.count === 0 ? 0 : kept.midpoint * kept.count;
      if (out[side].counts[i] !== kept.count) {
        out[side].counts[i] = kept.count;
        changed = true;
      }
    });
  }
  if (out.zeroCount > 0) {
    const kept = trimZero(zeroBucket(out), bound, upper, seen.negative, seen.positive);
    if (kept.count !== out.zeroCount) {
      out.zeroCount = kept.count;
      changed = true;
    }
    count += kept.count;
    sum += kept.midpoint * kept.count;
  }
  if (!changed) return out;
  out.count = count;
  out.sum = sum;
  return compact(out);
}

function trimBucket(bucket: Bucket, bound: number, upper: boolean, positive: boolean, linear: boolean): Kept {
  const whole = upper ? bucket.upper <= bound : bucket.lower >= bound;
  if (whole) {
    return { count: bucket.count, midpoint: midpointOf(bucket.lower, bucket.upper, positive, linear) };
  }
  const cut = upper ? bucket.lower < bound : bucket.upper > bound;
  if (!cut) return { count: 0, midpoint: 0 };
  if (bucket.lower === -Infinity || bucket.upper === Infinity) return trimInfinite(bucket, bound, upper);
  const below = splitOf(bucket, bound, linear);
  return upper
    ? { count: below, midpoint: midpointOf(bucket.lower, bound, positive, linear) }
    : { count: bucket.count - below, midpoint: midpointOf(bound, bucket.upper, positive, linear) };
}

function splitOf(bucket: Bucket, bound: number, linear: boolean): number {
  if (bound <= bucket.lower) return 0;
  if (bound >= bucket.upper) return bucket.count;
  return bucket.count * fractionBelow(bucket, bound, linear);
}

function finiteOrZero(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

/** A bucket without end on one side: its observations are taken to lie between zero and the other end. */
function trimInfinite(bucket: Bucket, bound: number, upper: boolean): Kept {
  const { lower, upper: top, count } = bucket;
  if (lower === -Infinity) {
    if (upper) {
      if (bound >= top) return { count, midpoint: 0 };
      if (bound > 0 && top > 0 && top !== Infinity) {
        return { count: (count * bound) / top, midpoint: bound / 2 };
      }
      return top <= 0 ? { count, midpoint: bound } : { count: 0, midpoint: finiteOrZero(top) };
    }
    if (bound <= lower) return { count, midpoint: 0 };
    if (bound >= 0 && top > bound && top !== Infinity) {
      return { count: count * (1 - bound / top), midpoint: (bound + top) / 2 };
    }
    return { count: 0, midpoint: finiteOrZero(top) };
  }
  if (upper || bound < lower) return { count: 0, midpoint: finiteOrZero(lower) };
  return { count, midpoint: bound };
}

function trimZero(
  bucket: Bucket,
  bound: number,
  upper: boolean,
  hasNegative: boolean,
  hasPositive: boolean,
): Kept {
  const low = hasPositive && !hasNegative ? 0 : bucket.lower;
  const high = hasNegative && !hasPositive ? 0 : bucket.upper;
  const whole = upper ? bound >= high : bound <= low;
  const none = upper ? bound <= low : bound >= high;
  // The order matters where the bucket has no width.
  if (upper ? none : !whole && none) return { count: 0, midpoint: 0 };
  if (whole) return { count: bucket.count, midpoint: (low + high) / 2 };
  if (upper) return { count: bucket.count * ((bound - low) / (high - low)), midpoint: (low + bound) / 2 };
  return { count: bucket.count * ((high - bound) / (high - low)), midpoint: (bound + high) / 2 };
}

function midpointOf(low: number, high: number, positive: boolean, linear: boolean): number {
  const [lowInfinite, highInfinite] = [!Number.isFinite(low), !Number.isFinite(high)];
  if (lowInfinite && highInfinite) return 0;
  if (lowInfinite) return high > 0 ? high / 2 : high;
  if (highInfinite) return low;
  if (linear) return (low + high) / 2;
  const mean = Math.sqrt(Math.abs(low * high));
  return positive ? mean : -mean;
}
