import {
  CUSTOM_BUCKETS_SCHEMA,
  type Histogram,
  type HistogramSpan,
  type ResetHint,
} from "../../model/histogram.js";
import { copySide, type Side, sideOf, spansOf } from "./side.js";

/**
 * A native histogram to compute with: the buckets of each side as index and count, in ascending order of index.
 * It is a `Histogram` for whoever only reads it.
 */
export class FloatHistogram implements Histogram {
  readonly float = true;
  resetHint: ResetHint = 0;
  schema = 0;
  zeroThreshold = 0;
  zeroCount = 0;
  count = 0;
  sum = 0;
  positive: Side = { indexes: [], counts: [] };
  negative: Side = { indexes: [], counts: [] };
  customValues: readonly number[] = [];

  /** A copy that may be changed. */
  static from(histogram: Histogram): FloatHistogram {
    const copy = new FloatHistogram();
    copy.resetHint = histogram.resetHint;
    copy.schema = histogram.schema;
    copy.zeroThreshold = histogram.zeroThreshold;
    copy.zeroCount = histogram.zeroCount;
    copy.count = histogram.count;
    copy.sum = histogram.sum;
    if (histogram instanceof FloatHistogram) {
      copy.positive = copySide(histogram.positive);
      copy.negative = copySide(histogram.negative);
      copy.customValues = histogram.customValues;
    } else {
      copy.positive = sideOf(histogram.positiveSpans, histogram.positiveBuckets);
      copy.negative = sideOf(histogram.negativeSpans, histogram.negativeBuckets);
      copy.customValues = Array.from(histogram.customValues);
    }
    return copy;
  }

  /** To read only: the histogram itself where it is of this class already. */
  static view(histogram: Histogram): FloatHistogram {
    return histogram instanceof FloatHistogram ? histogram : FloatHistogram.from(histogram);
  }

  copy(): FloatHistogram {
    return FloatHistogram.from(this);
  }

  get isCustom(): boolean {
    return this.schema === CUSTOM_BUCKETS_SCHEMA;
  }

  get positiveSpans(): readonly HistogramSpan[] {
    return spansOf(this.positive);
  }

  get negativeSpans(): readonly HistogramSpan[] {
    return spansOf(this.negative);
  }

  get positiveBuckets(): readonly number[] {
    return this.positive.counts;
  }

  get negativeBuckets(): readonly number[] {
    return this.negative.counts;
  }
}

export function usesCustomBuckets(histogram: Histogram): boolean {
  return histogram.schema === CUSTOM_BUCKETS_SCHEMA;
}
