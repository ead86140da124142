import type { Histogram } from "../../model/histogram.js";
import { dropNames } from "../eval/duplicates.js";
import { KahanSum } from "../eval/go-math.js";
import { ABSENT, FLOAT, HISTOGRAM, type Matrix } from "../eval/matrix.js";
import type { Scope } from "../eval/scope.js";
import { allBuckets } from "../histogram/buckets.js";
import { usesCustomBuckets } from "../histogram/float-histogram.js";
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

/** Each bucket's observations count as its middle: arithmetic for custom buckets, else geometric, zero at zero. */
function variance(histogram: Histogram): number {
  const mean = histogram.sum / histogram.count;
  const custom = usesCustomBuckets(histogram);
  sum.set(0, 0);
  for (const { lower, upper, count } of allBuckets(histogram)) {
    if (count === 0) continue;
    const delta = middle(lower, upper, custom) - mean;
    sum.add(count * delta * delta);
  }
  return (sum.sum + sum.c) / histogram.count;
}

function middle(lower: number, upper: number, custom: boolean): number {
  if (custom) return (upper + lower) / 2;
  if (lower <= 0 && upper >= 0) return 0;
  const mean = Math.sqrt(upper * lower);
  return upper < 0 ? -mean : mean;
}

const sum = new KahanSum();

export const histogramFunctions: Readonly<Record<string, (scope: Scope, call: CallExpr) => Matrix>> = {
  histogram_count: ofHistogram((histogram) => histogram.count),
  histogram_sum: ofHistogram((histogram) => histogram.sum),
  histogram_avg: ofHistogram((histogram) => histogram.sum / histogram.count),
  histogram_stdvar: ofHistogram(variance),
  histogram_stddev: ofHistogram((histogram) => Math.sqrt(variance(histogram))),
};
