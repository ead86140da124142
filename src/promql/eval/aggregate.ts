import { quantileOf } from "../functions/quantile.js";
import type { AggregateExpr } from "../parse/ast.js";
import { takeArrayBytes } from "./array-budget.js";
import { Grouping } from "./grouping.js";
import { HistogramAggregation } from "./histogram-aggregate.js";
import { FLOAT, HISTOGRAM, Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";

/** Aggregations with one accumulator for each group and step. */
export function evalAggregate(scope: Scope, expr: AggregateExpr): Matrix {
  const aggregation = new Aggregation(scope, expr);
  const countsOnly = expr.op === "count" || expr.op === "group";
  scope.rows(expr.expr, (matrix, row) => aggregation.add(matrix, row), countsOnly);
  return aggregation.finish();
}

/** Histograms count for these; all others ignore them. */
const TAKES_HISTOGRAMS: ReadonlySet<string> = new Set(["sum", "avg", "count", "group"]);

class Aggregation {
  private readonly scope: Scope;
  private readonly expr: AggregateExpr;
  private readonly grouping: Grouping;
  private readonly steps: number;
  private groupCapacity = 0;
  /** By group and step: the value, its compensation or spread, and how many floats went in. */
  private values = new Float64Array(0);
  private extras = new Float64Array(0);
  private counts = new Float64Array(0);
  private readonly drops: boolean[] = [];
  private readonly q: Float64Array | null;
  /** For `quantile`: the floats of each group and step. */
  private readonly lists: (number[] | undefined)[] = [];
  private sortRoom = new Float64Array(0);
  private histograms: HistogramAggregation | null = null;
  private readonly addFloats: (matrix: Matrix, from: number, base: number) => void;

  constructor(scope: Scope, expr: AggregateExpr) {
    this.scope = scope;
    this.expr = expr;
    this.grouping = new Grouping(expr);
    this.steps = scope.frame.count;
    this.q = expr.param === null ? null : scope.scalar(expr.param);
    this.addFloats = this.chooseAdder();
  }

  private checkQuantiles(q: Float64Array): void {
    const range = (this.expr.param as AggregateExpr["expr"]).range;
    let min = Infinity;
    let max = -Infinity;
    let hasNaN = false;
    for (const value of q) {
      if (Number.isNaN(value)) hasNaN = true;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    const { annotations } = this.scope.state;
    if (hasNaN) annotations.invalidQuantile(Number.NaN, range);
    if (max > 1) annotations.invalidQuantile(max, range);
    if (min < 0) annotations.invalidQuantile(min, range);
  }

  private chooseAdder(): (matrix: Matrix, from: number, base: number) => void {
    switch (this.expr.op) {
      case "sum":
        return this.addSum.bind(this);
      case "avg":
        return this.addAverage.bind(this);
      case "min":
        return this.addExtreme.bind(this, -1);
      case "max":
        return this.addExtreme.bind(this, 1);
      case "stddev":
      case "stdvar":
        return this.addVariance.bind(this);
      case "quantile":
        return this.addToList.bind(this);
      default:
        return this.addCount.bind(this);
    }
  }

  add(matrix: Matrix, row: number): void {
    const { steps } = this;
    this.scope.state.did(steps);
    const group = this.grouping.groupOf(matrix, row);
    if (group >= this.groupCapacity) this.grow(group + 1);
    if (matrix.isDropped(row)) this.drops[group] = true;
    const from = row * steps;
    const base = group * steps;
    if (matrix.histograms !== null) this.addHistograms(matrix, from, base);
    this.addFloats(matrix, from, base);
  }

  private grow(groups: number): void {
    this.groupCapacity = Math.max(groups, 2 * this.groupCapacity, 4);
    const cells = this.groupCapacity * this.steps;
    // Three arrays; the old ones are garbage.
    takeArrayBytes(24 * cells - 8 * (this.values.length + this.extras.length + this.counts.length));
    const grow = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(cells);
      grown.set(old);
      return grown;
    };
    this.values = grow(this.values);
    this.extras = grow(this.extras);
    this.counts = grow(this.counts);
  }

  private addHistograms(matrix: Matrix, from: number, base: number): void {
    const { op } = this.expr;
    for (let s = 0; s < this.steps; s++) {
      if (matrix.kinds[from + s] !== HISTOGRAM) continue;
      if (!TAKES_HISTOGRAMS.has(op)) {
        this.scope.state.annotations.histogramIgnoredInAggregation(op, this.expr.expr.range);
      } else if (op === "sum" || op === "avg") {
        this.histograms ??= new HistogramAggregation(this.scope, this.expr);
        this.histograms.add(base + s, matrix.histogramAt(from + s), this.counts[base + s] > 0, () =>
          matrix.rawLabelsOf(from / this.steps).get("__name__"),
        );
      } else {
        this.counts[base + s]++;
      }
    }
  }

  private addSum(matrix: Matrix, from: number, base: number): void {
    const { steps, values: sums, extras, counts } = this;
    const { values, kinds } = matrix;
    for (let s = 0; s < steps; s++) {
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
  private addAverage(matrix: Matrix, from: number, base: number): void {
    const { steps, values: sums, extras, counts } = this;
    for (let s = 0; s < steps; s++) {
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

  private addExtreme(sign: number, matrix: Matrix, from: number, base: number): void {
    const { steps, values: best, counts } = this;
    for (let s = 0; s < steps; s++) {
      if (matrix.kinds[from + s] !== FLOAT) continue;
      const value = matrix.values[from + s];
      const cell = base + s;
      const known = best[cell];
      if (counts[cell]++ === 0 || known * sign < value * sign || Number.isNaN(known)) best[cell] = value;
    }
  }

  /** Welford: `extras` holds the mean, `values` the sum of squared distances. */
  private addVariance(matrix: Matrix, from: number, base: number): void {
    const { steps, values: squares, extras: means, counts } = this;
    for (let s = 0; s < steps; s++) {
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

  private addToList(matrix: Matrix, from: number, base: number): void {
    for (let s = 0; s < this.steps; s++) {
      if (matrix.kinds[from + s] !== FLOAT) continue;
      this.counts[base + s]++;
      const list = this.lists[base + s];
      if (list === undefined) this.lists[base + s] = [matrix.values[from + s]];
      else list.push(matrix.values[from + s]);
    }
  }

  private addCount(matrix: Matrix, from: number, base: number): void {
    const { steps, counts } = this;
    const { kinds } = matrix;
    for (let s = 0; s < steps; s++) if (kinds[from + s] === FLOAT) counts[base + s]++;
  }

  finish(): Matrix {
    // Behind what the operand noted: of the same note in two places, the outer one's stays.
    if (this.q !== null) this.checkQuantiles(this.q);
    const { grouping, steps } = this;
    const out = new Matrix(steps, grouping.count);
    out.delayedDrop = this.scope.state.delayedNameRemoval;
    for (let group = 0; group < grouping.count; group++) {
      const base = out.addRow(grouping.labels[group]);
      out.setDropped(group, this.drops[group] ?? false);
      for (let s = 0; s < steps; s++) {
        const cell = base + s;
        if (this.histograms?.finish(cell, this.counts[cell] !== 0, out)) continue;
        if (this.counts[cell] === 0) continue;
        out.values[cell] = this.result(cell, s);
        out.kinds[cell] = FLOAT;
      }
    }
    return out;
  }

  private quantile(q: number, list: readonly number[]): number {
    if (list.length > this.sortRoom.length) this.sortRoom = new Float64Array(2 * list.length);
    const values = this.sortRoom.subarray(0, list.length);
    values.set(list);
    return quantileOf(q, values);
  }

  private result(cell: number, s: number): number {
    const count = this.counts[cell];
    switch (this.expr.op) {
      case "sum":
        return this.values[cell] + this.extras[cell];
      case "avg":
        return count < 0
          ? this.values[cell] + this.extras[cell]
          : this.values[cell] / count + this.extras[cell] / count;
      case "count":
        return count;
      case "group":
        return 1;
      case "stdvar":
        return this.values[cell] / count;
      case "stddev":
        return Math.sqrt(this.values[cell] / count);
      case "quantile":
        return this.quantile((this.q as Float64Array)[s], this.lists[cell] ?? []);
      default:
        return this.values[cell];
    }
  }
}
