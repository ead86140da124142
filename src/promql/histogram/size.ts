import type { Histogram } from "../../model/histogram.js";

const STRUCT_BYTES = 168;
const TIMESTAMP_BYTES = 8;

/** How many samples of 16 bytes a histogram counts as: Prometheus' `HPoint.size`. */
export function histogramSamples(histogram: Histogram): number {
  const { positiveSpans, negativeSpans, positiveBuckets, negativeBuckets, customValues } = histogram;
  const parts =
    positiveSpans.length +
    negativeSpans.length +
    positiveBuckets.length +
    negativeBuckets.length +
    customValues.length;
  return Math.floor((STRUCT_BYTES + TIMESTAMP_BYTES + 8 * parts) / 16);
}
