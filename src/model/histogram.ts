/** What the sender said about a reset before this histogram (Prometheus' `CounterResetHint`). */
export const ResetHint: { readonly UNKNOWN: 0; readonly RESET: 1; readonly NO_RESET: 2; readonly GAUGE: 3 } =
  {
    UNKNOWN: 0,
    RESET: 1,
    NO_RESET: 2,
    GAUGE: 3,
  };
export type ResetHint = 0 | 1 | 2 | 3;

/** The schema of custom bucket bounds (`customValues`). Exponential schemas are -4 … 8. */
export const CUSTOM_BUCKETS_SCHEMA = -53;

/** `length` consecutive buckets, `offset` empty buckets after the previous span (first span: the start index). */
export interface HistogramSpan {
  readonly offset: number;
  readonly length: number;
}

/**
 * A native histogram. Bucket counts are absolute, one for each bucket that the spans name, for integer and
 * float histograms alike (the wire's and the chunks' deltas are resolved at the border).
 * A stale marker is a histogram whose `sum` is the stale NaN.
 */
export interface Histogram {
  /** True where the sender used float counts: decides the chunk encoding, not the arithmetic. */
  readonly float: boolean;
  readonly resetHint: ResetHint;
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly count: number;
  readonly sum: number;
  readonly positiveSpans: readonly HistogramSpan[];
  readonly negativeSpans: readonly HistogramSpan[];
  readonly positiveBuckets: ArrayLike<number>;
  readonly negativeBuckets: ArrayLike<number>;
  /** Upper bounds, strictly increasing, without +Inf; only with `CUSTOM_BUCKETS_SCHEMA`. */
  readonly customValues: ArrayLike<number>;
}
