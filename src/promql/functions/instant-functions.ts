import { Labels } from "../../model/labels.js";
import { dropNames } from "../eval/duplicates.js";
import { goMax, goMin } from "../eval/go-math.js";
import { ABSENT, FLOAT, Matrix } from "../eval/matrix.js";
import type { Scope } from "../eval/scope.js";
import { evalSelector } from "../eval/selector.js";
import { goExp } from "../math/exp.js";
import { goAcosh, goAsinh, goAtanh, goCosh, goSinh, goTanh } from "../math/hyperbolic.js";
import { goLog, goLog2, goLog10 } from "../math/log.js";
import { goAcos, goAsin, goAtan, goCos, goSin, goTan } from "../math/trigonometry.js";
import type { CallExpr } from "../parse/ast.js";
import { absent } from "./absent.js";
import { dateFunctions } from "./dates.js";
import { histogramFunctions } from "./histogram-functions.js";
import { histogramFraction, histogramQuantile, histogramQuantiles } from "./histogram-quantile.js";
import { info } from "./info.js";
import { labelJoin, labelReplace } from "./label-functions.js";
import { sort, sortByLabel } from "./sort.js";

export type VectorFunction = (scope: Scope, call: CallExpr) => Matrix;
export type ScalarFunction = (scope: Scope, call: CallExpr) => Float64Array;

/** Applies `f` to every float; histograms are left out. The result is no longer the metric's value. */
function mapFloats(scope: Scope, matrix: Matrix, f: (value: number, step: number) => number): Matrix {
  const { values, kinds, steps } = matrix;
  for (let row = 0, i = 0; row < matrix.rows; row++) {
    for (let s = 0; s < steps; s++, i++) {
      if (kinds[i] === FLOAT) values[i] = f(values[i], s);
      else kinds[i] = ABSENT;
    }
  }
  matrix.histograms = null;
  return dropNames(scope.state, matrix);
}

const MATH: Readonly<Record<string, (value: number) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  exp: goExp,
  sqrt: Math.sqrt,
  ln: goLog,
  log2: goLog2,
  log10: goLog10,
  sin: goSin,
  cos: goCos,
  tan: goTan,
  asin: goAsin,
  acos: goAcos,
  atan: goAtan,
  sinh: goSinh,
  cosh: goCosh,
  tanh: goTanh,
  asinh: goAsinh,
  acosh: goAcosh,
  atanh: goAtanh,
  rad: (value) => (value * Math.PI) / 180,
  deg: (value) => (value * 180) / Math.PI,
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
};

function mathFunction(f: (value: number) => number): VectorFunction {
  return (scope, call) => mapFloats(scope, scope.vector(call.args[0]), f);
}

function round(scope: Scope, call: CallExpr): Matrix {
  // In the order of the arguments: which error is met first shows.
  const matrix = scope.vector(call.args[0]);
  const nearest = call.args.length > 1 ? scope.scalar(call.args[1]) : null;
  return mapFloats(scope, matrix, (value, s) => {
    // Dividing by the inverse gives fewer inaccuracies than multiplying.
    const inverse = 1 / (nearest === null ? 1 : nearest[s]);
    return Math.floor(value * inverse + 0.5) / inverse;
  });
}

function clamp(scope: Scope, call: CallExpr): Matrix {
  const { name } = call.fn;
  const matrix = scope.vector(call.args[0]);
  const bounds = call.args.slice(1).map((arg) => scope.scalar(arg));
  const low = name === "clamp_max" ? null : bounds[0];
  const high = name === "clamp_min" ? null : bounds[bounds.length - 1];
  const { kinds, steps } = matrix;
  if (low !== null && high !== null) {
    for (let row = 0, i = 0; row < matrix.rows; row++) {
      for (let s = 0; s < steps; s++, i++) if (high[s] < low[s]) kinds[i] = ABSENT;
    }
  }
  return mapFloats(scope, matrix, (value, s) =>
    goMax(low === null ? -Infinity : low[s], goMin(high === null ? Infinity : high[s], value)),
  );
}

