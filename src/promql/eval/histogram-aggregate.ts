import { RefusalError } from "../../base/errors.js";
import type { Histogram } from "../../model/histogram.js";
import type { AggregateExpr } from "../parse/ast.js";
import type { Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";

/** Sums and averages of histograms, one accumulator for each cell that saw any. */
export class HistogramAggregation {
  constructor(_scope: Scope, _expr: AggregateExpr) {
    throw new RefusalError("unsupported", "aggregations of native histograms are not supported yet");
  }

  add(_cell: number, _histogram: Histogram, _metricName: () => string): void {}

  /** Writes the result of a cell; false where no histogram went into it. */
  finish(_cell: number, _hasFloats: boolean, _out: Matrix): boolean {
    return false;
  }
}
