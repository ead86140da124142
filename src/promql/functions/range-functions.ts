import { instantMixed, rateMixed } from "./histogram-rate.js";
import * as mixed from "./mixed-over-time.js";
import * as overTime from "./over-time.js";
import type { FloatKernel, MixedKernel, RangeFunction } from "./range-window.js";
import { extrapolatedFloats, instantFloats } from "./rate.js";
import { checkSmoothing, derivOverTime, doubleExponentialSmoothing, predictLinear } from "./regression.js";
import { mixedChanges, mixedResets, resetsOverTime } from "./resets.js";

function fn(floats: FloatKernel, mixedKernel: MixedKernel): RangeFunction {
  return { floats, mixed: mixedKernel };
}

/** Functions that look at floats only: histograms beside them are ignored with a note. */
function floatsOnly(floats: FloatKernel): RangeFunction {
  return fn(floats, mixed.ignoringHistograms(floats));
}

const smoothingOfFloats = mixed.ignoringHistograms(doubleExponentialSmoothing);

function smoothingMixed(...[windows, step, call]: Parameters<MixedKernel>): ReturnType<MixedKernel> {
  checkSmoothing(call, step);
  return smoothingOfFloats(windows, step, call);
}

/** Every function of a range vector; `absent_over_time` is made of `present_over_time`. */
export const rangeFunctions: ReadonlyMap<string, RangeFunction> = new Map([
  ["rate", fn(extrapolatedFloats(true, true), rateMixed(extrapolatedFloats(true, true), true, true))],
  ["increase", fn(extrapolatedFloats(true, false), rateMixed(extrapolatedFloats(true, false), true, false))],
  ["delta", fn(extrapolatedFloats(false, false), rateMixed(extrapolatedFloats(false, false), false, false))],
  ["irate", fn(instantFloats(true), instantMixed(true))],
  ["idelta", fn(instantFloats(false), instantMixed(false))],
  ["resets", fn(resetsOverTime, mixedResets)],
  ["changes", fn(overTime.changesOverTime, mixedChanges)],
  ["sum_over_time", fn(overTime.sumOverTime, mixed.sumOrAverage(overTime.sumOverTime, false))],
  ["avg_over_time", fn(overTime.avgOverTime, mixed.sumOrAverage(overTime.avgOverTime, true))],
  ["count_over_time", fn(overTime.countOverTime, mixed.count)],
  ["present_over_time", fn(overTime.presentOverTime, mixed.present)],
  ["absent_over_time", fn(overTime.presentOverTime, mixed.present)],
  ["first_over_time", fn(overTime.firstOverTime, mixed.first)],
  ["last_over_time", fn(overTime.lastOverTime, mixed.last)],
  ["ts_of_first_over_time", fn(overTime.tsOfFirstOverTime, mixed.tsOfFirst)],
  ["ts_of_last_over_time", fn(overTime.tsOfLastOverTime, mixed.tsOfLast)],
  ["max_over_time", floatsOnly(overTime.maxOverTime)],
  ["min_over_time", floatsOnly(overTime.minOverTime)],
  ["ts_of_max_over_time", floatsOnly(overTime.tsOfMaxOverTime)],
  ["ts_of_min_over_time", floatsOnly(overTime.tsOfMinOverTime)],
  ["stdvar_over_time", floatsOnly(overTime.stdvarOverTime)],
  ["stddev_over_time", floatsOnly(overTime.stddevOverTime)],
  ["quantile_over_time", floatsOnly(overTime.quantileOverTime)],
  ["mad_over_time", floatsOnly(overTime.madOverTime)],
  ["deriv", floatsOnly(derivOverTime)],
  ["predict_linear", floatsOnly(predictLinear)],
  ["double_exponential_smoothing", fn(doubleExponentialSmoothing, smoothingMixed)],
]);
