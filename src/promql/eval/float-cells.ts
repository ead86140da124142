import { zerosOfQuery } from "./arena.js";
import { takeArrayBytes } from "./array-budget.js";
import { FLOAT, type Matrix } from "./matrix.js";

/** Beyond it, what is lost in a sum could overflow on its way. */
const SURELY_FINITE = 1e300;

/** Adds the floats among `cells` cells of a row from `from` on to those of a group from `base` on. */
export type AddFloats = (matrix: Matrix, from: number, base: number, cells: number) => void;

/** What an aggregation makes of floats, by group and step. */
export class FloatCells {
  values: Float64Array = new Float64Array(0);
  /** What goes with a value: its compensation, or its spread. */
  extras: Float64Array = new Float64Array(0);
  /** How many floats went in. */
  counts: Float64Array = new Float64Array(0);
  private readonly steps: number;
  private groupCapacity = 0;
  /** By group, where every row so far had a float at every step: how many rows, which `counts` does not say. -1: else. */
  private readonly wholeRows: number[] = [];

  constructor(steps: number) {
    this.steps = steps;
  }

  /** Makes room for `group`. */
  reserve(group: number): void {
    if (group < this.groupCapacity) return;
    this.groupCapacity = Math.max(group + 1, 2 * this.groupCapacity, 4);
    const cells = this.groupCapacity * this.steps;
    // Three arrays; the old ones are done with.
    takeArrayBytes(24 * cells - 8 * (this.values.length + this.extras.length + this.counts.length));
    const grow = (old: Float64Array): Float64Array => {
      const grown = zerosOfQuery(cells);
      grown.set(old);
      return grown;
    };
    this.values = grow(this.values);
    this.extras = grow(this.extras);
    this.counts = grow(this.counts);
    while (this.wholeRows.length < this.groupCapacity) this.wholeRows.push(0);
  }

  /**
   * Adds a row of floats without gaps to a group of such rows, whose counts are all the same; false where nothing is
   * gained by knowing it. What the sums do not take goes to `addFloats`.
   */
  addWhole(op: string, matrix: Matrix, from: number, group: number, addFloats: AddFloats): boolean {
    const { steps, wholeRows, values, extras } = this;
    const rows = wholeRows[group];
    if (rows < 0) return false;
    if (op === "sum" || op === "avg") {
      const base = group * steps;
      const added = addToSums(values, extras, base, matrix.values, from, steps, rows === 0);
      if (added < steps) {
        this.settleCounts(group);
        for (let s = 0; s < added; s++) this.counts[base + s]++;
        addFloats(matrix, from + added, base + added, steps - added);
        return true;
      }
    } else if (op !== "count" && op !== "group") return false;
    wholeRows[group] = rows + 1;
    return true;
  }

  /** From now on `counts` says how many floats went into a cell of this group. */
  settleCounts(group: number): void {
    const { steps, counts, wholeRows } = this;
    if (wholeRows[group] > 0) counts.fill(wholeRows[group], group * steps, (group + 1) * steps);
    wholeRows[group] = -1;
  }

  addSum(matrix: Matrix, from: number, base: number, cells: number): void {
    const { values: sums, extras, counts } = this;
    const { values, kinds } = matrix;
    for (let s = 0; s < cells; s++) {
      if (kinds[from + s] !== FLOAT) continue;
      const inc = values[from + s];
      const cell = base + s;
      if (counts[cell]++ === 0) {
        sums[cell] = inc;
        continue;
      }
      const sum = sums[cell];
      const t = sum + inc;
      if (t > Number.MAX_VALUE || t < -Number.MAX_VALUE) extras[cell] = 0;
      else if (Math.abs(sum) >= Math.abs(inc)) extras[cell] += sum - t + inc;
      else extras[cell] += inc - t + sum;
      sums[cell] = t;
    }
  }

