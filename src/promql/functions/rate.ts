import {
  type Extrapolation,
  type FloatKernel,
  metricNameOf,
  type RangeCall,
  type RangeWindows,
  rangeEndOf,
  toSeconds,
} from "./range-window.js";
import { isStartReset, startsOverlap } from "./start-timestamps.js";

/** Positions i where the counter fell from i - 1 to i; shared by all calls, so used up within one. */
let found = new Int32Array(256);

/** Whether there is a NaN among the values that `findResets` looked through last. */
let foundNaN = false;

/** Fills `found`; returns how many there are. */
function findResets(windows: RangeWindows): number {
  const { floats, floatStart, floatEnd, floatTimes, floatStarts } = windows;
  let count = 0;
  foundNaN = Number.isNaN(floats[floatStart]);
  for (let i = floatStart + 1; i < floatEnd; i++) {
    if (floats[i] >= floats[i - 1] && floatStarts === null) continue;
    if (Number.isNaN(floats[i])) foundNaN = true;
    const fell = floats[i] < floats[i - 1];
    if (!fell && (floatStarts === null || !startResetAt(floatTimes, floatStarts, i))) continue;
    if (count === found.length) {
      const grown = new Int32Array(2 * count);
      grown.set(found);
      found = grown;
    }
    found[count++] = i;
  }
  return count;
}

function startResetAt(times: Float64Array, starts: Float64Array, i: number): boolean {
  return isStartReset(starts[i - 1], times[i - 1], starts[i], times[i]);
}

/** Windows that are judged together. */
const JUDGED_STEPS = 64;

/** Below it, the product of two positive doubles over that of two others can be off by rounding only. */
const SURELY_LARGER = 1 + 1e-9;

/**
 * rate, increase and delta of floats: the difference of the window's ends, corrected for the resets between,
 * extrapolated to the window's borders where samples come close to them (Prometheus' extrapolatedRate).
 */
export function extrapolatedFloats(isCounter: boolean, isRate: boolean): FloatKernel {
  return (windows, call, out, kinds, base) => {
    const { floatLo, floatHi, floatEnd, floats, floatStarts, steps } = windows;
    const known = windows.floatResets;
    const resetCount = isCounter ? (known?.length ?? findResets(windows)) : 0;
    const resets = known ?? found;
    if (isCounter && floatStarts !== null) warnOfOverlaps(windows, call);
    const divisor = isRate ? toSeconds(call.rangeMs) : 1;
    const extrapolation = extrapolationOf(windows, call, divisor);
    const { factors, sampled, toStart, wholeFrom } = extrapolation;
    const hasPlain = floatStarts === null && !(isCounter && known === null && foundNaN);
    const plainTo = hasPlain ? extrapolation.wholeTo : 0;
    /** Up to this step it was judged whether all is plain. */
    let judged = wholeFrom;
    let firstReset = 0;
    let filled = 0;
    for (let s = 0; s < steps; s++) {
      const lo = floatLo[s];
      const last = floatHi[s] - 1;
      if (last < lo) continue;
      const first = floats[lo];
      while (firstReset < resetCount && resets[firstReset] <= lo) firstReset++;
      if (s >= judged && s < plainTo) {
        const reset = firstReset < resetCount ? resets[firstReset] : floatEnd;
        const from = s;
        const to = Math.min(s + JUDGED_STEPS, plainTo);
        judged = to;
        while (judged > from && floatHi[judged - 1] > reset) judged--;
        if (
          judged > from &&
          (!isCounter || isFarFromZero(first, floats[floatHi[judged - 1] - 1], extrapolation))
        ) {
          for (; s < judged; s++) {
            out[base + s] = (floats[floatHi[s] - 1] - floats[floatLo[s]]) * factors[s];
          }
          kinds.fill(1, base + from, base + judged);
          filled += judged - from;
          s--;
          continue;
        }
        if (judged === from) judged = from + 1;
      }
      let increase = floats[last] - first;
      if (firstReset < resetCount && resets[firstReset] <= last) {
        let r = firstReset;
        for (; r < resetCount && resets[r] <= last; r++) increase += floats[resets[r] - 1];
        call.state.did(r - firstReset);
      }
      let factor = factors[s];
      if (floatStarts !== null && isCounter && startsInside(windows, call, s)) {
        factor = startedFactor(windows, call, s) / divisor;
        increase += first;
      } else if (last === lo) {
        continue;
      } else if (isCounter && increase > 0 && first >= 0) {
        // Counters do not begin below zero. Whether that shortens the way to the start is mostly plain without dividing.
        const isFar = first * sampled[s] > toStart[s] * increase * SURELY_LARGER;
        if (!isFar) factor = factorOf(windows, call, s, first, increase) / divisor;
      }
      out[base + s] = increase * factor;
      kinds[base + s] = 1;
      filled++;
    }
    return filled;
  };
}

/** Of the windows' times, for counters that did not begin in the window. */
function extrapolationOf(windows: RangeWindows, call: RangeCall, divisor: number): Extrapolation {
  const { extrapolation, floatTimes, floatLo, floatHi, steps } = windows;
  if (extrapolation.isCurrent) return extrapolation;
  const { factors, sampled, toStart } = extrapolation;
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
function isFarFromZero(first: number, last: number, { sampledMin, toStartMax }: Extrapolation): boolean {
  return first * sampledMin >= toStartMax * (last - first) * SURELY_LARGER;
}

function factorOf(
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
function startsInside(
  { floatStarts, floatTimes, floatLo }: RangeWindows,
  call: RangeCall,
  s: number,
): boolean {
  const lo = floatLo[s];
  const start = floatStarts?.[lo] ?? 0;
  return start !== 0 && start > rangeEndOf(call, s) - call.rangeMs && start < floatTimes[lo];
}

function startedFactor(windows: RangeWindows, call: RangeCall, s: number): number {
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

function warnOfOverlaps(windows: RangeWindows, call: RangeCall): void {
  const { floatLo, floatHi, floatTimes, steps } = windows;
  const starts = windows.floatStarts as Float64Array;
  for (let s = 0; s < steps; s++) {
    for (let i = floatLo[s] + 1; i < floatHi[s]; i++) {
      if (!startsOverlap(starts[i - 1], floatTimes[i - 1], starts[i])) continue;
      call.state.annotations.startTimeOverlap(metricNameOf(call), call.args[0].range);
      break;
    }
  }
}

/** irate and idelta of floats: the last two samples of the window. */
export function instantFloats(isRate: boolean): FloatKernel {
  return (windows, _call, out, kinds, base) => {
    const { floatLo, floatHi, floatTimes, floats, floatStarts, steps } = windows;
    let filled = 0;
    for (let s = 0; s < steps; s++) {
      const last = floatHi[s] - 1;
      if (last <= floatLo[s]) continue;
      const interval = floatTimes[last] - floatTimes[last - 1];
      const reset =
        isRate &&
        (floats[last] < floats[last - 1] ||
          (floatStarts !== null && startResetAt(floatTimes, floatStarts, last)));
      const change = reset ? floats[last] : floats[last] - floats[last - 1];
      out[base + s] = isRate ? change / (interval / 1000) : change;
      kinds[base + s] = 1;
      filled++;
    }
    return filled;
  };
}
