import { quantileOf } from "../functions/quantile.js";
import { floatsOfQuery } from "./arena.js";
import { takeArrayBytes } from "./array-budget.js";
import { FLOAT, type Matrix } from "./matrix.js";

/** Short rows are not worth an array each. */
const WHOLE_STEPS_MIN = 64;

/** The floats of each group and step, of which `quantile` needs all. */
export class QuantileCells {
  private readonly steps: number;
  /** By group: long rows that have a float at every step. */
  private readonly wholeRows: (Float64Array[] | undefined)[] = [];
  /** By group and step: the floats of other rows. */
  private readonly lists: (number[] | undefined)[] = [];
  /** The floats of one group and step. */
  private room = new Float64Array(16);

  constructor(steps: number) {
    this.steps = steps;
  }

  /** Adds the row of cells that begins at `from` and has so many floats. */
  add(matrix: Matrix, from: number, group: number, floats: number): void {
    const { steps } = this;
    if (floats === steps && steps >= WHOLE_STEPS_MIN) this.addWhole(matrix, from, group);
    else {
      for (let s = 0; s < steps; s++) {
        if (matrix.kinds[from + s] !== FLOAT) continue;
        const list = this.lists[group * steps + s];
        if (list === undefined) this.lists[group * steps + s] = [matrix.values[from + s]];
        else list.push(matrix.values[from + s]);
      }
    }
  }

  private addWhole(matrix: Matrix, from: number, group: number): void {
    const { steps, wholeRows } = this;
    takeArrayBytes(Float64Array.BYTES_PER_ELEMENT * steps);
    const row = floatsOfQuery(steps);
    for (let s = 0; s < steps; s++) row[s] = matrix.values[from + s];
    const rows = wholeRows[group];
    if (rows === undefined) wholeRows[group] = [row];
    else rows.push(row);
  }

  /** The q-quantile of a group at step `s`; undefined where it has no float there. */
  quantile(q: number, group: number, s: number): number | undefined {
    const rows = this.wholeRows[group];
    const list = this.lists[group * this.steps + s];
    const count = (rows?.length ?? 0) + (list?.length ?? 0);
    if (count === 0) return undefined;
    if (count > this.room.length) this.room = new Float64Array(2 * count);
    const { room } = this;
    let filled = 0;
    if (rows !== undefined) for (const row of rows) room[filled++] = row[s];
    if (list !== undefined) for (const value of list) room[filled++] = value;
    return quantileOf(q, room, count);
  }
}
