import { systemClock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import { worked } from "../base/patience.js";
import { compareLabels, Labels } from "../model/labels.js";
import type { MatrixSeries, QueryResult, QueryValue, VectorSample } from "../model/query-result.js";
import { isStaleAt, isStaleNaN } from "../model/stale.js";
import { SampleColumns } from "../storage/columns.js";
import type { Queryable } from "../storage/queryable.js";
import { mergeDuplicates } from "./eval/duplicates.js";
import { Evaluator } from "./eval/evaluator.js";
import { type Frame, frameOf } from "./eval/frame.js";
import { ABSENT, HISTOGRAM, type Matrix } from "./eval/matrix.js";
import type { EvaluationOptions } from "./eval/options.js";
import { type PreparedQuery, prepare } from "./eval/prepare.js";
import { QueryState } from "./eval/query-state.js";
import { columnSamples, SampleStats } from "./eval/sample-stats.js";
import { lookupOf } from "./eval/selector.js";
import { subqueryFrame } from "./eval/subquery.js";
import { interpolateFloats } from "./functions/interpolate.js";
import { search } from "./functions/range-window.js";
import { histogramSamples } from "./histogram/size.js";
import { type MatrixSelector, type SubqueryExpr, typeOf, unwrapParens } from "./parse/ast.js";
import { parseExpr } from "./parse/parser.js";

export type { EvaluationOptions } from "./eval/options.js";

/** How the work went. Times in milliseconds. */
export interface EvaluationStats {
  readonly preparationMs: number;
  readonly innerMs: number;
  readonly sortMs: number;
  /** Samples that came from storage. */
  readonly samplesRead: number;
  readonly samplesPeak: number;
  /** By step, where asked for. */
  readonly counted: SampleStats | null;
}

export interface EvaluatedQuery extends QueryResult {
  readonly stats: EvaluationStats;
}

/** Takes the times of an evaluation. */
class Stopwatch {
  private last: number = systemClock.monotonicMs();

  lap(): number {
    const now = systemClock.monotonicMs();
    const took = now - this.last;
    this.last = now;
    return took;
  }
}

/**
 * Evaluates a query at one time (milliseconds). Throws RefusalError: "bad_data" where the query is not PromQL,
 * "execution" where it cannot be answered, and what the control throws.
 */
export function evaluateInstant(
  query: string,
  queryable: Queryable,
  timeMs: number,
  options: EvaluationOptions = {},
): EvaluatedQuery {
  const watch = new Stopwatch();
  const expr = parseExpr(query, options);
  const prepared = prepare(expr, { query, startMs: timeMs, endMs: timeMs, stepMs: 0 });
  const state = new QueryState(queryable, options);
  const frame: Frame = { startMs: timeMs, stepMs: 1, count: 1 };
  if (options.countSamples === true) state.stats = new SampleStats(1);
  const preparationMs = watch.lap();
  const value = instantValue(prepared, state, frame);
  const innerMs = watch.lap();
  const sorted = value.type === "matrix" ? sortSeries(state, value.series) : value;
  const stats = statsOf(state, preparationMs, innerMs, watch.lap());
  return { value: sorted, ...state.annotations.print(query), stats };
}

function statsOf(state: QueryState, preparationMs: number, innerMs: number, sortMs: number): EvaluationStats {
  const { samplesRead, samplesPeak, stats } = state;
  return { preparationMs, innerMs, sortMs, samplesRead, samplesPeak, counted: stats };
}

/**
 * Evaluates a query from `startMs` to `endMs` (both inclusive) every `stepMs` milliseconds, which must be
 * positive. The result is a matrix, sorted by labels. Throws as `evaluateInstant` does.
 */
export function evaluateRange(
  query: string,
  queryable: Queryable,
  startMs: number,
  endMs: number,
  stepMs: number,
  options: EvaluationOptions = {},
): EvaluatedQuery {
  if (!(stepMs > 0)) {
    throw new RefusalError(
      "bad_data",
      "zero or negative query resolution step widths are not accepted. Try a positive integer",
    );
  }
  const watch = new Stopwatch();
  const expr = parseExpr(query, options);
  const type = typeOf(expr);
  if (type !== "vector" && type !== "scalar") {
    const got = type === "matrix" ? "range vector" : type;
    throw new RefusalError(
      "bad_data",
      `invalid expression type "${got}" for range query, must be Scalar or instant Vector`,
    );
  }
  const prepared = prepare(expr, { query, startMs, endMs, stepMs });
  const state = new QueryState(queryable, options);
  const frame = frameOf(startMs, endMs, stepMs);
  state.hold(frame.count);
  state.release(frame.count);
  if (options.countSamples === true) state.stats = new SampleStats(frame.count);
  const evaluator = new Evaluator(state, frame, prepared.invariant);
  const preparationMs = watch.lap();
  let series: MatrixSeries[] = [];
  if (frame.count > 0) {
    series =
      type === "scalar"
        ? [scalarSeries(evaluator.scalar(prepared.expr), frame)]
        : seriesOf(state, settle(state, evaluator.vector(prepared.expr)), frame);
  }
  const innerMs = watch.lap();
  const value = sortSeries(state, series);
  const stats = statsOf(state, preparationMs, innerMs, watch.lap());
  return { value, ...state.annotations.print(query), stats };
}

/** A matrix comes sorted by labels. */
function sortSeries(state: QueryState, series: readonly MatrixSeries[]): QueryValue {
  const compare = (a: MatrixSeries, b: MatrixSeries): number => {
    state.did(WORK_PER_COMPARISON);
    return compareLabels(a.labels, b.labels);
  };
  return { type: "matrix", series: [...series].sort(compare) };
}

const WORK_PER_COMPARISON = 10;

/** Names whose removal was put off go now. */
function settle(state: QueryState, matrix: Matrix): Matrix {
  return state.delayedNameRemoval ? mergeDuplicates(state, matrix, true) : matrix;
}

function instantValue(prepared: PreparedQuery, state: QueryState, frame: Frame): QueryValue {
  const expr = unwrapParens(prepared.expr);
  const evaluator = new Evaluator(state, frame, prepared.invariant);
  switch (typeOf(expr)) {
    case "string":
      return { type: "string", timestampMs: frame.startMs, value: expr.kind === "string" ? expr.value : "" };
    case "scalar":
      return { type: "scalar", timestampMs: frame.startMs, value: evaluator.scalar(expr)[0] };
    case "vector":
      return { type: "vector", samples: samplesOf(settle(state, evaluator.vector(expr)), frame.startMs) };
    default:
      return { type: "matrix", series: rangeValue(expr as MatrixSelector | SubqueryExpr, evaluator) };
  }
}

/** Of `worked`. */
const WORK_PER_ROW = 50;

function samplesOf(matrix: Matrix, timestampMs: number): VectorSample[] {
  const samples: VectorSample[] = [];
  for (let row = 0; row < matrix.rows; row++) {
    const kind = matrix.kinds[row];
    if (kind === ABSENT) continue;
    worked(WORK_PER_ROW);
    samples.push({
      labels: matrix.finalLabelsOf(row),
      timestampMs,
      value: matrix.values[row],
      histogram: kind === HISTOGRAM ? matrix.histogramAt(row) : undefined,
    });
  }
  return samples;
}

function seriesOf(state: QueryState, matrix: Matrix, frame: Frame): MatrixSeries[] {
  const series: MatrixSeries[] = [];
  const { steps, kinds, values } = matrix;
  let times: Float64Array | null = null;
  for (let row = 0; row < matrix.rows; row++) {
    const base = row * steps;
    state.did(2 * steps + 20);
    let count = 0;
    let hasHistograms = false;
    for (let s = 0; s < steps; s++) {
      if (kinds[base + s] !== ABSENT) count++;
      if (kinds[base + s] === HISTOGRAM) hasHistograms = true;
    }
    if (count === 0) continue;
    if (count === steps && !hasHistograms) {
      times ??= timesOf(frame);
      const labels = matrix.finalLabelsOf(row);
      series.push({ labels, timestamps: times, values: values.slice(base, base + steps), histograms: null });
      continue;
    }
    const timestamps = new Float64Array(count);
    const out = new Float64Array(count);
    const histograms = hasHistograms ? new Array<MatrixHistogram>(count) : null;
    for (let s = 0, i = 0; s < steps; s++) {
      const kind = kinds[base + s];
      if (kind === ABSENT) continue;
      timestamps[i] = frame.startMs + s * frame.stepMs;
      if (kind === HISTOGRAM && histograms !== null) histograms[i] = matrix.histogramAt(base + s);
      else out[i] = values[base + s];
      i++;
    }
    series.push({ labels: matrix.finalLabelsOf(row), timestamps, values: out, histograms });
  }
  return series;
}

type MatrixHistogram = NonNullable<MatrixSeries["histograms"]>[number];

function timesOf({ startMs, stepMs, count }: Frame): Float64Array {
  const times = new Float64Array(count);
  for (let s = 0; s < count; s++) times[s] = startMs + s * stepMs;
  return times;
}

function scalarSeries(values: Float64Array, frame: Frame): MatrixSeries {
  return { labels: Labels.EMPTY, timestamps: timesOf(frame), values, histograms: null };
}

/** A range selector or subquery as the whole of an instant query: its samples as they are. */
function rangeValue(expr: MatrixSelector | SubqueryExpr, evaluator: Evaluator): MatrixSeries[] {
  const { state, frame } = evaluator;
  if (expr.kind === "subquery") {
    const { stats } = state;
    const inner = subqueryFrame(evaluator, expr);
    if (stats !== null) state.stats = new SampleStats(inner.count);
    const matrix = settle(state, evaluator.within(inner).vector(expr.expr));
    if (stats !== null && state.stats !== null) stats.add(0, state.stats.total, state.stats.read);
    state.stats = stats;
    return seriesOf(state, matrix, inner);
  }
  const { lastMs } = lookupOf(frame, expr.vector);
  const { anchored, smoothed } = expr.vector;
  const before = anchored || smoothed ? state.lookbackMs : 0;
  const mint = lastMs - expr.rangeMs - before + 1;
  const maxt = lastMs + (smoothed ? state.lookbackMs : 0);
  const set = state.queryable.select(expr.vector.matchers, mint, maxt);
  const columns = new SampleColumns();
  const series: MatrixSeries[] = [];
  for (let i = 0; i < set.count; i++) {
    set.read(i, mint, maxt, columns);
    state.did(columns.count + 20);
    state.samplesRead += columns.count;
    state.hold(columnSamples(columns));
    let kept = copyColumns(set.labels(i), columns);
    if (kept.timestamps.length === 0) continue;
    if (anchored || smoothed) kept = extendToRange(state, kept, lastMs - expr.rangeMs, lastMs, smoothed);
    if (kept.timestamps.length === 0) continue;
    series.push(kept);
    if (state.stats !== null) countSeries(state.stats, kept);
  }
  return series;
}

function countSeries(stats: SampleStats, { timestamps, histograms }: MatrixSeries): void {
  let samples = timestamps.length;
  for (const histogram of histograms ?? []) {
    if (histogram !== undefined) samples += histogramSamples(histogram) - 1;
  }
  stats.add(0, samples, samples);
}

/** The samples inside (start, end) between values at the borders: the last one before, or interpolated. */
function extendToRange(
  state: QueryState,
  { labels, timestamps, values, histograms }: MatrixSeries,
  start: number,
  end: number,
  smoothed: boolean,
): MatrixSeries {
  if (histograms?.some((histogram) => histogram !== undefined)) {
    state.fail(`${smoothed ? "smoothed" : "anchored"} modifier is not supported with histograms`);
  }
  let last = timestamps.length - 1;
  let first = Math.max(0, search(timestamps, 0, last, start, false) - 1);
  if (smoothed) last = search(timestamps, 0, last, end, true);
  const empty = new Float64Array(0);
  if (timestamps[last] <= start) return { labels, timestamps: empty, values: empty, histograms: null };
  const at = (i: number, t: number): number =>
    interpolateFloats(timestamps[i], values[i], timestamps[i + 1], values[i + 1], t, false);
  const left = smoothed && timestamps[first] < start ? at(first, start) : values[first];
  const right = smoothed && last > 0 && timestamps[last] > end ? at(last - 1, end) : values[last];
  if (timestamps[first] <= start) first++;
  if (timestamps[last] >= end) last--;
  const inside = Math.max(last + 1, first);
  return {
    labels,
    timestamps: Float64Array.of(start, ...timestamps.subarray(first, inside), end),
    values: Float64Array.of(left, ...values.subarray(first, inside), right),
    histograms: null,
  };
}

function copyColumns(labels: Labels, columns: SampleColumns): MatrixSeries {
  const { count, histograms } = columns;
  const kept: number[] = [];
  for (let i = 0; i < count; i++) {
    const histogram = histograms?.[i];
    const stale = histogram === undefined ? isStaleAt(columns.valueWords, i) : isStaleNaN(histogram.sum);
    if (!stale) kept.push(i);
  }
  return {
    labels,
    timestamps: Float64Array.from(kept, (i) => columns.timestamps[i]),
    values: Float64Array.from(kept, (i) => columns.values[i]),
    histograms: histograms === null ? null : kept.map((i) => histograms[i]),
  };
}