  /** As for sums; once a sum would overflow, the mean is carried on instead, marked by a count below zero. */
  addAverage(matrix: Matrix, from: number, base: number, cells: number): void {
    const { values: sums, extras, counts } = this;
    for (let s = 0; s < cells; s++) {
      if (matrix.kinds[from + s] !== FLOAT) continue;
      const value = matrix.values[from + s];
      const cell = base + s;
      const count = Math.abs(counts[cell]) + 1;
      if (count === 1) {
        sums[cell] = value;
        counts[cell] = 1;
        continue;
      }
      if (counts[cell] > 0) {
        const sum = sums[cell];
        const t = sum + value;
        if (t !== Infinity && t !== -Infinity) {
          extras[cell] += Math.abs(sum) >= Math.abs(value) ? sum - t + value : value - t + sum;
          sums[cell] = t;
          counts[cell] = count;
          continue;
        }
        sums[cell] = sum / (count - 1);
        extras[cell] /= count - 1;
      }
      this.addToMean(cell, value, count);
    }
  }

  private addToMean(cell: number, value: number, count: number): void {
    const { values: sums, extras } = this;
    const q = (count - 1) / count;
    const inc = value / count;
    const mean = q * sums[cell];
    const t = mean + inc;
    let c = q * extras[cell];
    if (t > Number.MAX_VALUE || t < -Number.MAX_VALUE) c = 0;
    else c += Math.abs(mean) >= Math.abs(inc) ? mean - t + inc : inc - t + mean;
    sums[cell] = t;
    extras[cell] = c;
    this.counts[cell] = -count;
  }

  addExtreme(sign: number, matrix: Matrix, from: number, base: number, cells: number): void {
    const { values: best, counts } = this;
    for (let s = 0; s < cells; s++) {
      if (matrix.kinds[from + s] !== FLOAT) continue;
      const value = matrix.values[from + s];
      const cell = base + s;
      const known = best[cell];
      if (counts[cell]++ === 0 || known * sign < value * sign || Number.isNaN(known)) best[cell] = value;
    }
  }

  /** Welford: `extras` holds the mean, `values` the sum of squared distances. */
  addVariance(matrix: Matrix, from: number, base: number, cells: number): void {
    const { values: squares, extras: means, counts } = this;
    for (let s = 0; s < cells; s++) {
      if (matrix.kinds[from + s] !== FLOAT) continue;
      const value = matrix.values[from + s];
      const cell = base + s;
      const count = ++counts[cell];
      if (count === 1) {
        means[cell] = value;
        squares[cell] = Number.isFinite(value) ? 0 : Number.NaN;
        continue;
      }
      const delta = value - means[cell];
      means[cell] += delta / count;
      squares[cell] += delta * (value - means[cell]);
    }
  }

  addCount(matrix: Matrix, from: number, base: number, cells: number): void {
    const { counts } = this;
    const { kinds } = matrix;
    for (let s = 0; s < cells; s++) if (kinds[from + s] === FLOAT) counts[base + s]++;
  }
}

/**
 * Adds `cells` floats of a row from `from` on to as many sums from `base` on, and to `extras` what each sum loses by
 * rounding: the exact error of a sum (Knuth, The Art of Computer Programming, volume 2, 4.2.2, theorem B), which is
 * what Neumaier's sum adds up, too, without having to know the larger one. `areNew`: the sums are nothing yet.
 * Returns how many were added: it ends before a sum that is not finite.
 */
function addToSums(
  sums: Float64Array,
  extras: Float64Array,
  base: number,
  row: Float64Array,
  from: number,
  cells: number,
  areNew: boolean,
): number {
  if (areNew) {
    for (let s = 0; s < cells; s++) sums[base + s] = row[from + s];
    return cells;
  }
  for (let s = 0; s < cells; s++) {
    const inc = row[from + s];
    const sum = sums[base + s];
    const t = sum + inc;
    if (!(Math.abs(t) < SURELY_FINITE)) return s;
    const added = t - sum;
    extras[base + s] += sum - (t - added) + (inc - added);
    sums[base + s] = t;
  }
  return cells;
}
