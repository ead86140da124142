import { bucketBound } from "../../model/histogram-bounds.js";
import { KahanSum } from "../eval/go-math.js";
import type { FloatHistogram } from "./float-histogram.js";
import type { Side } from "./side.js";

const kahan = new KahanSum();

export interface WidenedZero {
  readonly count: number;
  /** At least the one asked for: a bucket that it would cut in two goes in as a whole. */
  readonly threshold: number;
  readonly rest: number;
}

/**
 * The count of the zero bucket if it were as wide as `threshold` (not below the one it has). `rest`: the
 * compensations beside the histogram's counts.
 */
export function widenedZero(
  histogram: FloatHistogram,
  threshold: number,
  rest: FloatHistogram | null,
): WidenedZero {
  if (threshold === histogram.zeroThreshold) {
    return { count: histogram.zeroCount, threshold, rest: rest?.zeroCount ?? 0 };
  }
  let wanted = threshold;
  kahan.c = rest?.zeroCount ?? 0;
  for (;;) {
    kahan.sum = histogram.zeroCount;
    wanted = swallow(histogram.positive, rest?.positive ?? null, histogram.schema, wanted);
    const widened = swallow(histogram.negative, rest?.negative ?? null, histogram.schema, wanted);
    // Where the negative side needs more room, the positive side has to be looked at again.
    if (widened === wanted) return { count: kahan.sum, threshold: wanted, rest: kahan.c };
    wanted = widened;
  }
}

/** Adds the buckets of one side that begin below the threshold; returns the threshold that holds them all. */
function swallow(side: Side, rest: Side | null, schema: number, threshold: number): number {
  for (let i = 0; i < side.indexes.length; i++) {
    if (bucketBound(side.indexes[i] - 1, schema, []) >= threshold) break;
    kahan.add(side.counts[i]);
    if (rest !== null) kahan.add(rest.counts[i]);
    const upper = bucketBound(side.indexes[i], schema, []);
    if (upper > threshold) return side.counts[i] === 0 ? threshold : upper;
  }
  return threshold;
}

/** Makes the zero buckets of both equally wide; returns the zero count of `other` at that width. */
export function reconcileZero(
  histogram: FloatHistogram,
  other: FloatHistogram,
  rest: FloatHistogram | null,
): { readonly count: number; readonly rest: number } {
  let count = other.zeroCount;
  let otherRest = 0;
  let threshold = other.zeroThreshold;
  while (threshold !== histogram.zeroThreshold) {
    if (histogram.zeroThreshold > threshold) {
      const widened = widenedZero(other, histogram.zeroThreshold, null);
      count = widened.count;
      threshold = widened.threshold;
      otherRest = widened.rest;
    }
    if (threshold > histogram.zeroThreshold) widenInPlace(histogram, threshold, rest);
  }
  return { count, rest: otherRest };
}

function widenInPlace(histogram: FloatHistogram, threshold: number, rest: FloatHistogram | null): void {
  const widened = widenedZero(histogram, threshold, rest);
  histogram.zeroCount = widened.count;
  histogram.zeroThreshold = widened.threshold;
  if (rest !== null) rest.zeroCount = widened.rest;
  cutBelow(histogram.positive, rest?.positive ?? null, histogram.schema, widened.threshold);
  cutBelow(histogram.negative, rest?.negative ?? null, histogram.schema, widened.threshold);
}

/** Takes out the buckets that are in the zero bucket now, and empty ones. */
function cutBelow(side: Side, rest: Side | null, schema: number, threshold: number): void {
  const kept: number[] = [];
  for (let i = 0; i < side.indexes.length; i++) {
    if (bucketBound(side.indexes[i] - 1, schema, []) < threshold) continue;
    if (side.counts[i] !== 0 || (rest !== null && rest.counts[i] !== 0)) kept.push(i);
  }
  const cut = (from: Side): void => {
    from.indexes = kept.map((i) => from.indexes[i]);
    from.counts = kept.map((i) => from.counts[i]);
  };
  cut(side);
  if (rest !== null) cut(rest);
}
