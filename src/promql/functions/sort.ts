import { compareLabels } from "../../model/labels.js";
import { FLOAT, Matrix } from "../eval/matrix.js";
import type { Scope } from "../eval/scope.js";
import type { CallExpr } from "../parse/ast.js";
import { textOf } from "./label-functions.js";

const WORK_PER_COMPARISON = 10;

/** Order matters in instant queries only: the answer of a range query is sorted by labels. */
function warnOfRange(scope: Scope, call: CallExpr): void {
  if (scope.frame.ranges === true) scope.state.annotations.sortInRangeQuery(call.range);
}

function reorder(matrix: Matrix, rows: readonly number[]): Matrix {
  const out = new Matrix(matrix.steps, rows.length);
  out.oneName = matrix.oneName;
  out.delayedDrop = matrix.delayedDrop;
  for (const row of rows) out.copyRow(matrix, row);
  return out;
}

/** By value, NaN last; histograms are left out. */
export function sort(scope: Scope, call: CallExpr): Matrix {
  const matrix = scope.vector(call.args[0]);
  warnOfRange(scope, call);
  for (let i = 0; i < matrix.rows * matrix.steps; i++) if (matrix.kinds[i] !== FLOAT) matrix.kinds[i] = 0;
  if (matrix.steps !== 1) return matrix;
  const sign = call.fn.name === "sort" ? 1 : -1;
  const rows = Array.from({ length: matrix.rows }, (_, row) => row).filter(
    (row) => matrix.kinds[row] === FLOAT,
  );
  rows.sort((a, b) => {
    scope.state.did(WORK_PER_COMPARISON);
    const x = matrix.values[a];
    const y = matrix.values[b];
    if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
    if (Number.isNaN(y)) return -1;
    return x === y ? 0 : (x - y) * sign;
  });
  return reorder(matrix, rows);
}

/** By the named labels in the natural order of their values (`node9` before `node10`), then by all labels. */
export function sortByLabel(scope: Scope, call: CallExpr): Matrix {
  const matrix = scope.vector(call.args[0]);
  warnOfRange(scope, call);
  const names = call.args.slice(1).map(textOf);
  const sign = call.fn.name === "sort_by_label" ? 1 : -1;
  const rows = Array.from({ length: matrix.rows }, (_, row) => row);
  rows.sort((a, b) => {
    scope.state.did(WORK_PER_COMPARISON);
    const x = matrix.labelsOf(a);
    const y = matrix.labelsOf(b);
    for (const name of names) {
      const [left, right] = [x.get(name), y.get(name)];
      if (left !== right) return naturallyLess(left, right) ? -sign : sign;
    }
    return sign * compareLabels(x, y);
  });
  return reorder(matrix, rows);
}

const CHUNK = /(\d+|\D+)/g;

/** Runs of digits by their number, all else by its characters. */
function naturallyLess(a: string, b: string): boolean {
  const left = a.match(CHUNK) ?? [];
  const right = b.match(CHUNK) ?? [];
  for (let i = 0; i < left.length; i++) {
    if (i >= right.length) return false;
    const [x, y] = [left[i], right[i]];
    const [m, n] = [Number(x), Number(y)];
    const numbers = /^\d/.test(x) && /^\d/.test(y);
    if (numbers && m !== n) return m < n;
    if (x !== y) return numbers ? x.length < y.length : x < y;
  }
  return left.length < right.length;
}
