import { RefusalError } from "../../base/errors.js";
import type { Histogram } from "../../model/histogram.js";
import { dropNames } from "../eval/duplicates.js";
import { ABSENT, FLOAT, HISTOGRAM, type Matrix } from "../eval/matrix.js";
import type { Scope } from "../eval/scope.js";
import type { CallExpr } from "../parse/ast.js";

/** A number of each histogram; floats are left out. */
function ofHistogram(f: (histogram: Histogram) => number): (scope: Scope, call: CallExpr) => Matrix {
  return (scope, call) => {
    const matrix = scope.vector(call.args[0]);
    for (let i = 0; i < matrix.rows * matrix.steps; i++) {
      if (matrix.kinds[i] !== HISTOGRAM) {
        matrix.kinds[i] = ABSENT;
        continue;
      }
      matrix.values[i] = f(matrix.histogramAt(i));
      matrix.kinds[i] = FLOAT;
    }
    matrix.histograms = null;
    return dropNames(scope.state, matrix);
  };
}

function variance(_histogram: Histogram): number {
  throw new RefusalError("unsupported", "histogram_stdvar is not supported yet");
}

export const histogramFunctions: Readonly<Record<string, (scope: Scope, call: CallExpr) => Matrix>> = {
  histogram_count: ofHistogram((histogram) => histogram.count),
  histogram_sum: ofHistogram((histogram) => histogram.sum),
  histogram_avg: ofHistogram((histogram) => histogram.sum / histogram.count),
  histogram_stdvar: ofHistogram(variance),
  histogram_stddev: ofHistogram((histogram) => Math.sqrt(variance(histogram))),
};
