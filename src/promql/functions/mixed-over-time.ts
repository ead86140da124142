import type { Histogram } from "../../model/histogram.js";
import { HistogramMean } from "../histogram/mean.js";
import {
  Extrapolation,
  type FloatKernel,
  type MixedKernel,
  metricNameOf,
  type RangeCall,
  type RangeWindows,
} from "./range-window.js";

const one = new Float64Array(1);
const kind = new Uint8Array(1);

/** Runs a float kernel over the floats of one window. */
export function floatsOfStep(
  kernel: FloatKernel,
  windows: RangeWindows,
  s: number,
  call: RangeCall,
): number | undefined {
  kind[0] = 0;
  const single = {
    ...windows,
    steps: 1,
    floatLo: windows.floatLo.subarray(s, s + 1),
    floatHi: windows.floatHi.subarray(s, s + 1),
    extrapolation: new Extrapolation(1),
  };
  const { startMs, stepMs } = call.frame;
  const atStep: RangeCall = {
    ...call,
    frame: { startMs: startMs + s * stepMs, stepMs, count: 1 },
    firstEndMs: call.firstEndMs + s * call.strideMs,
    scalars: call.scalars.map((values) => values.subarray(s, s + 1)),
  };
  kernel(single, atStep, one, kind, 0);
  return kind[0] === 0 ? undefined : one[0];
}

export function hasFloats(windows: RangeWindows, s: number): boolean {
  return windows.floatHi[s] > windows.floatLo[s];
}

export function hasHistograms(windows: RangeWindows, s: number): boolean {
  return windows.histogramHi[s] > windows.histogramLo[s];
}

/** For functions of floats only: a window with floats gets its result, and a note if histograms were in it. */
export function ignoringHistograms(kernel: FloatKernel): MixedKernel {
  return (windows, s, call) => {
    if (!hasFloats(windows, s)) return undefined;
    if (hasHistograms(windows, s)) {
      call.state.annotations.histogramIgnoredInMixedRange(metricNameOf(call), rangeOf(call));
    }
    return floatsOfStep(kernel, windows, s, call);
  };
}

/** Where Prometheus' annotations of range functions point: the first argument. */
function rangeOf(call: RangeCall): { start: number; end: number } {
  return call.args[0].range;
}

export const count: MixedKernel = (windows, s) =>
  windows.floatHi[s] - windows.floatLo[s] + windows.histogramHi[s] - windows.histogramLo[s];

export const present: MixedKernel = () => 1;

/** The earliest sample; of two at the same time the histogram. */
export const first: MixedKernel = (windows, s) => {
  const f = windows.floatLo[s];
  const h = windows.histogramLo[s];
  if (!hasHistograms(windows, s)) return windows.floats[f];
  if (hasFloats(windows, s) && windows.floatTimes[f] < windows.histogramTimes[h]) return windows.floats[f];
  return windows.histograms[h];
};

export const last: MixedKernel = (windows, s) => {
  const f = windows.floatHi[s] - 1;
  const h = windows.histogramHi[s] - 1;
  if (!hasHistograms(windows, s)) return windows.floats[f];
  if (hasFloats(windows, s) && windows.histogramTimes[h] < windows.floatTimes[f]) return windows.floats[f];
  return windows.histograms[h];
};

export const tsOfFirst: MixedKernel = (windows, s) => {
  const f = hasFloats(windows, s) ? windows.floatTimes[windows.floatLo[s]] : Infinity;
  const h = hasHistograms(windows, s) ? windows.histogramTimes[windows.histogramLo[s]] : Infinity;
  return Math.min(f, h) / 1000;
};

export const tsOfLast: MixedKernel = (windows, s) => {
  const f = hasFloats(windows, s) ? windows.floatTimes[windows.floatHi[s] - 1] : 0;
  const h = hasHistograms(windows, s) ? windows.histogramTimes[windows.histogramHi[s] - 1] : 0;
  return Math.max(f, h) / 1000;
};

/** sum_over_time and avg_over_time: of floats or of histograms, never of both. */
export function sumOrAverage(kernel: FloatKernel, average: boolean): MixedKernel {
  return (windows, s, call) => {
    if (!hasHistograms(windows, s)) return floatsOfStep(kernel, windows, s, call);
    if (hasFloats(windows, s)) {
      call.state.annotations.mixedFloatsHistograms(metricNameOf(call), rangeOf(call));
      return undefined;
    }
    return combine(windows, s, call, average);
  };
}

function combine(windows: RangeWindows, s: number, call: RangeCall, average: boolean): Histogram | undefined {
  const { annotations } = call.state;
  const lo = windows.histogramLo[s];
  const hi = windows.histogramHi[s];
  const mean = new HistogramMean(windows.histograms[lo], average);
  for (let i = lo + 1; i < hi; i++) {
    if (mean.add(windows.histograms[i])) continue;
    annotations.mixedExponentialCustom(metricNameOf(call), rangeOf(call));
    return undefined;
  }
  if (mean.hintsCollide) annotations.counterResetCollision("aggregation", rangeOf(call));
  if (mean.reconciled) annotations.mismatchedCustomBuckets("aggregation", rangeOf(call));
  return mean.finish();
}
