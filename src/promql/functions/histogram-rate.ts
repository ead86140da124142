import { type Histogram, ResetHint } from "../../model/histogram.js";
import { combine, compact, divide, multiply } from "../histogram/arithmetic.js";
import { FloatHistogram, usesCustomBuckets } from "../histogram/float-histogram.js";
import { detectsReset } from "../histogram/reset.js";
import { reduceSide } from "../histogram/side.js";
import { extrapolationFactor, factorFrom } from "./extrapolation.js";
import { floatsOfStep, hasFloats, hasHistograms } from "./mixed-over-time.js";
import {
  type FloatKernel,
  type MixedKernel,
  metricNameOf,
  type RangeCall,
  type RangeWindows,
  toSeconds,
} from "./range-window.js";
import { isStartReset, startsOverlap } from "./start-timestamps.js";

/** rate, increase and delta of a window that may hold histograms. */
export function rateMixed(floats: FloatKernel, isCounter: boolean, isRate: boolean): MixedKernel {
  return (windows, s, call) => {
    if (!hasHistograms(windows, s)) return floatsOfStep(floats, windows, s, call);
    if (hasFloats(windows, s)) {
      call.state.annotations.mixedFloatsHistograms(metricNameOf(call), call.args[0].range);
      return undefined;
    }
    return extrapolated(windows, s, call, isCounter, isRate);
  };
}

function extrapolated(
  windows: RangeWindows,
  s: number,
  call: RangeCall,
  isCounter: boolean,
  isRate: boolean,
): Histogram | undefined {
  const lo = windows.histogramLo[s];
  const last = windows.histogramHi[s] - 1;
  const { histogramTimes: times, histograms, histogramStarts: starts } = windows;
  let result: FloatHistogram | null = null;
  if (last > lo) {
    result = increase(windows, lo, last, call, isCounter);
    if (result === null) return undefined;
  }
  const end = call.firstEndMs + s * call.strideMs;
  const rangeStart = end - call.rangeMs;
  const start = isCounter && starts !== null ? starts[lo] : 0;
  const zeroInside = start !== 0 && start > rangeStart && start < times[lo];
  if (result === null && !zeroInside) return undefined;
  let factor: number;
  if (zeroInside) {
    factor = factorFrom(start, times[lo], times[last], end, last - lo);
    if (result === null) result = FloatHistogram.from(histograms[lo]);
    else if (!addNoting(result, histograms[lo], 1, call)) return undefined;
  } else {
    const increased = (result as FloatHistogram).count;
    const first = isCounter ? histograms[lo].count : -1;
    factor = extrapolationFactor(times[lo], times[last], rangeStart, end, last - lo, first, increased);
  }
  return multiply(result as FloatHistogram, isRate ? factor / toSeconds(call.rangeMs) : factor);
}

/** `result += sign * other` with the notes that this needs; false where their buckets do not go together. */
export function addNoting(result: FloatHistogram, other: Histogram, sign: 1 | -1, call: RangeCall): boolean {
  const { annotations } = call.state;
  const { range } = call.args[0];
  const combination = combine(result, other, sign);
  if (combination === null) {
    annotations.mixedExponentialCustom(metricNameOf(call), range);
    return false;
  }
  if (combination.reconciled)
    annotations.mismatchedCustomBuckets(sign === 1 ? "addition" : "subtraction", range);
  return true;
}

/** From the first to the last histogram of a window, resets of a counter corrected. */
function increase(
  windows: RangeWindows,
  lo: number,
  last: number,
  call: RangeCall,
  isCounter: boolean,
): FloatHistogram | null {
  const { histograms } = windows;
  const { annotations } = call.state;
  const { range } = call.args[0];
  const end = histograms[last];
  let first: Histogram = histograms[lo];
  if (isCounter && (isGauge(first) || isGauge(end)))
    annotations.histogramNotCounter(metricNameOf(call), range);
  // Before a reset the first sample does not matter, and neither does its layout.
  if (isCounter && resetAt(windows, lo + 1, first)) first = emptyLike(histograms[lo + 1]);
  const custom = usesCustomBuckets(first);
  if (usesCustomBuckets(end) !== custom) {
    annotations.mixedExponentialCustom(metricNameOf(call), range);
    return null;
  }
  let schema = Math.min(end.schema, first.schema);
  for (let i = lo + 1; isCounter && i < last; i++) {
    if (isGauge(histograms[i])) annotations.histogramNotCounter(metricNameOf(call), range);
    schema = Math.min(schema, histograms[i].schema);
    if (usesCustomBuckets(histograms[i]) !== custom) {
      annotations.mixedExponentialCustom(metricNameOf(call), range);
      return null;
    }
  }
  const result = toSchema(end, schema);
  if (!addNoting(result, first, -1, call)) return null;
  if (isCounter) {
    if (!correctResets(result, windows, lo, last, first, call)) return null;
  } else if (!isGauge(histograms[lo]) || !isGauge(end)) {
    annotations.histogramNotGauge(metricNameOf(call), range);
  }
  result.resetHint = ResetHint.GAUGE;
  return compact(result);
}

