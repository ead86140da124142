import { type Histogram, ResetHint } from "../../model/histogram.js";
import { combine, compact, divide, multiply } from "../histogram/arithmetic.js";
import { sameHistogram } from "../histogram/compare.js";
import { FloatHistogram } from "../histogram/float-histogram.js";
import { trim } from "../histogram/trim.js";
import type { BinaryExpr } from "../parse/ast.js";
import { isComparison } from "../parse/token.js";
import { ABSENT, FLOAT, HISTOGRAM, type Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";

export interface CombinedCell {
  readonly value: number | Histogram;
  /** False where a comparison filters the result out. */
  readonly keep: boolean;
}

/** One cell of an operation with a histogram on either side, or a trim; null where it gives nothing. */
export function combineHistograms(
  scope: Scope,
  expr: BinaryExpr,
  left: number | Histogram,
  right: number | Histogram,
): CombinedCell | null {
  if (typeof left === "number") {
    if (typeof right !== "number" && expr.op === "*") return scaled(right, left);
    return incompatible(scope, expr, left, right);
  }
  if (typeof right !== "number") return combineBoth(scope, expr, left, right);
  switch (expr.op) {
    case "*":
      return scaled(left, right);
    case "/":
      return { value: compact(divide(FloatHistogram.from(left), right)), keep: true };
    case "</":
    case ">/":
      return { value: trim(left, right, expr.op === "</"), keep: true };
    default:
      return incompatible(scope, expr, left, right);
  }
}

function scaled(histogram: Histogram, factor: number): CombinedCell {
  return { value: compact(multiply(FloatHistogram.from(histogram), factor)), keep: true };
}

function incompatible(
  scope: Scope,
  expr: BinaryExpr,
  left: number | Histogram,
  right: number | Histogram,
): null {
  const name = (side: number | Histogram): string => (typeof side === "number" ? "float" : "histogram");
  scope.state.annotations.incompatibleTypes(name(left), expr.op, name(right), expr.range);
  return null;
}

function combineBoth(scope: Scope, expr: BinaryExpr, left: Histogram, right: Histogram): CombinedCell | null {
  const { op, range } = expr;
  if (op === "==") return { value: left, keep: sameHistogram(left, right) };
  if (op === "!=") return { value: left, keep: !sameHistogram(left, right) };
  if (op !== "+" && op !== "-") return incompatible(scope, expr, left, right);
  const { annotations } = scope.state;
  const result = FloatHistogram.from(left);
  const combination = combine(result, right, op === "+" ? 1 : -1);
  if (combination === null) {
    annotations.incompatibleBucketLayout(op, range);
    return null;
  }
  if (op === "-") result.resetHint = ResetHint.GAUGE;
  const operation = op === "+" ? "addition" : "subtraction";
  if (combination.collision) {
    annotations.counterResetCollision(operation, range);
    // As Prometheus: with the warning the result of this pair is lost.
    return null;
  }
  if (combination.reconciled) annotations.mismatchedCustomBuckets(operation, range);
  return { value: compact(result), keep: true };
}

/** The histogram cells (and, of trims, the floats) of an operation between a vector and a scalar. */
export function histogramWithScalar(
  scope: Scope,
  matrix: Matrix,
  scalars: Float64Array,
  expr: BinaryExpr,
  scalarLeft: boolean,
): void {
  const trims = expr.op === "</" || expr.op === ">/";
  const { kinds, rows, steps } = matrix;
  for (let row = 0, i = 0; row < rows; row++) {
    for (let s = 0; s < steps; s++, i++) {
      if (kinds[i] === ABSENT || (kinds[i] === FLOAT && !trims)) continue;
      const own = kinds[i] === HISTOGRAM ? matrix.histogramAt(i) : matrix.values[i];
      const result = scalarLeft
        ? combineHistograms(scope, expr, scalars[s], own)
        : combineHistograms(scope, expr, own, scalars[s]);
      writeCell(matrix, i, result, expr);
    }
  }
}

function writeCell(matrix: Matrix, cell: number, result: CombinedCell | null, expr: BinaryExpr): void {
  if (result === null || (!result.keep && !expr.returnBool)) {
    matrix.kinds[cell] = ABSENT;
  } else if (expr.returnBool && isComparison(expr.op)) {
    matrix.values[cell] = result.keep ? 1 : 0;
    matrix.kinds[cell] = FLOAT;
  } else if (typeof result.value === "number") {
    matrix.values[cell] = result.value;
    matrix.kinds[cell] = FLOAT;
  } else {
    matrix.setHistogram(cell, result.value);
  }
}