/** With a selector inside, the samples' own times; else the time of evaluation. */
function timestamp(scope: Scope, call: CallExpr): Matrix {
  const [arg] = call.args;
  if (arg.kind === "vector") {
    return dropNames(scope.state, evalSelector(scope.state, scope.frame, arg, null, "timestamp"));
  }
  const matrix = scope.vector(arg);
  const { startMs, stepMs } = scope.frame;
  for (let row = 0, i = 0; row < matrix.rows; row++) {
    for (let s = 0; s < matrix.steps; s++, i++) {
      if (matrix.kinds[i] === ABSENT) continue;
      matrix.kinds[i] = FLOAT;
      matrix.values[i] = (startMs + s * stepMs) / 1000;
    }
  }
  matrix.histograms = null;
  return dropNames(scope.state, matrix);
}

function startTimestamp(scope: Scope, call: CallExpr): Matrix {
  const [arg] = call.args;
  if (arg.kind !== "vector") {
    // Values that are computed have none; what their computation notes, it notes.
    scope.vector(arg);
    return new Matrix(scope.frame.count, 0);
  }
  if (!scope.state.useStartTimestamps) return new Matrix(scope.frame.count, 0);
  return dropNames(scope.state, evalSelector(scope.state, scope.frame, arg, null, "startTimestamp"));
}

function vector(scope: Scope, call: CallExpr): Matrix {
  const matrix = new Matrix(scope.frame.count, 1);
  matrix.delayedDrop = scope.state.delayedNameRemoval;
  matrix.addRow(Labels.EMPTY);
  matrix.values.set(scope.scalar(call.args[0]));
  matrix.kinds.fill(FLOAT);
  return matrix;
}

/** The one float of each step; NaN where there are none or several. */
function scalar(scope: Scope, call: CallExpr): Float64Array {
  const matrix = scope.vector(call.args[0]);
  const { steps, kinds, values } = matrix;
  const out = new Float64Array(scope.frame.count).fill(Number.NaN);
  const seen = new Uint8Array(scope.frame.count);
  for (let row = 0, i = 0; row < matrix.rows; row++) {
    for (let s = 0; s < steps; s++, i++) {
      if (kinds[i] !== FLOAT) continue;
      out[s] = seen[s] === 0 ? values[i] : Number.NaN;
      seen[s] = 1;
    }
  }
  return out;
}

function pairwise(f: (a: number, b: number) => number): ScalarFunction {
  return (scope, call) => {
    const a = scope.scalar(call.args[0]);
    const b = scope.scalar(call.args[1]);
    return a.map((value, s) => f(value, b[s]));
  };
}

export const scalarFunctions: ReadonlyMap<string, ScalarFunction> = new Map<string, ScalarFunction>([
  [
    "time",
    ({ frame }) => {
      const times = new Float64Array(frame.count);
      for (let s = 0; s < frame.count; s++) times[s] = (frame.startMs + s * frame.stepMs) / 1000;
      return times;
    },
  ],
  ["pi", ({ frame }) => new Float64Array(frame.count).fill(Math.PI)],
  ["scalar", scalar],
  ["max_of", pairwise(goMax)],
  ["min_of", pairwise(goMin)],
]);

export const vectorFunctions: ReadonlyMap<string, VectorFunction> = new Map<string, VectorFunction>([
  ...Object.entries(MATH).map(([name, f]) => [name, mathFunction(f)] as const),
  ...Object.entries(dateFunctions),
  ...Object.entries(histogramFunctions),
  ["round", round],
  ["clamp", clamp],
  ["clamp_min", clamp],
  ["clamp_max", clamp],
  ["timestamp", timestamp],
  ["start_timestamp", startTimestamp],
  ["vector", vector],
  ["absent", absent],
  ["sort", sort],
  ["sort_desc", sort],
  ["sort_by_label", sortByLabel],
  ["sort_by_label_desc", sortByLabel],
  ["label_replace", labelReplace],
  ["label_join", labelJoin],
  ["histogram_quantile", histogramQuantile],
  ["histogram_quantiles", histogramQuantiles],
  ["histogram_fraction", histogramFraction],
  ["info", info],
]);