function correctResets(
  result: FloatHistogram,
  windows: RangeWindows,
  lo: number,
  last: number,
  first: Histogram,
  call: RangeCall,
): boolean {
  const { histograms, histogramTimes: times, histogramStarts: starts } = windows;
  let previous = first;
  let overlapped = starts === null;
  for (let i = lo + 1; i <= last; i++) {
    if (!overlapped && starts !== null && startsOverlap(starts[i - 1], times[i - 1], starts[i])) {
      call.state.annotations.startTimeOverlap(metricNameOf(call), call.args[0].range);
      overlapped = true;
    }
    if (resetAt(windows, i, previous) && !addNoting(result, previous, 1, call)) return false;
    previous = histograms[i];
  }
  return true;
}

/** Whether histogram i begins anew after `previous`, which stands for histogram i - 1. */
function resetAt(windows: RangeWindows, i: number, previous: Histogram): boolean {
  const { histograms, histogramTimes: times, histogramStarts: starts } = windows;
  if (starts !== null && isStartReset(starts[i - 1], times[i - 1], starts[i], times[i])) return true;
  return detectsReset(histograms[i], previous);
}

export function isGauge(histogram: Histogram): boolean {
  return histogram.resetHint === ResetHint.GAUGE;
}

function emptyLike(histogram: Histogram): FloatHistogram {
  const empty = new FloatHistogram();
  empty.schema = histogram.schema;
  empty.customValues = Array.from(histogram.customValues);
  return empty;
}

function toSchema(histogram: Histogram, schema: number): FloatHistogram {
  const copy = FloatHistogram.from(histogram);
  if (schema === copy.schema) return copy;
  copy.positive = reduceSide(copy.positive, copy.schema, schema);
  copy.negative = reduceSide(copy.negative, copy.schema, schema);
  copy.schema = schema;
  copy.resetHint = ResetHint.UNKNOWN;
  return copy;
}

/** irate and idelta: the last two samples of the window, of whatever kind. */
export function instantMixed(isRate: boolean): MixedKernel {
  return (windows, s, call) => {
    const pair = lastTwo(windows, s);
    if (pair === null) return undefined;
    const [before, last] = pair;
    if (last.t === before.t) return undefined;
    const seconds = (last.t - before.t) / 1000;
    if (last.h === null && before.h === null) return floatPair(before, last, isRate, seconds);
    if (last.h === null || before.h === null) {
      call.state.annotations.mixedFloatsHistograms(metricNameOf(call), call.args[0].range);
      return undefined;
    }
    return histogramPair(before, last, before.h, last.h, call, isRate, seconds);
  };
}

interface Point {
  readonly t: number;
  readonly start: number;
  readonly f: number;
  readonly h: Histogram | null;
}

function lastTwo(windows: RangeWindows, s: number): [Point, Point] | null {
  const points: Point[] = [];
  const { floatLo, floatHi, floats, floatTimes, floatStarts } = windows;
  for (let i = Math.max(floatLo[s], floatHi[s] - 2); i < floatHi[s]; i++) {
    points.push({ t: floatTimes[i], start: floatStarts?.[i] ?? 0, f: floats[i], h: null });
  }
  const { histogramLo, histogramHi, histograms, histogramTimes, histogramStarts } = windows;
  for (let i = Math.max(histogramLo[s], histogramHi[s] - 2); i < histogramHi[s]; i++) {
    points.push({ t: histogramTimes[i], start: histogramStarts?.[i] ?? 0, f: 0, h: histograms[i] });
  }
  if (points.length < 2) return null;
  points.sort((a, b) => a.t - b.t);
  return [points[points.length - 2], points[points.length - 1]];
}

function floatPair(before: Point, last: Point, isRate: boolean, seconds: number): number {
  const reset = isRate && (last.f < before.f || isStartReset(before.start, before.t, last.start, last.t));
  const change = reset ? last.f : last.f - before.f;
  return isRate ? change / seconds : change;
}

function histogramPair(
  before: Point,
  last: Point,
  beforeH: Histogram,
  lastH: Histogram,
  call: RangeCall,
  isRate: boolean,
  seconds: number,
): Histogram | undefined {
  const { annotations } = call.state;
  const { range } = call.args[0];
  if (isRate && (isGauge(lastH) || isGauge(beforeH)))
    annotations.histogramNotCounter(metricNameOf(call), range);
  if (!isRate && (!isGauge(lastH) || !isGauge(beforeH)))
    annotations.histogramNotGauge(metricNameOf(call), range);
  const result = FloatHistogram.from(lastH);
  const reset =
    isRate && (isStartReset(before.start, before.t, last.start, last.t) || detectsReset(lastH, beforeH));
  if (!reset && !addNoting(result, beforeH, -1, call)) return undefined;
  result.resetHint = ResetHint.GAUGE;
  compact(result);
  return isRate ? divide(result, seconds) : result;
}
