import type { Histogram } from "../../model/histogram.js";
import type { Annotations } from "../eval/annotations.js";
import { combine, multiply } from "../histogram/arithmetic.js";
import { FloatHistogram, usesCustomBuckets } from "../histogram/float-histogram.js";
import { detectsReset } from "../histogram/reset.js";
import type { PosRange } from "../parse/parse-error.js";

/** The value at `t` on the line between two samples; a counter that fell is taken to have begun at 0. */
export function interpolateFloats(
  t1: number,
  v1: number,
  t2: number,
  v2: number,
  t: number,
  isCounter: boolean,
): number {
  const from = isCounter && v2 < v1 ? 0 : v1;
  return from + ((v2 - from) * (t - t1)) / (t2 - t1);
}

/** Where annotations of an interpolation go. */
export interface Noting {
  readonly annotations: Annotations;
  readonly range: PosRange;
  readonly metric: string;
}

/** The same for histograms; null (noted) where exponential and custom buckets meet. */
export function interpolateHistograms(
  h1: Histogram,
  t1: number,
  h2: Histogram,
  t2: number,
  t: number,
  isCounter: boolean,
  noting: Noting,
): FloatHistogram | null {
  if (t === t1) return FloatHistogram.from(h1);
  if (t === t2) return FloatHistogram.from(h2);
  const fraction = (t - t1) / (t2 - t1);
  const result = FloatHistogram.from(h2);
  if (isCounter && detectsReset(h2, h1)) return multiply(result, fraction);
  const { annotations, range, metric } = noting;
  if (usesCustomBuckets(h1) !== usesCustomBuckets(h2)) {
    annotations.mixedExponentialCustom(metric, range);
    return null;
  }
  if (combine(result, h1, -1)?.reconciled) annotations.mismatchedCustomBuckets("subtraction", range);
  multiply(result, fraction);
  if (combine(result, h1, 1)?.reconciled) annotations.mismatchedCustomBuckets("addition", range);
  return result;
}
