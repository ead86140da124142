import { extendedHistogramRate } from "./extended-histogram.js";
import { interpolateFloats } from "./interpolate.js";
import { hasFloats, hasHistograms } from "./mixed-over-time.js";
import {
  type FloatKernel,
  type MixedKernel,
  metricNameOf,
  type RangeCall,
  type RangeFunction,
  type RangeWindows,
  rangeEndOf,
  search,
  toSeconds,
} from "./range-window.js";
import { countChanges, countResets } from "./resets.js";

/**
 * Functions of range selectors with `anchored` or `smoothed`. Their windows hold samples from before the range
 * (and, smoothed, from behind it): an anchored range begins with the last sample at or before its start, a
 * smoothed one with the value between the samples around it.
 */

const ANCHORED_SAFE = ["changes", "delta", "increase", "rate", "resets"];
const SMOOTHED_SAFE = ["delta", "increase", "rate"];

/** Throws where the modifier does not go with the function. */
export function refuseUnsafeModifier(call: RangeCall): void {
  if (!call.anchored && !call.smoothed) return;
  const safe = call.anchored ? ANCHORED_SAFE : SMOOTHED_SAFE;
  if (safe.includes(call.name)) return;
  const modifier = call.anchored ? "anchored" : "smoothed";
  call.state.fail(`${modifier} modifier can only be used with: ${safe.join(", ")} - not with ${call.name}`);
}

function rateAt(
  windows: RangeWindows,
  lo: number,
  hi: number,
  call: RangeCall,
  s: number,
  isCounter: boolean,
): number | undefined {
  const { floats, floatTimes: times } = windows;
  const { smoothed } = call;
  const end = rangeEndOf(call, s);
  const start = end - call.rangeMs;
  let last = hi - 1;
  let first = Math.max(lo, search(times, lo, last, start, false) - 1);
  if (smoothed) last = search(times, lo, last, end, true);
  if (times[last] <= start || (smoothed && times[first] > end)) return undefined;
  const left =
    smoothed && times[first] < start
      ? interpolateFloats(times[first], floats[first], times[first + 1], floats[first + 1], start, isCounter)
      : floats[first];
  const right =
    smoothed && last > lo && times[last] > end
      ? interpolateFloats(times[last - 1], floats[last - 1], times[last], floats[last], end, isCounter)
      : floats[last];
  if (!isCounter) return right - left;
  // Resets at the borders are in the interpolated values already.
  if (times[first] <= start) first++;
  if (times[last] >= end) last--;
  let correction = 0;
  let previous = left;
  for (let i = first; i <= last; i++) {
    if (floats[i] < previous) correction += previous;
    previous = floats[i];
  }
  if (right < previous) correction += previous;
  return right - left + correction;
}

function extendedRate(isCounter: boolean, isRate: boolean): RangeFunction {
  const atStep = (windows: RangeWindows, s: number, call: RangeCall): number | undefined => {
    const increase = rateAt(windows, windows.floatLo[s], windows.floatHi[s], call, s, isCounter);
    return increase === undefined || !isRate ? increase : increase / toSeconds(call.rangeMs);
  };
  const floats: FloatKernel = (windows, call, out, kinds, base) => {
    let filled = 0;
    for (let s = 0; s < windows.steps; s++) {
      if (windows.floatHi[s] === windows.floatLo[s]) continue;
      const value = atStep(windows, s, call);
      if (value === undefined) continue;
      out[base + s] = value;
      kinds[base + s] = 1;
      filled++;
    }
    return filled;
  };
  const mixed: MixedKernel = (windows, s, call) => {
    if (!hasHistograms(windows, s)) return atStep(windows, s, call);
    if (!hasFloats(windows, s)) return extendedHistogramRate(windows, s, call, isCounter, isRate);
    call.state.annotations.mixedFloatsHistograms(metricNameOf(call), call.args[0].range);
    return undefined;
  };
  return { floats, mixed };
}

/** resets and changes count from the anchor: the last sample at or before the range's start. */
function fromAnchor(
  count: (
    windows: RangeWindows,
    floats: [number, number],
    histograms: [number, number],
  ) => number | undefined,
): RangeFunction {
  const mixed: MixedKernel = (windows, s, call) => {
    const start = rangeEndOf(call, s) - call.rangeMs;
    const { floatTimes, floatLo, floatHi, histogramTimes, histogramLo, histogramHi } = windows;
    const f = search(floatTimes, floatLo[s], floatHi[s], start, false);
    const h = search(histogramTimes, histogramLo[s], histogramHi[s], start, false);
    if (f >= floatHi[s] && h >= histogramHi[s]) return undefined;
    const floatAnchor = f > floatLo[s] ? floatTimes[f - 1] : -Infinity;
    const histogramAnchor = h > histogramLo[s] ? histogramTimes[h - 1] : -Infinity;
    const isFloat = floatAnchor !== -Infinity && floatAnchor >= histogramAnchor;
    const isHistogram = histogramAnchor !== -Infinity && !isFloat;
    return count(windows, [isFloat ? f - 1 : f, floatHi[s]], [isHistogram ? h - 1 : h, histogramHi[s]]);
  };
  const floats: FloatKernel = (windows, call, out, kinds, base) => {
    let filled = 0;
    for (let s = 0; s < windows.steps; s++) {
      windows.histogramLo[s] = 0;
      windows.histogramHi[s] = 0;
      if (windows.floatHi[s] === windows.floatLo[s]) continue;
      const value = mixed(windows, s, call);
      if (typeof value !== "number") continue;
      out[base + s] = value;
      kinds[base + s] = 1;
      filled++;
    }
    return filled;
  };
  return { floats, mixed };
}

export const extendedFunctions: ReadonlyMap<string, RangeFunction> = new Map([
  ["rate", extendedRate(true, true)],
  ["increase", extendedRate(true, false)],
  ["delta", extendedRate(false, false)],
  ["resets", fromAnchor(countResets)],
  ["changes", fromAnchor(countChanges)],
]);
