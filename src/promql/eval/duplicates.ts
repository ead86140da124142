import { ABSENT, HISTOGRAM, Matrix } from "./matrix.js";
import { type QueryState, WORK_PER_KEY } from "./query-state.js";

const SAME_LABELS = "vector cannot contain metrics with the same labelset";

/** Marks the names of all rows as dropped; rows that become equal are put together. */
export function dropNames(state: QueryState, matrix: Matrix): Matrix {
  for (let row = 0; row < matrix.rows; row++) matrix.setDropped(row, true);
  if (matrix.oneName || state.delayedNameRemoval) return matrix;
  return mergeDuplicates(state, matrix);
}

/** Throws if two rows have the same labels, whatever their steps. */
export function refuseDuplicates(state: QueryState, matrix: Matrix): void {
  if (matrix.rows < 2 || matrix.isDistinctWithoutName()) return;
  const keys = new Set<string>();
  for (let row = 0; row < matrix.rows; row++) {
    state.did(WORK_PER_KEY);
    keys.add(matrix.labelsOf(row).key);
  }
  if (keys.size !== matrix.rows) state.fail(SAME_LABELS);
}

/**
 * Puts rows of equal labels into one. Throws where two of them have a value at the same step.
 * `final`: by the labels that the answer has.
 */
export function mergeDuplicates(state: QueryState, matrix: Matrix, final = false): Matrix {
  if (matrix.rows < 2) return matrix;
  const rowOf = new Map<string, number>();
  let duplicates = false;
  const target = new Int32Array(matrix.rows);
  for (let row = 0; row < matrix.rows; row++) {
    state.did(WORK_PER_KEY);
    const key = (final ? matrix.finalLabelsOf(row) : matrix.labelsOf(row)).key;
    const first = rowOf.get(key);
    if (first === undefined) rowOf.set(key, row);
    else duplicates = true;
    target[row] = first ?? row;
  }
  if (!duplicates) return matrix;
  const merged = new Matrix(matrix.steps, rowOf.size);
  merged.delayedDrop = matrix.delayedDrop;
  const baseOf = new Int32Array(matrix.rows);
  for (let row = 0; row < matrix.rows; row++) {
    if (target[row] === row) baseOf[row] = merged.copyRow(matrix, row);
    else mergeRow(state, matrix, row, merged, baseOf[target[row]]);
  }
  return merged;
}

function mergeRow(state: QueryState, matrix: Matrix, row: number, merged: Matrix, base: number): void {
  const start = row * matrix.steps;
  for (let s = 0; s < matrix.steps; s++) {
    const kind = matrix.kinds[start + s];
    if (kind === ABSENT) continue;
    if (merged.kinds[base + s] !== ABSENT) state.fail(SAME_LABELS);
    if (kind === HISTOGRAM) merged.setHistogram(base + s, matrix.histogramAt(start + s));
    else {
      merged.values[base + s] = matrix.values[start + s];
      merged.kinds[base + s] = kind;
    }
  }
}
