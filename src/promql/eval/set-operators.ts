import type { BinaryExpr, VectorMatching } from "../parse/ast.js";
import { takeArrayBytes } from "./array-budget.js";
import { mergeDuplicates } from "./duplicates.js";
import { ABSENT, Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";
import { signaturesOf } from "./signatures.js";

/** `and`, `or` and `unless`: step by step, by the labels that match. */
export function evalSetOperator(scope: Scope, expr: BinaryExpr): Matrix {
  const left = scope.vector(expr.left);
  const right = scope.vector(expr.right);
  const matching = expr.matching as VectorMatching;
  const { leftIds, rightIds, count } = signaturesOf(scope.state, left, right, matching);
  if (expr.op === "or") return union(scope, left, right, leftIds, rightIds, count);
  const present = presence(right, rightIds, count);
  const { steps, kinds } = left;
  const keepMatched = expr.op === "and" ? 1 : 0;
  for (let row = 0, i = 0; row < left.rows; row++) {
    const base = leftIds[row] * steps;
    scope.state.did(steps);
    for (let s = 0; s < steps; s++, i++) if (present[base + s] !== keepMatched) kinds[i] = ABSENT;
  }
  return left;
}

/** For each signature and step whether a row has a value. */
function presence(matrix: Matrix, ids: Int32Array, count: number): Uint8Array {
  const { steps, kinds } = matrix;
  takeArrayBytes(count * steps);
  const present = new Uint8Array(count * steps);
  for (let row = 0, i = 0; row < matrix.rows; row++) {
    const base = ids[row] * steps;
    for (let s = 0; s < steps; s++, i++) if (kinds[i] !== ABSENT) present[base + s] = 1;
  }
  return present;
}

function union(
  scope: Scope,
  left: Matrix,
  right: Matrix,
  leftIds: Int32Array,
  rightIds: Int32Array,
  count: number,
): Matrix {
  const present = presence(left, leftIds, count);
  const { steps } = left;
  const out = new Matrix(steps, left.rows + right.rows);
  out.delayedDrop = left.delayedDrop;
  for (let row = 0; row < left.rows; row++) out.copyRow(left, row);
  for (let row = 0; row < right.rows; row++) {
    const base = out.copyRow(right, row);
    const from = rightIds[row] * steps;
    for (let s = 0; s < steps; s++) if (present[from + s] === 1) out.kinds[base + s] = ABSENT;
  }
  return mergeDuplicates(scope.state, out);
}
