import { Extrapolation, type RangeCall, type RangeWindows } from "../functions/range-window.js";
import { intsOfQuery } from "./arena.js";
import { takeArrayBytes } from "./array-budget.js";

/** Kept at one time: as many senders with clocks of their own. */
const KEPT_MAX = 64;
/** Two positions and three factors. */
const BYTES_PER_STEP = 32;

/** What the times of a series say about each step. */
interface StepTimes {
  readonly lo: Int32Array;
  readonly hi: Int32Array;
  readonly extrapolation: Extrapolation;
}

/**
 * Finds the windows of each step. Samples that were scraped together have the same times, and a store shows them in
 * the same array: for those it is done once, and what functions made of the times is kept with it.
 */
export class StepWindows {
  private readonly call: RangeCall;
  private readonly steps: number;
  private readonly kept = new Map<Float64Array, StepTimes>();
  /** For times that will be others the next time. */
  private readonly own: StepTimes;

  constructor(call: RangeCall, steps: number) {
    this.call = call;
    this.steps = steps;
    this.own = this.make();
  }

  private make(): StepTimes {
    takeArrayBytes(BYTES_PER_STEP * this.steps);
    return {
      lo: intsOfQuery(this.steps),
      hi: intsOfQuery(this.steps),
      extrapolation: new Extrapolation(this.steps),
    };
  }

  /** Sets the window of each step: samples in (end - range, end], wider for anchored and smoothed selectors. */
  find(windows: RangeWindows): void {
    const { floatTimes } = windows;
    let times = windows.sharesTimes ? this.kept.get(floatTimes) : undefined;
    if (times === undefined) {
      times = this.own;
      if (windows.sharesTimes && this.kept.size < KEPT_MAX) {
        times = this.make();
        this.kept.set(floatTimes, times);
      }
      times.extrapolation.isCurrent = false;
      slide(floatTimes, windows.floatStart, windows.floatEnd, this.call, times.lo, times.hi);
    }
    windows.floatLo = times.lo;
    windows.floatHi = times.hi;
    windows.extrapolation = times.extrapolation;
    if (windows.histogramCount === 0) return;
    const { histogramTimes, histogramCount, histogramLo, histogramHi } = windows;
    slide(histogramTimes, 0, histogramCount, this.call, histogramLo, histogramHi);
  }
}

/** Windows of regular samples move by the same number at each step: that is tried before walking. */
function slide(
  times: Float64Array,
  first: number,
  end: number,
  call: RangeCall,
  los: Int32Array,
  his: Int32Array,
): void {
  const { state, anchored, smoothed } = call;
  const width = call.rangeMs + (anchored || smoothed ? state.lookbackMs : 0);
  const after = smoothed ? state.lookbackMs : 0;
  let lo = first;
  let hi = first;
  let loJump = 0;
  let hiJump = 0;
  let at = call.firstEndMs;
  for (let s = 0; s < los.length; s++, at += call.strideMs) {
    const last = at + after;
    const start = at - width;
    const loBefore = lo;
    const hiBefore = hi;
    if (hiJump > 0 && hi + hiJump <= end && times[hi + hiJump - 1] <= last) hi += hiJump;
    while (hi < end && times[hi] <= last) hi++;
    if (loJump > 0 && lo + loJump <= hi && times[lo + loJump - 1] <= start) lo += loJump;
    while (lo < hi && times[lo] <= start) lo++;
    los[s] = lo;
    his[s] = hi;
    loJump = lo - loBefore;
    hiJump = hi - hiBefore;
  }
}
