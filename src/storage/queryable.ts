import type { Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { SampleColumns } from "./columns.js";
import type { SampleView } from "./sample-view.js";

/**
 * The contract between what stores samples (`head`, `block`, `db`) and what evaluates them (`promql`).
 * Everything is synchronous: a query runs to completion on a thread of its own.
 */

/** The series that a selection found. Order: ascending label sets where `sorted`, else any. */
export interface SeriesSet {
  readonly count: number;
  readonly sorted: boolean;
  /** Decoded on demand: `count({…})` over a million series never asks. */
  labels(index: number): Labels;
  /**
   * Replaces the content of `columns` by the samples of series `index` with mint <= timestamp <= maxt
   * (milliseconds, both inclusive). Any narrower range inside the selection's may be asked, any number of times.
   */
  read(index: number, mint: number, maxt: number, columns: SampleColumns): void;
  /**
   * The same without copying, where the store has decoded the series and keeps it so: true, and `view` shows the
   * samples. False: `read` them.
   */
  view?(index: number, mint: number, maxt: number, view: SampleView): boolean;
  /**
   * The span [first, last] of series `index` if all that is known about its samples in [mint, maxt] is that: true
   * where none is a stale marker or a histogram and no two neighbours are `gapMs` or more apart. Values may not
   * be decoded for it. False: `read` them. The span may reach beyond [mint, maxt].
   */
  span?(index: number, mint: number, maxt: number, gapMs: number, span: SampleSpan): boolean;
  /**
   * Finds the newest floats of the series from `from` on for the steps of `cells`, for as many of them as it likes
   * (`cells.rows`, at least one).
   */
  fillCells?(from: number, cells: SeriesCells): void;
  /**
   * For every series a number from 0 on that is equal where the values of all labels `names` are; null where it
   * does not know better than `labels`.
   */
  groupBy?(names: readonly string[]): Uint32Array | null;
  /** True where no two series have the same labels but for name, type and unit; false: not known. */
  isDistinctWithoutName?(): boolean;
}

/** What some series have at the steps of an instant selector: row r, step s lies in cell r * steps + s. */
export interface SeriesCells {
  /** Step s asks for the newest sample in (at - lookbackMs, at], at = firstMs + s * strideMs. */
  readonly firstMs: number;
  readonly strideMs: number;
  readonly steps: number;
  readonly lookbackMs: number;
  rows: number;
  values: Float64Array;
  /** 1 where there is a float that is no stale marker, else 0. */
  kinds: Uint8Array;
  /** By row: cells that hold something; -1: the series is to be read. */
  filled: Int32Array;
}

/** First and last timestamp of a series' samples, milliseconds; last < first: there are none. */
export interface SampleSpan {
  firstMs: number;
  lastMs: number;
}

export interface Queryable {
  /**
   * The series that satisfy all matchers and may have samples in [mint, maxt]. A matcher that accepts the
   * empty string accepts series without that label. Throws RefusalError("bad_data") for a bad pattern.
   */
  select(matchers: readonly Matcher[], mint: number, maxt: number): SeriesSet;
  /** Sorted, unique. No matchers: every series in the range. */
  labelNames(matchers: readonly Matcher[], mint: number, maxt: number): string[];
  labelValues(name: string, matchers: readonly Matcher[], mint: number, maxt: number): string[];
}

/** How a long evaluation hears that nobody waits for it any more. */
export interface QueryControl {
  /**
   * Throws RefusalError("canceled" | "timeout"); called at least every few milliseconds of work. `samples`: read so
   * far, where the caller knows.
   */
  checkpoint(samples?: number): void;
}
