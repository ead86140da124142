import { formatFloatShort } from "../../model/go-text.js";
import type { Labels } from "../../model/labels.js";
import { mergeDuplicates } from "../eval/duplicates.js";
import { withLabel } from "../eval/label-builder.js";
import { FLOAT, HISTOGRAM, Matrix } from "../eval/matrix.js";
import { WORK_PER_KEY } from "../eval/query-state.js";
import type { Scope } from "../eval/scope.js";
import { nativeFraction, nativeQuantile } from "../histogram/quantile.js";
import type { CallExpr, Expr } from "../parse/ast.js";
import { type Buckets, bucketFraction, bucketQuantile } from "./classic-buckets.js";
import { groupHistograms, type HistogramSeries } from "./histogram-series.js";
import { textOf } from "./label-functions.js";

/** What is computed of a histogram at one step. */
interface Measure {
  classic(buckets: Buckets, step: number, metric: string): number;
  native(matrix: Matrix, cell: number, step: number, metric: string): number;
}

export function histogramQuantile(scope: Scope, call: CallExpr): Matrix {
  const q = scope.scalar(call.args[0]);
  const [, arg] = call.args;
  const matrix = scope.vector(arg);
  warnOfQuantiles(scope, q, call.args[0]);
  const out = newMatrix(scope, matrix.rows);
  measure(scope, matrix, arg, out, quantileMeasure(scope, q, arg, call.args[0]), (labels) => labels);
  return mergeDuplicates(scope.state, out);
}

export function histogramQuantiles(scope: Scope, call: CallExpr): Matrix {
  const [arg, labelArg, ...quantileArgs] = call.args;
  const label = textOf(labelArg);
  const matrix = scope.vector(arg);
  const out = newMatrix(scope, matrix.rows * quantileArgs.length);
  for (const quantileArg of quantileArgs) {
    const q = scope.scalar(quantileArg);
    warnOfQuantiles(scope, q, quantileArg);
    const work = quantileMeasure(scope, q, arg, call.args[0]);
    // The label follows the value: where that changes from step to step, so do the series.
    for (const value of new Set(q)) {
      const only = new Uint8Array(q.length);
      q.forEach((at, s) => {
        if (Object.is(at, value)) only[s] = 1;
      });
      measure(
        scope,
        matrix,
        arg,
        out,
        work,
        (labels) => withLabel(labels, label, openMetricsFloat(value)),
        only,
      );
    }
  }
  return mergeDuplicates(scope.state, out);
}

export function histogramFraction(scope: Scope, call: CallExpr): Matrix {
  const lower = scope.scalar(call.args[0]);
  const upper = scope.scalar(call.args[1]);
  const arg = call.args[2];
  const matrix = scope.vector(arg);
  const out = newMatrix(scope, matrix.rows);
  const work: Measure = {
    classic: (buckets, s) => bucketFraction(lower[s], upper[s], buckets),
    native: (source, cell, s, metric) =>
      nativeFraction(
        lower[s],
        upper[s],
        source.histogramAt(cell),
        scope.state.annotations,
        metric,
        // Prometheus shows the first argument here.
        call.args[0].range,
      ),
  };
  measure(scope, matrix, arg, out, work, (labels) => labels);
  return mergeDuplicates(scope.state, out);
}

function newMatrix(scope: Scope, rows: number): Matrix {
  const out = new Matrix(scope.frame.count, Math.min(rows, 1024));
  out.delayedDrop = scope.state.delayedNameRemoval;
  return out;
}

function warnOfQuantiles(scope: Scope, q: Float64Array, arg: Expr): void {
  for (const value of q) {
    if (!(value >= 0 && value <= 1)) scope.state.annotations.invalidQuantile(value, arg.range);
  }
}

/** What is noted of native histograms, Prometheus notes at the first argument of the call. */
function quantileMeasure(scope: Scope, q: Float64Array, arg: Expr, first: Expr): Measure {
  const { annotations } = scope.state;
  const { startMs, stepMs } = scope.frame;
  return {
    classic: (buckets, s, metric) => {
      const { value, correction } = bucketQuantile(q[s], buckets);
      if (correction !== null) {
        const { minBucket, maxBucket, maxDiff } = correction;
        annotations.forcedMonotonicity(
          metric,
          arg.range,
          startMs + s * stepMs,
          minBucket,
          maxBucket,
          maxDiff,
        );
      }
      return value;
    },
    native: (source, cell, s, metric) =>
      nativeQuantile(q[s], source.histogramAt(cell), annotations, metric, first.range),
  };
}

/** Applies a measure to every histogram at every step (or those of `only`). */
function measure(
  scope: Scope,
  matrix: Matrix,
  arg: Expr,
  out: Matrix,
  work: Measure,
  label: (labels: Labels) => Labels,
  only: Uint8Array | null = null,
): void {
  const series = groupHistograms(scope, matrix, arg);
  const buckets: Buckets = { bounds: [], counts: [] };
  for (const one of series) {
    scope.state.did(matrix.steps * (10 * one.rows.length + 10) + WORK_PER_KEY);
    const base = out.addRow(label(one.labels));
    const row = out.rows - 1;
    out.setDropped(row, true);
    let filled = 0;
    for (let s = 0; s < matrix.steps; s++) {
      if (only !== null && only[s] === 0) continue;
      const value = measureStep(matrix, one, s, work, buckets);
      if (value === undefined) continue;
      out.values[base + s] = value;
      out.kinds[base + s] = FLOAT;
      filled++;
    }
    if (filled === 0) out.removeLastRow();
  }
}

function measureStep(
  matrix: Matrix,
  series: HistogramSeries,
  s: number,
  work: Measure,
  buckets: Buckets,
): number | undefined {
  const { rows, bounds, nativeRow } = series;
  buckets.bounds.length = 0;
  buckets.counts.length = 0;
  for (let i = 0; i < rows.length; i++) {
    const cell = rows[i] * matrix.steps + s;
    if (matrix.kinds[cell] !== FLOAT) continue;
    buckets.bounds.push(bounds[i]);
    buckets.counts.push(matrix.values[cell]);
  }
  const native = nativeRow < 0 ? -1 : nativeRow * matrix.steps + s;
  if (native >= 0 && matrix.kinds[native] === HISTOGRAM) {
    if (buckets.bounds.length === 0) return work.native(matrix, native, s, series.metric);
    series.warnOfMix();
    return undefined;
  }
  return buckets.bounds.length === 0 ? undefined : work.classic(buckets, s, series.metric);
}

/** A float as OpenMetrics writes it: always with a dot or an exponent. */
function openMetricsFloat(value: number): string {
  const text = formatFloatShort(value);
  return !Number.isFinite(value) || /[e.]/.test(text) ? text : `${text}.0`;
}
