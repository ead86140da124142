import type { Histogram } from "../../model/histogram.js";
import { bucketBound } from "../../model/histogram-bounds.js";
import { goLog2 } from "../math/log.js";
import { FloatHistogram } from "./float-histogram.js";

export interface Bucket {
  lower: number;
  upper: number;
  readonly lowerInclusive: boolean;
  readonly upperInclusive: boolean;
  count: number;
}

function positiveBucket(histogram: FloatHistogram, i: number): Bucket {
  const { schema, customValues, isCustom } = histogram;
  const index = histogram.positive.indexes[i];
  const lower = bucketBound(index - 1, schema, customValues);
  return {
    lower,
    upper: bucketBound(index, schema, customValues),
    lowerInclusive: isCustom ? index === 0 : false,
    upperInclusive: true,
    count: histogram.positive.counts[i],
  };
}

function negativeBucket(histogram: FloatHistogram, i: number): Bucket {
  const index = histogram.negative.indexes[i];
  return {
    lower: -bucketBound(index, histogram.schema, []),
    upper: -bucketBound(index - 1, histogram.schema, []),
    lowerInclusive: true,
    upperInclusive: false,
    count: histogram.negative.counts[i],
  };
}

export function positiveBuckets(histogram: Histogram): Bucket[] {
  const view = FloatHistogram.view(histogram);
  return view.positive.indexes.map((_, i) => positiveBucket(view, i));
}

/** In the order of the wire: away from zero. */
export function negativeBuckets(histogram: Histogram): Bucket[] {
  const view = FloatHistogram.view(histogram);
  return view.negative.indexes.map((_, i) => negativeBucket(view, i));
}

export function zeroBucket({ zeroThreshold, zeroCount }: Histogram): Bucket {
  return {
    lower: -zeroThreshold,
    upper: zeroThreshold,
    lowerInclusive: true,
    upperInclusive: true,
    count: zeroCount,
  };
}

/** All buckets from the lowest to the highest value; none reaches into the zero bucket. */
export function allBuckets(histogram: Histogram): Bucket[] {
  const threshold = histogram.zeroThreshold;
  const negative = negativeBuckets(histogram).reverse();
  for (const bucket of negative) if (bucket.upper < 0 && bucket.upper > -threshold) bucket.upper = -threshold;
  const positive = positiveBuckets(histogram);
  for (const bucket of positive) if (bucket.lower > 0 && bucket.lower < threshold) bucket.lower = threshold;
  return histogram.zeroCount > 0
    ? [...negative, zeroBucket(histogram), ...positive]
    : [...negative, ...positive];
}

/** Which part of the bucket's observations lies below `value`, which is inside it. */
export function fractionBelow(bucket: Bucket, value: number, linear: boolean): number {
  if (linear) return (value - bucket.lower) / (bucket.upper - bucket.lower);
  const logLower = goLog2(Math.abs(bucket.lower));
  const logUpper = goLog2(Math.abs(bucket.upper));
  const logValue = goLog2(Math.abs(value));
  if (value > 0) return (logValue - logLower) / (logUpper - logLower);
  return 1 - (logValue - logUpper) / (logLower - logUpper);
}
