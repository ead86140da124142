import type { Histogram } from "../../model/histogram.js";
import { compact } from "../histogram/arithmetic.js";
import { HistogramMean } from "../histogram/mean.js";
import type { AggregateExpr } from "../parse/ast.js";
import { ABSENT, type Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";

/**
 * Sums and averages of histograms, one accumulator for each cell that saw any. Order counts, as in Prometheus:
 * behind a float the histograms are not looked at, and behind incompatible ones nothing is.
 */
export class HistogramAggregation {
  private readonly scope: Scope;
  private readonly expr: AggregateExpr;
  private readonly means = new Map<number, HistogramMean | "incompatible" | "behind floats">();

  constructor(scope: Scope, expr: AggregateExpr) {
    this.scope = scope;
    this.expr = expr;
  }

  /** `hasFloats`: whether the cell saw a float before. */
  add(cell: number, histogram: Histogram, hasFloats: boolean, metricName: () => string): void {
    const mean = this.means.get(cell);
    if (mean === undefined) {
      this.means.set(
        cell,
        hasFloats ? "behind floats" : new HistogramMean(histogram, this.expr.op === "avg"),
      );
    } else if (typeof mean !== "string") {
      const { annotations } = this.scope.state;
      const { range } = this.expr.expr;
      if (!mean.add(histogram)) {
        // A float before makes it a mix, which is noted in the end; one behind is not looked at.
        this.means.set(cell, hasFloats ? "behind floats" : "incompatible");
        annotations.mixedExponentialCustom(metricName(), range);
      } else if (mean.reconciled) annotations.mismatchedCustomBuckets("aggregation", range);
    }
  }

  /** Writes the result of a cell, if it has one; false where no histogram went into it. */
  finish(cell: number, hasFloats: boolean, out: Matrix): boolean {
    const mean = this.means.get(cell);
    if (mean === undefined) return false;
    const { annotations } = this.scope.state;
    const { range } = this.expr.expr;
    if (hasFloats && mean !== "incompatible") annotations.mixedFloatsHistogramsInAggregation(range);
    else if (typeof mean !== "string") {
      if (mean.hintsCollide) annotations.counterResetCollision("aggregation", range);
      out.setHistogram(cell, compact(mean.finish()));
    }
    if (typeof mean === "string" || hasFloats) out.kinds[cell] = ABSENT;
    return true;
  }
}
