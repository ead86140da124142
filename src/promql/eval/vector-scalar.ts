import { goPow } from "../math/power.js";
import { goAtan2 } from "../math/trigonometry.js";
import type { BinaryExpr } from "../parse/ast.js";
import { typeOf } from "../parse/ast.js";
import { isComparison } from "../parse/token.js";
import { dropNames } from "./duplicates.js";
import { histogramWithScalar } from "./histogram-binary.js";
import { ABSENT, FLOAT, type Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";

/** `lhs op rhs` of two floats; comparisons give 0 or 1. */
export function scalarOp(op: string, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "%":
      return a % b;
    case "^":
      return goPow(a, b);
    case "atan2":
      return goAtan2(a, b);
    case "==":
      return a === b ? 1 : 0;
    case "!=":
      return a !== b ? 1 : 0;
    case ">":
      return a > b ? 1 : 0;
    case "<":
      return a < b ? 1 : 0;
    case ">=":
      return a >= b ? 1 : 0;
    default:
      return a <= b ? 1 : 0;
  }
}

export function evalScalarScalar(scope: Scope, expr: BinaryExpr): Float64Array {
  const left = scope.scalar(expr.left);
  const right = scope.scalar(expr.right);
  for (let s = 0; s < left.length; s++) left[s] = scalarOp(expr.op, left[s], right[s]);
  scope.state.release(right.length);
  return left;
}

/** A vector with a scalar on either side, in the vector's own cells. */
export function evalVectorScalar(scope: Scope, expr: BinaryExpr): Matrix {
  const scalarLeft = typeOf(expr.left) === "scalar";
  // Left before right: which error is met first shows.
  const left = scalarLeft ? scope.scalar(expr.left) : null;
  const matrix = scope.vector(scalarLeft ? expr.right : expr.left);
  const scalars = left ?? scope.scalar(expr.right);
  if (isComparison(expr.op)) compareCells(matrix, scalars, expr, scalarLeft);
  else if (expr.op === "</" || expr.op === ">/") keepHistograms(matrix);
  else computeCells(matrix, scalars, expr.op, scalarLeft);
  if (matrix.histograms !== null || expr.op === "</" || expr.op === ">/") {
    histogramWithScalar(scope, matrix, scalars, expr, scalarLeft);
  }
  const changes = !isComparison(expr.op) || expr.returnBool;
  return changes && changesSchema(expr) ? dropNames(scope.state, matrix) : matrix;
}

/** Trimming leaves a metric what it is; everything else but a filter makes a new thing of it. */
function changesSchema(expr: BinaryExpr): boolean {
  return expr.returnBool || ["+", "-", "*", "/", "^", "%", "atan2"].includes(expr.op);
}

function keepHistograms(_matrix: Matrix): void {
  // Floats cannot be trimmed: `histogramWithScalar` takes them out with a note.
}

function computeCells(matrix: Matrix, scalars: Float64Array, op: string, scalarLeft: boolean): void {
  const { values, kinds, rows, steps } = matrix;
  for (let row = 0, i = 0; row < rows; row++) {
    for (let s = 0; s < steps; s++, i++) {
      if (kinds[i] !== FLOAT) continue;
      const a = scalarLeft ? scalars[s] : values[i];
      const b = scalarLeft ? values[i] : scalars[s];
      values[i] = scalarOp(op, a, b);
    }
  }
}

function compareCells(matrix: Matrix, scalars: Float64Array, expr: BinaryExpr, scalarLeft: boolean): void {
  const { values, kinds, rows, steps } = matrix;
  for (let row = 0, i = 0; row < rows; row++) {
    for (let s = 0; s < steps; s++, i++) {
      if (kinds[i] !== FLOAT) continue;
      const a = scalarLeft ? scalars[s] : values[i];
      const b = scalarLeft ? values[i] : scalars[s];
      const kept = scalarOp(expr.op, a, b);
      if (expr.returnBool) values[i] = kept;
      else if (kept === 0) kinds[i] = ABSENT;
    }
  }
}
