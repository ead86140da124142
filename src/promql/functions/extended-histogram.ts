import { type Histogram, ResetHint } from "../../model/histogram.js";
import { compact, divide } from "../histogram/arithmetic.js";
import { FloatHistogram, usesCustomBuckets } from "../histogram/float-histogram.js";
import { detectsReset } from "../histogram/reset.js";
import { addNoting, isGauge } from "./histogram-rate.js";
import { interpolateHistograms, type Noting } from "./interpolate.js";
import {
  metricNameOf,
  type RangeCall,
  type RangeWindows,
  rangeEndOf,
  search,
  toSeconds,
} from "./range-window.js";

/** rate, increase and delta of histograms between the borders of an anchored or smoothed range. */
export function extendedHistogramRate(
  windows: RangeWindows,
  s: number,
  call: RangeCall,
  isCounter: boolean,
  isRate: boolean,
): Histogram | undefined {
  const { histograms, histogramTimes: times } = windows;
  const { smoothed } = call;
  const lo = windows.histogramLo[s];
  const end = rangeEndOf(call, s);
  const start = end - call.rangeMs;
  let last = windows.histogramHi[s] - 1;
  const first = Math.max(lo, search(times, lo, last, start, false) - 1);
  if (smoothed) last = search(times, lo, last, end, true);
  if (times[last] <= start || (smoothed && times[first] > end)) return undefined;
  if (!isUniform(histograms, first, last, call, isCounter)) return undefined;
  const noting = notingOf(call);
  const left =
    smoothed && times[first] < start
      ? between(windows, first, start, isCounter, noting)
      : FloatHistogram.from(histograms[first]);
  const right =
    smoothed && last > lo && times[last] > end
      ? between(windows, last - 1, end, isCounter, noting)
      : FloatHistogram.from(histograms[last]);
  if (left === null || right === null) return undefined;
  if (!isCounter && !(isGauge(left) && isGauge(right))) {
    call.state.annotations.histogramNotGauge(noting.metric, noting.range);
  }
  const result = right.copy();
  if (!addNoting(result, left, -1, call)) return undefined;
  if (isCounter && !correct(result, windows, first, last, left, right, start, call)) return undefined;
  if (isRate) divide(result, toSeconds(call.rangeMs));
  result.resetHint = ResetHint.GAUGE;
  return compact(result);
}

function notingOf(call: RangeCall): Noting {
  return { annotations: call.state.annotations, range: call.args[0].range, metric: metricNameOf(call) };
}

function between(
  windows: RangeWindows,
  i: number,
  t: number,
  isCounter: boolean,
  noting: Noting,
): FloatHistogram | null {
  const { histograms, histogramTimes: times } = windows;
  return interpolateHistograms(
    histograms[i],
    times[i],
    histograms[i + 1],
    times[i + 1],
    t,
    isCounter,
    noting,
  );
}

/** Whether all histograms of the range are of one kind; notes what a counter should not be. */
function isUniform(
  histograms: readonly Histogram[],
  first: number,
  last: number,
  call: RangeCall,
  isCounter: boolean,
): boolean {
  const custom = usesCustomBuckets(histograms[first]);
  const { annotations } = call.state;
  const { range } = call.args[0];
  for (let i = first; i <= last; i++) {
    if (usesCustomBuckets(histograms[i]) !== custom) {
      annotations.mixedExponentialCustom(metricNameOf(call), range);
      return false;
    }
    if (isCounter && isGauge(histograms[i])) annotations.histogramNotCounter(metricNameOf(call), range);
  }
  return true;
}

/** Adds what was counted before each reset; false where histograms do not go together. */
function correct(
  result: FloatHistogram,
  windows: RangeWindows,
  firstIndex: number,
  lastIndex: number,
  left: FloatHistogram,
  right: FloatHistogram,
  start: number,
  call: RangeCall,
): boolean {
  const { histograms, histogramTimes: times } = windows;
  let first = firstIndex + 1;
  let previous: Histogram = left;
  if (
    call.smoothed &&
    times[firstIndex] < start &&
    detectsReset(histograms[firstIndex + 1], histograms[firstIndex])
  ) {
    // The value at the left border was taken across this reset already.
    previous = histograms[firstIndex + 1];
    first++;
  }
  // The last sample is `right`, as it is or interpolated: it is looked at last.
  if (first > lastIndex) return true;
  let correction: FloatHistogram | null = null;
  const add = (histogram: Histogram): boolean => {
    if (correction !== null) return addNoting(correction, histogram, 1, call);
    correction = FloatHistogram.from(histogram);
    return true;
  };
  for (let i = first; i < lastIndex; i++) {
    if (detectsReset(histograms[i], previous) && !add(previous)) return false;
    previous = histograms[i];
  }
  if (detectsReset(right, previous) && !add(previous)) return false;
  return correction === null || addNoting(result, correction, 1, call);
}
