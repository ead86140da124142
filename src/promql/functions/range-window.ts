import type { Histogram } from "../../model/histogram.js";
import type { Labels } from "../../model/labels.js";
import { floatsOfQuery } from "../eval/arena.js";
import type { Frame } from "../eval/frame.js";
import type { QueryState } from "../eval/query-state.js";
import type { Expr, MatrixSelector, SubqueryExpr } from "../parse/ast.js";

/**
 * The samples of one series and, for each step, which of them lie in the window of a range selector.
 * Stale markers are gone. Floats and histograms are apart: window s is [floatLo[s], floatHi[s]) and
 * [histogramLo[s], histogramHi[s]).
 */
export interface RangeWindows {
  steps: number;
  /** The floats of the series are [floatStart, floatEnd) of their arrays. */
  floatStart: number;
  floatEnd: number;
  floatTimes: Float64Array;
  floats: Float64Array;
  /** The array of times stays as it is, and other series may have the same one. */
  sharesTimes: boolean;
  /** As in `SampleView`. */
  floatIntervalMs: number;
  floatLo: Int32Array;
  floatHi: Int32Array;
  /** What follows from the times of the windows' ends alone: with the windows, it may be another series', too. */
  extrapolation: Extrapolation;
  /** Start timestamps beside the floats (0: unknown); null where start timestamps are not in use. */
  floatStarts: Float64Array | null;
  /** Where counters fell, as in `SampleView`; null: not known. */
  floatResets: Int32Array | null;
  histogramCount: number;
  histogramTimes: Float64Array;
  histograms: Histogram[];
  histogramLo: Int32Array;
  histogramHi: Int32Array;
  histogramStarts: Float64Array | null;
}

/** How rate, increase and delta stretch what they find in each window; nothing is said where it has one sample or none. */
export class Extrapolation {
  /** False: nobody needed it yet for these times. */
  isCurrent = false;
  /** By what the difference between the window's ends is multiplied. */
  readonly factors: Float64Array;
  /** From the first sample to the last one, seconds. */
  readonly sampled: Float64Array;
  /** The windows of the steps from `evenFrom` to before `evenTo` are one like the other: as many samples, as far apart. */
  evenFrom = 0;
  evenTo = 0;
  /** From the window's start to the first sample, seconds. */
  readonly toStart: Float64Array;
  /** The windows of the steps from `wholeFrom` to before `wholeTo` have two samples or more each. */
  wholeFrom = 0;
  wholeTo = 0;
  sampledMin = 0;
  toStartMax = 0;

  constructor(steps: number) {
    this.factors = floatsOfQuery(steps);
    this.sampled = floatsOfQuery(steps);
    this.toStart = floatsOfQuery(steps);
  }
}

/** What stays the same for all series of one call of a range function. */
export interface RangeCall {
  readonly state: QueryState;
  readonly frame: Frame;
  readonly name: string;
  /** The arguments as written: annotations name their place. */
  readonly args: readonly Expr[];
  readonly selector: MatrixSelector | SubqueryExpr;
  readonly rangeMs: number;
  /** Window s ends (inclusively) at firstEndMs + s * strideMs. */
  readonly firstEndMs: number;
  readonly strideMs: number;
  readonly anchored: boolean;
  readonly smoothed: boolean;
  /** The scalar arguments in their order, a value for each step. */
  readonly scalars: readonly Float64Array[];
  /** Labels of the series at hand. */
  labels: () => Labels;
}

/**
 * Fills the cells [base, base + steps) of a series that has floats only and returns how many it filled; steps
 * without result stay absent.
 */
export type FloatKernel = (
  windows: RangeWindows,
  call: RangeCall,
  out: Float64Array,
  kinds: Uint8Array,
  base: number,
) => number;

/** The result at one step of a series that has histograms; undefined: none. */
export type MixedKernel = (
  windows: RangeWindows,
  step: number,
  call: RangeCall,
) => number | Histogram | undefined;

export interface RangeFunction {
  readonly floats: FloatKernel;
  readonly mixed: MixedKernel;
}

/** Makes a float kernel of a function of one window [lo, hi), which is never empty. */
export function perWindow(
  evaluate: (windows: RangeWindows, lo: number, hi: number, call: RangeCall, step: number) => number,
  windowMin = 1,
): FloatKernel {
  return (windows, call, out, kinds, base) => {
    const { floatLo, floatHi, steps } = windows;
    let filled = 0;
    for (let s = 0; s < steps; s++) {
      const lo = floatLo[s];
      const hi = floatHi[s];
      if (hi - lo < windowMin) continue;
      call.state.did(hi - lo);
      out[base + s] = evaluate(windows, lo, hi, call, s);
      kinds[base + s] = 1;
      filled++;
    }
    return filled;
  };
}

export function metricNameOf(call: RangeCall): string {
  return call.labels().get("__name__");
}

/** Whole and fractional seconds apart, as Go turns a duration into seconds. */
export function toSeconds(ms: number): number {
  return Math.trunc(ms / 1000) + (ms % 1000) / 1000;
}

/** End of the range (without what lies behind it) at step s. */
export function rangeEndOf(call: RangeCall, s: number): number {
  return call.firstEndMs + s * call.strideMs;
}

/** First position in [lo, hi) whose time is > (or, `orEqual`, >=) `t`; `hi` where there is none. */
export function search(times: Float64Array, lo: number, hi: number, t: number, orEqual: boolean): number {
  let low = lo;
  let high = hi;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (orEqual ? times[middle] >= t : times[middle] > t) high = middle;
    else low = middle + 1;
  }
  return low;
}
