import { Extrapolation, type RangeCall, type RangeWindows } from "../functions/range-window.js";
import { intsOfQuery } from "./arena.js";
import { takeArrayBytes } from "./array-budget.js";

/** Kept at one time: as many senders with clocks of their own. */
const KEPT_MAX = 64;
/** Two positions and three factors. */
const BYTES_PER_STEP = 32;

/** What the times of a series, those from `start` to before `end` of an array, say about each step. */
interface StepTimes {
  start: number;
  end: number;
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
      start: 0,
      end: 0,
      lo: intsOfQuery(this.steps),
      hi: intsOfQuery(this.steps),
      extrapolation: new Extrapolation(this.steps),
    };
  }

  /** Sets the window of each step: samples in (end - range, end], wider for anchored and smoothed selectors. */
  find(windows: RangeWindows): void {
    const { floatTimes, floatStart, floatEnd, sharesTimes } = windows;
    const kept = sharesTimes ? this.kept.get(floatTimes) : undefined;
    let times = kept;
    if (times === undefined || times.start !== floatStart || times.end !== floatEnd) {
      times = this.own;
      if (sharesTimes && kept === undefined && this.kept.size < KEPT_MAX) {
        times = this.make();
        this.kept.set(floatTimes, times);
      }
      this.place(windows, times);
    }
    windows.floatLo = times.lo;
    windows.floatHi = times.hi;
    windows.extrapolation = times.extrapolation;
    if (windows.histogramCount === 0) return;
    const { histogramTimes, histogramCount, histogramLo, histogramHi } = windows;
    slide(histogramTimes, 0, histogramCount, this.call, histogramLo, histogramHi);
  }

  private place({ floatTimes, floatStart, floatEnd, floatIntervalMs }: RangeWindows, times: StepTimes): void {
    const { lo, hi, extrapolation } = times;
    times.start = floatStart;
    times.end = floatEnd;
    extrapolation.isCurrent = false;
    extrapolation.evenFrom = 0;
    extrapolation.evenTo = 0;
    const intervalMs = floatIntervalMs || intervalOf(floatTimes, floatStart, floatEnd);
    if (intervalMs > 0 && this.call.strideMs % intervalMs === 0) {
      count(floatTimes[floatStart], intervalMs, floatEnd - floatStart, this.call, times);
    } else slide(floatTimes, floatStart, floatEnd, this.call, lo, hi);
  }
}

/** The distance between neighbours, milliseconds; 0 where it is not the same everywhere. */
function intervalOf(times: Float64Array, start: number, end: number): number {
  if (end - start < 2) return 0;
  const intervalMs = times[start + 1] - times[start];
  for (let i = start + 2; i < end; i++) if (times[i] - times[i - 1] !== intervalMs) return 0;
  return intervalMs;
}

/** Samples at equal distances, of which a step passes over a whole number: where they lie need not be looked up. */
function count(
  firstMs: number,
  intervalMs: number,
  samples: number,
  call: RangeCall,
  { start, lo, hi, extrapolation }: StepTimes,
): void {
  const { firstEndMs, strideMs } = call;
  const { width, after } = reachOf(call);
  const perStep = strideMs / intervalMs;
  // As if there were samples before the first and behind the last.
  const from = Math.floor((firstEndMs - width - firstMs) / intervalMs) + 1;
  const to = Math.floor((firstEndMs + after - firstMs) / intervalMs) + 1;
  extrapolation.evenFrom = climb(lo, start + from, perStep, start, start + samples).from;
  extrapolation.evenTo = climb(hi, start + to, perStep, start, start + samples).to;
}

/** Where `climb` neither has been below `min` nor is above `max`. */
interface Climb {
  readonly from: number;
  readonly to: number;
}

/** Each `out[s]` is `first + s * perStep`, or `min` or `max` where that is below or above. */
function climb(out: Int32Array, first: number, perStep: number, min: number, max: number): Climb {
  const from = countBelow(min, first, perStep, out.length);
  const to = countBelow(max + 1, first, perStep, out.length);
  out.fill(min, 0, from);
  let value = (first + from * perStep) | 0;
  for (let s = from; s < to; s++) {
    out[s] = value;
    value += perStep | 0;
  }
  out.fill(max, to);
  return { from, to };
}

/** How many of the `steps` whole numbers from `first` on, `perStep` (0 or more) apart, are below `limit`. */
function countBelow(limit: number, first: number, perStep: number, steps: number): number {
  return first >= limit ? 0 : Math.min(Math.ceil((limit - first) / perStep), steps);
}

/** How far a window reaches back from the end of its step, and beyond it; milliseconds. */
function reachOf({ state, anchored, smoothed, rangeMs }: RangeCall): { width: number; after: number } {
  return {
    width: rangeMs + (anchored || smoothed ? state.lookbackMs : 0),
    after: smoothed ? state.lookbackMs : 0,
  };
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
  const { width, after } = reachOf(call);
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
