import type { Histogram } from "../../model/histogram.js";
import { compact } from "../histogram/arithmetic.js";
import { HistogramMean } from "../histogram/mean.js";
import type { AggregateExpr } from "../parse/ast.js";
import { ABSENT, type Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";

/** Sums and averages of histograms, one accumulator for each cell that saw any; null: incompatible ones met. */
export class HistogramAggregation {
  private readonly scope: Scope;
  private readonly expr: AggregateExpr;
  private readonly means = new Map<number, HistogramMean | null>();

  constructor(scope: Scope, expr: AggregateExpr) {
    this.scope = scope;
    this.expr = expr;
  }

  add(cell: number, histogram: Histogram, metricName: () => string): void {
    const mean = this.means.get(cell);
    if (mean === undefined) this.means.set(cell, new HistogramMean(histogram, this.expr.op === "avg"));
    else if (mean !== null && !mean.add(histogram)) {
      this.means.set(cell, null);
      this.scope.state.annotations.mixedExponentialCustom(metricName(), this.expr.expr.range);
    }
  }

  /** Writes the result of a cell, if it has one; false where no histogram went into it. */
  finish(cell: number, hasFloats: boolean, out: Matrix): boolean {
    const mean = this.means.get(cell);
    if (mean === undefined) return false;
    const { annotations } = this.scope.state;
    const { range } = this.expr.expr;
    if (hasFloats) annotations.mixedFloatsHistogramsInAggregation(range);
    else if (mean !== null) {
      if (mean.reconciled) annotations.mismatchedCustomBuckets("aggregation", range);
      if (mean.hintsCollide) annotations.counterResetCollision("aggregation", range);
      out.setHistogram(cell, compact(mean.finish()));
    }
    if (mean === null || hasFloats) out.kinds[cell] = ABSENT;
    return true;
  }
}
