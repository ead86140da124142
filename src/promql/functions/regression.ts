import { worked } from "../../base/patience.js";
import { formatFloat } from "../../model/go-text.js";
import { KahanSum } from "../eval/go-math.js";
import { type FloatKernel, perWindow, type RangeCall, type RangeWindows } from "./range-window.js";

/** How often a window of millions of samples can be given up. */
const LOOK_MASK = 0x3ffff;
const sumX = new KahanSum();
const sumY = new KahanSum();
const sumXY = new KahanSum();
const sumX2 = new KahanSum();

/** The result of the last `fitLine`. */
const line = { slope: 0, intercept: 0 };

/** Least squares through the samples [lo, hi); the intercept is the value at `interceptMs`. */
function fitLine({ floats, floatTimes }: RangeWindows, lo: number, hi: number, interceptMs: number): void {
  for (const sum of [sumX, sumY, sumXY, sumX2]) sum.set(0, 0);
  const first = floats[lo];
  let constant = true;
  for (let i = lo; i < hi; i++) {
    if ((i & LOOK_MASK) === 0) worked(LOOK_MASK);
    const y = floats[i];
    if (i > lo && y !== first) constant = false;
    const x = (floatTimes[i] - interceptMs) / 1000;
    sumX.add(x);
    sumY.add(y);
    sumXY.add(x * y);
    sumX2.add(x * x);
  }
  if (constant) {
    const finite = first !== Infinity && first !== -Infinity;
    line.slope = finite ? 0 : Number.NaN;
    line.intercept = finite ? first : Number.NaN;
    return;
  }
  const n = hi - lo;
  const x = sumX.sum + sumX.c;
  const y = sumY.sum + sumY.c;
  const covariance = sumXY.sum + sumXY.c - (x * y) / n;
  const variance = sumX2.sum + sumX2.c - (x * x) / n;
  line.slope = covariance / variance;
  line.intercept = y / n - (line.slope * x) / n;
}

export const derivOverTime: FloatKernel = perWindow((windows, lo, hi) => {
  fitLine(windows, lo, hi, windows.floatTimes[lo]);
  return line.slope;
}, 2);

export const predictLinear: FloatKernel = perWindow((windows, lo, hi, call, s) => {
  fitLine(windows, lo, hi, call.frame.startMs + s * call.frame.stepMs);
  return line.slope * call.scalars[0][s] + line.intercept;
}, 2);

/** Throws where a factor is not between 0 and 1: for any window that holds a sample, be it one alone. */
export function checkSmoothing(call: RangeCall, step: number): void {
  const smoothing = call.scalars[0][step];
  const trendFactor = call.scalars[1][step];
  if (smoothing <= 0 || smoothing >= 1) {
    call.state.fail(`invalid smoothing factor. Expected: 0 < sf < 1, got: ${sixDigits(smoothing)}`);
  }
  if (trendFactor <= 0 || trendFactor >= 1) {
    call.state.fail(`invalid trend factor. Expected: 0 < tf < 1, got: ${sixDigits(trendFactor)}`);
  }
}

const smoothWindow: FloatKernel = perWindow(({ floats }, lo, hi, call, s) => {
  const smoothing = call.scalars[0][s];
  const trendFactor = call.scalars[1][s];
  let before = 0;
  let smoothed = floats[lo];
  let trend = floats[lo + 1] - floats[lo];
  for (let i = lo + 1; i < hi; i++) {
    if (i > lo + 1) trend = trendFactor * (smoothed - before) + (1 - trendFactor) * trend;
    const next = smoothing * floats[i] + (1 - smoothing) * (smoothed + trend);
    before = smoothed;
    smoothed = next;
  }
  return smoothed;
}, 2);

/** `%f` */
function sixDigits(value: number): string {
  return Number.isFinite(value) && Math.abs(value) < 1e21 ? value.toFixed(6) : formatFloat(value);
}

export const doubleExponentialSmoothing: FloatKernel = (windows, call, out, kinds, base) => {
  for (let s = 0; s < windows.steps; s++)
    if (windows.floatLo[s] < windows.floatHi[s]) checkSmoothing(call, s);
  return smoothWindow(windows, call, out, kinds, base);
};
