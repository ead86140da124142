import { type Histogram, ResetHint } from "../../model/histogram.js";
import { combine, compact, divide, multiply } from "../histogram/arithmetic.js";
import { sameHistogram } from "../histogram/compare.js";
import { FloatHistogram } from "../histogram/float-histogram.js";
import { trim } from "../histogram/trim.js";
import type { BinaryExpr } from "../parse/ast.js";
import { isComparison } from "../parse/token.js";
import { ABSENT, FLOAT, HISTOGRAM, type Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";
import { StepNotes } from "./step-notes.js";

export interface CombinedCell {
  readonly value: number | Histogram;
  /** False where a comparison filters the result out. */
  readonly keep: boolean;
}

/** One cell of an operation with a histogram on either side, or a trim; null where it gives nothing. */
export function combineHistograms(
  notes: StepNotes,
  expr: BinaryExpr,
  left: number | Histogram,
  right: number | Histogram,
): CombinedCell | null {
  if (typeof left === "number") {
    if (typeof right !== "number" && expr.op === "*") return scaled(right, left);
    return incompatible(notes, left, right);
  }
  if (typeof right !== "number") return combineBoth(notes, expr, left, right);
  switch (expr.op) {
    case "*":
      return scaled(left, right);
    case "/":
      return { value: compact(divide(FloatHistogram.from(left), right)), keep: true };
    case "</":
    case ">/":
      return { value: trim(left, right, expr.op === "</"), keep: true };
    default:
      return incompatible(notes, left, right);
  }
}

function scaled(histogram: Histogram, factor: number): CombinedCell {
  return { value: compact(multiply(FloatHistogram.from(histogram), factor)), keep: true };
}

function incompatible(notes: StepNotes, left: number | Histogram, right: number | Histogram): null {
  if (typeof left === "number") notes.add(typeof right === "number" ? "float/float" : "float/histogram");
  else notes.add(typeof right === "number" ? "histogram/float" : "histogram/histogram");
  return null;
}

function combineBoth(
  notes: StepNotes,
  { op }: BinaryExpr,
  left: Histogram,
  right: Histogram,
): CombinedCell | null {
  if (op === "==") return { value: left, keep: sameHistogram(left, right) };
  if (op === "!=") return { value: left, keep: !sameHistogram(left, right) };
  if (op !== "+" && op !== "-") return incompatible(notes, left, right);
  const result = FloatHistogram.from(left);
  const combination = combine(result, right, op === "+" ? 1 : -1);
  if (combination === null) {
    notes.add("layout");
    return null;
  }
  if (op === "-") result.resetHint = ResetHint.GAUGE;
  if (combination.collision) {
    notes.add("collision");
    // As Prometheus: with the warning the result of this pair is lost.
    return null;
  }
  if (combination.reconciled) notes.add("reconciled");
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
  const notes = new StepNotes(steps);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let s = 0; s < steps; s++, i++) {
      if (kinds[i] === ABSENT || (kinds[i] === FLOAT && !trims)) continue;
      notes.at(s, row);
      const own = kinds[i] === HISTOGRAM ? matrix.histogramAt(i) : matrix.values[i];
      const result = scalarLeft
        ? combineHistograms(notes, expr, scalars[s], own)
        : combineHistograms(notes, expr, own, scalars[s]);
      writeCell(matrix, i, result, expr);
    }
  }
  notes.report(scope.state.annotations, expr);
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
