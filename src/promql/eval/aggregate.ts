import type { AggregateExpr } from "../parse/ast.js";
import { type AddFloats, FloatCells } from "./float-cells.js";
import { Grouping } from "./grouping.js";
import { HistogramAggregation } from "./histogram-aggregate.js";
import { FLOAT, HISTOGRAM, Matrix } from "./matrix.js";
import { QuantileCells } from "./quantile-cells.js";
import type { Scope } from "./scope.js";

/** Aggregations with one accumulator for each group and step. */
export function evalAggregate(scope: Scope, expr: AggregateExpr): Matrix {
  const aggregation = new Aggregation(scope, expr);
  const countsOnly = expr.op === "count" || expr.op === "group";
  scope.rows(expr.expr, (matrix, row, floats) => aggregation.add(matrix, row, floats), countsOnly);
  return aggregation.finish();
}

/** Histograms count for these; all others ignore them. */
const TAKES_HISTOGRAMS: ReadonlySet<string> = new Set(["sum", "avg", "count", "group"]);

class Aggregation {
  private readonly scope: Scope;
  private readonly expr: AggregateExpr;
  private readonly grouping: Grouping;
  private readonly steps: number;
  private readonly cells: FloatCells;
  private readonly drops: boolean[] = [];
  private readonly q: Float64Array | null;
  private readonly quantiles: QuantileCells | null;
  private histograms: HistogramAggregation | null = null;
  private readonly addFloats: AddFloats;

  constructor(scope: Scope, expr: AggregateExpr) {
    this.scope = scope;
    this.expr = expr;
    this.grouping = new Grouping(expr);
    this.steps = scope.frame.count;
    this.q = expr.param === null ? null : scope.scalar(expr.param);
    this.cells = new FloatCells(this.steps);
    this.quantiles = this.q === null ? null : new QuantileCells(this.steps);
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

  private chooseAdder(): AddFloats {
    switch (this.expr.op) {
      case "sum":
        return this.cells.addSum.bind(this.cells);
      case "avg":
        return this.cells.addAverage.bind(this.cells);
      case "min":
        return this.cells.addExtreme.bind(this.cells, -1);
      case "max":
        return this.cells.addExtreme.bind(this.cells, 1);
      case "stddev":
      case "stdvar":
        return this.cells.addVariance.bind(this.cells);
      default:
        return this.cells.addCount.bind(this.cells);
    }
  }

  add(matrix: Matrix, row: number, floats: number): void {
    const { steps, cells } = this;
    this.scope.state.did(steps);
    const group = this.grouping.groupOf(matrix, row);
    cells.reserve(group);
    if (matrix.isDropped(row)) this.drops[group] = true;
    const from = row * steps;
    if (floats === steps && cells.addWhole(this.expr.op, matrix, from, group, this.addFloats)) return;
    cells.settleCounts(group);
    const base = group * steps;
    if (matrix.histograms !== null) this.addHistograms(matrix, from, base);
    if (this.quantiles !== null) this.quantiles.add(matrix, from, group, floats);
    else this.addFloats(matrix, from, base, steps);
  }

  private addHistograms(matrix: Matrix, from: number, base: number): void {
    const { op } = this.expr;
    for (let s = 0; s < this.steps; s++) {
      if (matrix.kinds[from + s] !== HISTOGRAM) continue;
      if (!TAKES_HISTOGRAMS.has(op)) {
        this.scope.state.annotations.histogramIgnoredInAggregation(op, this.expr.expr.range);
      } else if (op === "sum" || op === "avg") {
        this.histograms ??= new HistogramAggregation(this.scope, this.expr);
        this.histograms.add(base + s, matrix.histogramAt(from + s), this.cells.counts[base + s] > 0, () =>
          matrix.rawLabelsOf(from / this.steps).get("__name__"),
        );
      } else {
        this.cells.counts[base + s]++;
      }
    }
  }

  finish(): Matrix {
    // Behind what the operand noted: of the same note in two places, the outer one's stays.
    if (this.q !== null) this.checkQuantiles(this.q);
    const { grouping, steps, cells } = this;
    const out = new Matrix(steps, grouping.count);
    out.delayedDrop = this.scope.state.delayedNameRemoval;
    for (let group = 0; group < grouping.count; group++) {
      const base = out.addRow(grouping.labels[group]);
      cells.settleCounts(group);
      out.setDropped(group, this.drops[group] ?? false);
      for (let s = 0; s < steps; s++) {
        const cell = base + s;
        if (this.histograms?.finish(cell, cells.counts[cell] !== 0, out)) continue;
        const value = this.result(group, cell, s);
        if (value === undefined) continue;
        out.values[cell] = value;
        out.kinds[cell] = FLOAT;
      }
    }
    return out;
  }

  /** Undefined: nothing went into the cell. */
  private result(group: number, cell: number, s: number): number | undefined {
    if (this.quantiles !== null) return this.quantiles.quantile((this.q as Float64Array)[s], group, s);
    const { values, extras, counts } = this.cells;
    const count = counts[cell];
    if (count === 0) return undefined;
    switch (this.expr.op) {
      case "sum":
        return values[cell] + extras[cell];
      case "avg":
        return count < 0 ? values[cell] + extras[cell] : values[cell] / count + extras[cell] / count;
      case "count":
        return count;
      case "group":
        return 1;
      case "stdvar":
        return values[cell] / count;
      case "stddev":
        return Math.sqrt(values[cell] / count);
      default:
        return values[cell];
    }
  }
}
