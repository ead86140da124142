import { formatFloatShort } from "../../model/go-text.js";
import type { AggregateExpr, Expr } from "../parse/ast.js";
import { Grouping } from "./grouping.js";
import { labelsHash } from "./labels-hash.js";
import { ABSENT, FLOAT, HISTOGRAM, Matrix } from "./matrix.js";
import { WORK_PER_KEY } from "./query-state.js";
import type { Scope } from "./scope.js";

/**
 * topk, bottomk, limitk and limit_ratio: the rows that are chosen at a step keep their cells. In an instant
 * query the rows of the result are in the order of their values.
 */
export function evalAggregateK(scope: Scope, expr: AggregateExpr): Matrix {
  const params = scope.scalar(expr.param as Expr);
  const matrix = scope.vector(expr.expr);
  if (!checkParams(scope, expr, params)) return new Matrix(matrix.steps, 0);
  const grouping = new Grouping(expr);
  const rowsOf: number[][] = [];
  for (let row = 0; row < matrix.rows; row++) {
    scope.state.did(WORK_PER_KEY);
    const group = grouping.groupOf(matrix, row);
    if (rowsOf[group] === undefined) rowsOf[group] = [];
    rowsOf[group].push(row);
  }
  if (expr.op === "limit_ratio") limitRatio(scope, matrix, params);
  else if (expr.op === "limitk") for (const rows of rowsOf) limitK(matrix, rows, params);
  else {
    noteHistograms(scope, expr, matrix);
    const order = rowsOf.flatMap((rows) => chooseK(scope, matrix, rows, params, expr.op === "topk"));
    if (matrix.steps === 1) return inOrder(matrix, order);
  }
  return matrix;
}

/** False where nothing can be chosen at any step. */
function checkParams(scope: Scope, expr: AggregateExpr, params: Float64Array): boolean {
  let min = Infinity;
  let max = -Infinity;
  let hasNaN = false;
  for (const value of params) {
    if (Number.isNaN(value)) hasNaN = true;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const { state } = scope;
  if (expr.op === "limit_ratio") {
    if (max === 0 && min === 0) return false;
    if (hasNaN) state.fail("Ratio value is NaN");
    const range = (expr.param as Expr).range;
    if (max > 1) state.annotations.invalidRatio(max, 1, range);
    if (min < -1) state.annotations.invalidRatio(min, -1, range);
    return true;
  }
  if (max < 1 && !(hasNaN && max === -Infinity)) return false;
  if (hasNaN) state.fail("Parameter value is NaN");
  if (min <= -(2 ** 63)) state.fail(`Scalar value ${formatFloatShort(min)} underflows int64`);
  if (max >= 2 ** 63) state.fail(`Scalar value ${formatFloatShort(max)} overflows int64`);
  return true;
}

function limitK(matrix: Matrix, rows: readonly number[], params: Float64Array): void {
  const { steps, kinds } = matrix;
  for (let s = 0; s < steps; s++) {
    let left = Math.trunc(params[s]);
    for (const row of rows) {
      const cell = row * steps + s;
      if (kinds[cell] === ABSENT) continue;
      if (left >= 1) left--;
      else kinds[cell] = ABSENT;
    }
  }
}

/** Each series has a place in [0, 1) by its labels: r > 0 takes those below it, r < 0 the other end. */
function limitRatio(scope: Scope, matrix: Matrix, params: Float64Array): void {
  const { steps, kinds } = matrix;
  for (let row = 0; row < matrix.rows; row++) {
    // Hashing is done in big integers.
    scope.state.did(20 * WORK_PER_KEY);
    const place = Number(labelsHash(matrix.labelsOf(row))) / 2 ** 64;
    for (let s = 0; s < steps; s++) {
      const ratio = Math.max(-1, Math.min(1, params[s]));
      const chosen = ratio >= 0 ? place < ratio : place >= 1 + ratio;
      if (!chosen) kinds[row * steps + s] = ABSENT;
    }
  }
}

function noteHistograms(scope: Scope, expr: AggregateExpr, matrix: Matrix): void {
  if (matrix.histograms === null) return;
  for (let i = 0; i < matrix.rows * matrix.steps; i++) {
    if (matrix.kinds[i] !== HISTOGRAM) continue;
    matrix.kinds[i] = ABSENT;
    scope.state.annotations.histogramIgnoredInAggregation(expr.op, expr.range);
  }
}

/** Clears all cells of `rows` but the k best of each step; returns the rows of the last step, best first. */
function chooseK(
  scope: Scope,
  matrix: Matrix,
  rows: readonly number[],
  params: Float64Array,
  largest: boolean,
): number[] {
  const { steps, kinds, values } = matrix;
  const sign = largest ? 1 : -1;
  const candidates = new Int32Array(rows.length);
  let order: number[] = [];
  for (let s = 0; s < steps; s++) {
    scope.state.did(rows.length);
    let count = 0;
    for (const row of rows) if (kinds[row * steps + s] === FLOAT) candidates[count++] = row;
    const k = Math.max(0, Math.min(Math.trunc(params[s]), count));
    if (k < count || steps === 1) {
      selectBest(scope, candidates, count, k, matrix, s, sign);
      for (let i = k; i < count; i++) kinds[candidates[i] * steps + s] = ABSENT;
    }
    if (steps === 1) {
      const value = (row: number): number => values[row];
      order = Array.from(candidates.subarray(0, k)).sort((a, b) => {
        scope.state.did(4);
        return compareBest(value(a), value(b), sign);
      });
    }
  }
  return order;
}

/** Better first; NaN last. */
function compareBest(a: number, b: number, sign: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return a === b ? 0 : (b - a) * sign;
}

/** Brings the k best rows to the front by a heap whose top is the worst of them; first come wins ties. */
function selectBest(
  scope: Scope,
  rows: Int32Array,
  count: number,
  k: number,
  matrix: Matrix,
  s: number,
  sign: number,
): void {
  if (k === 0) return;
  const { values, steps } = matrix;
  const isWorse = (a: number, b: number): boolean => {
    const x = values[a * steps + s];
    const y = values[b * steps + s];
    return Number.isNaN(x) ? !Number.isNaN(y) : x * sign < y * sign;
  };
  const siftDown = (from: number): void => {
    let at = from;
    for (;;) {
      let worst = at;
      const left = 2 * at + 1;
      if (left < k && isWorse(rows[left], rows[worst])) worst = left;
      if (left + 1 < k && isWorse(rows[left + 1], rows[worst])) worst = left + 1;
      scope.state.did(4);
      if (worst === at) return;
      const row = rows[at];
      rows[at] = rows[worst];
      rows[worst] = row;
      at = worst;
    }
  };
  for (let i = (k >> 1) - 1; i >= 0; i--) siftDown(i);
  for (let i = k; i < count; i++) {
    if (!isWorse(rows[0], rows[i])) continue;
    const row = rows[0];
    rows[0] = rows[i];
    rows[i] = row;
    siftDown(0);
  }
}

function inOrder(matrix: Matrix, order: readonly number[]): Matrix {
  const out = new Matrix(matrix.steps, order.length);
  out.oneName = matrix.oneName;
  out.delayedDrop = matrix.delayedDrop;
  for (const row of order) out.copyRow(matrix, row);
  return out;
}
