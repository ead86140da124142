import type { Histogram } from "../model/histogram.js";
import type { Labels } from "../model/labels.js";

/**
 * Where imported samples go, in any order. Of several samples of a series at one time the first one stays, as
 * everywhere in this program.
 */
export interface SampleSink<Series> {
  series(labels: Labels): Series;
  /** A NaN is stored as Prometheus' usual one: `floatWords` keeps the bits. */
  float(series: Series, timestampMs: number, value: number): void;
  /** The value by the low and the high half of its bits. */
  floatWords(series: Series, timestampMs: number, low: number, high: number): void;
  histogram(series: Series, timestampMs: number, histogram: Histogram): void;
}
