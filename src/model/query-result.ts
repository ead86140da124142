import type { Histogram } from "./histogram.js";
import type { Labels } from "./labels.js";

/** One series of a range query's answer. Steps without a value are absent, not NaN. */
export interface MatrixSeries {
  readonly labels: Labels;
  /** Milliseconds, ascending. */
  readonly timestamps: Float64Array;
  readonly values: Float64Array;
  /** Where set, element i is a histogram and `values[i]` means nothing. */
  readonly histograms: readonly (Histogram | undefined)[] | null;
}

export interface VectorSample {
  readonly labels: Labels;
  readonly timestampMs: number;
  readonly value: number;
  readonly histogram: Histogram | undefined;
}

/** What a query evaluates to, with the field's four types. */
export type QueryValue =
  | { readonly type: "matrix"; readonly series: readonly MatrixSeries[] }
  | { readonly type: "vector"; readonly samples: readonly VectorSample[] }
  | { readonly type: "scalar"; readonly timestampMs: number; readonly value: number }
  | { readonly type: "string"; readonly timestampMs: number; readonly value: string };

export interface QueryResult {
  readonly value: QueryValue;
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
}
