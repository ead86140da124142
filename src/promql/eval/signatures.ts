import type { Labels } from "../../model/labels.js";
import { METRIC_NAME } from "../../model/labels.js";
import type { VectorMatching } from "../parse/ast.js";
import type { Matrix } from "./matrix.js";
import { type QueryState, WORK_PER_KEY } from "./query-state.js";

/** Between the parts of a key; in no label, as a lone surrogate is not valid text. */
const SEPARATOR = "\ud800";

/** A string that is equal for label sets that agree on `names`. */
export function keyOn(labels: Labels, names: readonly string[]): string {
  if (names.length === 1) return labels.get(names[0]);
  let key = "";
  for (const name of names) key += labels.get(name) + SEPARATOR;
  return key;
}

/** A string that is equal for label sets that agree on all but `names`. */
export function keyWithout(labels: Labels, names: ReadonlySet<string>): string {
  const { pairs } = labels;
  let key = "";
  for (let i = 0; i < pairs.length; i += 2) {
    if (!names.has(pairs[i])) key += pairs[i] + SEPARATOR + pairs[i + 1] + SEPARATOR;
  }
  return key;
}

export interface Signatures {
  /** By row: the number of its match group. */
  readonly leftIds: Int32Array;
  readonly rightIds: Int32Array;
  readonly count: number;
}

export function signaturesOf(
  state: QueryState,
  left: Matrix,
  right: Matrix,
  matching: VectorMatching,
): Signatures {
  const ids = new Map<string, number>();
  const ignored = new Set([METRIC_NAME, ...matching.labels]);
  const number = (matrix: Matrix): Int32Array => {
    const out = new Int32Array(matrix.rows);
    for (let row = 0; row < matrix.rows; row++) {
      state.did(WORK_PER_KEY);
      const labels = matrix.labelsOf(row);
      const key = matching.on ? keyOn(labels, matching.labels) : keyWithout(labels, ignored);
      let id = ids.get(key);
      if (id === undefined) {
        id = ids.size;
        ids.set(key, id);
      }
      out[row] = id;
    }
    return out;
  };
  const leftIds = number(left);
  const rightIds = number(right);
  return { leftIds, rightIds, count: ids.size };
}
