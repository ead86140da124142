/** How far rates are stretched to the borders of their windows (Prometheus' extrapolatedRate). */
import { type Extrapolation, type RangeCall, type RangeWindows, rangeEndOf } from "./range-window.js";

/** Below it, the product of two positive doubles over that of two others can be off by rounding only. */
export const SURELY_LARGER: number = 1 + 1e-9;

/** Of the windows' times, for counters that did not begin in the window. */
export function extrapolationOf(windows: RangeWindows, call: RangeCall, divisor: number): Extrapolation {
  const { extrapolation, floatTimes, floatLo, floatHi, steps } = windows;
  if (extrapolation.isCurrent) return extrapolation;
  const { factors, sampled, toStart, evenFrom, evenTo } = extrapolation;
  extrapolation.isCurrent = true;
  // Where a series begins and ends there may be none; gaps in its middle are rare.
  let wholeFrom = 0;
  let wholeTo = -1;
  let sampledMin = Number.POSITIVE_INFINITY;
  let toStartMax = 0;
  // Where samples come regularly, one window is like the other.
  let before = -1;
  let samplesBefore = 0;
  let sampledMsBefore = 0;
  let toStartMsBefore = 0;
  for (let s = 0; s < steps; s++) {
    const lo = floatLo[s];
    const last = floatHi[s] - 1;
    if (last <= lo) {
      if (wholeFrom === s) wholeFrom = s + 1;
      else if (wholeTo < 0) wholeTo = s;
      continue;
    }
    const firstMs = floatTimes[lo];
    const sampledMs = floatTimes[last] - firstMs;
    const toStartMs = firstMs - (rangeEndOf(call, s) - call.rangeMs);
    if (
      before >= 0 &&
      sampledMs === sampledMsBefore &&
      toStartMs === toStartMsBefore &&
      last - lo === samplesBefore
    ) {
      factors[s] = factors[before];
      sampled[s] = sampled[before];
      toStart[s] = toStart[before];
      continue;
    }
    before = s;
    samplesBefore = last - lo;
    sampledMsBefore = sampledMs;
    toStartMsBefore = toStartMs;
    factors[s] = factorOf(windows, call, s, -1, 0) / divisor;
    sampled[s] = sampledMs / 1000;
    toStart[s] = toStartMs / 1000;
    sampledMin = Math.min(sampledMin, sampled[s]);
    toStartMax = Math.max(toStartMax, toStart[s]);
    if (s === evenFrom && s < evenTo) {
      for (const each of [factors, sampled, toStart]) each.fill(each[s], s, evenTo);
      s = evenTo - 1;
    }
  }
  extrapolation.wholeFrom = wholeFrom;
  extrapolation.wholeTo = wholeTo < 0 ? steps : wholeTo;
  extrapolation.sampledMin = sampledMin;
  extrapolation.toStartMax = toStartMax;
  return extrapolation;
}

/**
 * True for a counter that only grew from `first` to `last` and is so high that having begun at zero shortens no window's
 * way to the start: its first value is the lowest of all, and no window saw more of an increase than all of them together.
 */
export function isFarFromZero(
  first: number,
  last: number,
  { sampledMin, toStartMax }: Extrapolation,
): boolean {
  return first * sampledMin >= toStartMax * (last - first) * SURELY_LARGER;
}

export function factorOf(
  windows: RangeWindows,
  call: RangeCall,
  s: number,
  first: number,
  increase: number,
): number {
  const { floatTimes, floatLo, floatHi } = windows;
  const lo = floatLo[s];
  const last = floatHi[s] - 1;
  const end = rangeEndOf(call, s);
  return extrapolationFactor(
    floatTimes[lo],
    floatTimes[last],
    end - call.rangeMs,
    end,
    last - lo,
    first,
    increase,
  );
}

/** True where the counter is known to have begun inside the window of step s, before its first sample. */
export function startsInside(
  { floatStarts, floatTimes, floatLo }: RangeWindows,
  call: RangeCall,
  s: number,
): boolean {
  const lo = floatLo[s];
  const start = floatStarts?.[lo] ?? 0;
  return start !== 0 && start > rangeEndOf(call, s) - call.rangeMs && start < floatTimes[lo];
}

export function startedFactor(windows: RangeWindows, call: RangeCall, s: number): number {
  const { floatTimes, floatLo, floatHi } = windows;
  const lo = floatLo[s];
  const last = floatHi[s] - 1;
  const start = windows.floatStarts?.[lo] ?? 0;
  return factorFrom(start, floatTimes[lo], floatTimes[last], rangeEndOf(call, s), last - lo);
}

/**
 * By how much the increase between two samples is stretched to the whole window. `first` is the first sample
 * of a counter, which cannot have been below zero before; negative where that does not hold.
 */
export function extrapolationFactor(
  firstT: number,
  lastT: number,
  rangeStart: number,
  rangeEnd: number,
  intervals: number,
  first: number,
  increase: number,
): number {
  let toStart = (firstT - rangeStart) / 1000;
  let toEnd = (rangeEnd - lastT) / 1000;
  const sampled = (lastT - firstT) / 1000;
  const average = sampled / intervals;
  const threshold = average * 1.1;
  // Worked out always: a division that is rare is one that compiled code has not met.
  const half = average / 2;
  if (toStart >= threshold) toStart = half;
  if (increase > 0 && first >= 0) {
    const toZero = sampled * (first / increase);
    if (toZero < toStart) toStart = toZero;
  }
  if (toEnd >= threshold) toEnd = half;
  return sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled;
}

/** The same where the counter is known to have started from zero at `start`, inside the window. */
export function factorFrom(
  start: number,
  firstT: number,
  lastT: number,
  rangeEnd: number,
  intervals: number,
): number {
  const average = intervals > 0 ? (lastT - firstT) / 1000 / intervals : 0;
  let toEnd = (rangeEnd - lastT) / 1000;
  if (toEnd >= average * 1.1) toEnd = average / 2;
  const sampled = (lastT - start) / 1000;
  return sampled === 0 ? 1 : (sampled + toEnd) / sampled;
}
