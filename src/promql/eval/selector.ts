import { METRIC_NAME } from "../../model/labels.js";
import { isStaleAt, isStaleNaN } from "../../model/stale.js";
import type { SampleColumns } from "../../storage/columns.js";
import type { SampleSpan, SeriesCells, SeriesSet } from "../../storage/queryable.js";
import { SampleView } from "../../storage/sample-view.js";
import { keepStats } from "../histogram/stats.js";
import type { VectorSelector } from "../parse/ast.js";
import { giveColumns, takeColumns } from "./column-pool.js";
import type { Frame } from "./frame.js";
import { frameEnd } from "./frame.js";
import { showLabels } from "./label-builder.js";
import { FLOAT, Matrix, type RowVisit } from "./matrix.js";
import type { QueryState } from "./query-state.js";
import { rowSamples } from "./sample-stats.js";

/** Where the samples of a selector are looked up for each step: at step s, `firstMs + s * strideMs`. */
export interface Lookup {
  readonly firstMs: number;
  /** 0 under an @ modifier. */
  readonly strideMs: number;
  readonly lastMs: number;
}

export function lookupOf(frame: Frame, selector: { atMs: number | null; offsetMs: number }): Lookup {
  if (selector.atMs !== null) {
    const at = selector.atMs - selector.offsetMs;
    return { firstMs: at, strideMs: 0, lastMs: at };
  }
  return {
    firstMs: frame.startMs - selector.offsetMs,
    strideMs: frame.stepMs,
    lastMs: frameEnd(frame) - selector.offsetMs,
  };
}

export function selectsOneName(selector: VectorSelector): boolean {
  return selector.matchers.some(({ name, op, value }) => name === METRIC_NAME && op === "=" && value !== "");
}

/** What an instant selector writes into its cells; "presence": whether there is something, the value is nobody's. */
export type CellContent = "value" | "presence" | "timestamp" | "infoTimestamp" | "startTimestamp";

function asksForTime(content: CellContent): boolean {
  return content === "timestamp" || content === "startTimestamp";
}

/** Under @, Prometheus' functions of a sample's time look at that time, among the samples that offset leads to. */
function unshifted(lookup: Lookup, { atMs }: VectorSelector): Lookup {
  return atMs === null ? lookup : { firstMs: atMs, strideMs: 0, lastMs: atMs };
}

/** Evaluates an instant selector; with `visit`, row by row into a matrix of one row. */
export function evalSelector(
  state: QueryState,
  frame: Frame,
  selector: VectorSelector,
  visit: RowVisit | null = null,
  content: CellContent = "value",
): Matrix {
  const loaded = lookupOf(frame, selector);
  const mint = loaded.firstMs - state.lookbackMs + 1;
  const lookup = asksForTime(content) ? unshifted(loaded, selector) : loaded;
  const series = state.queryable.select(selector.matchers, mint, loaded.lastMs);
  const matrix = new Matrix(frame.count, visit === null ? Math.min(series.count, 1024) : 1);
  matrix.attach(series);
  matrix.oneName = selectsOneName(selector);
  matrix.delayedDrop = state.delayedNameRemoval;
  const columns = takeColumns();
  const readRow = (i: number): void => {
    let filled =
      content === "presence" || content === "value"
        ? fillFast(state, i, lookup, series, matrix, content)
        : -1;
    if (filled < 0) {
      series.read(i, mint, loaded.lastMs, columns);
      state.did(columns.count + matrix.steps + 20);
      state.samplesRead += columns.count;
      if (selector.statsOnly && columns.histograms !== null) keepStats(columns);
      filled = columns.count === 0 ? 0 : fillRow(state, i, lookup, columns, matrix, content);
    }
    if (filled === 0) return;
    const base = (matrix.rows - 1) * matrix.steps;
    const samples = rowSamples(matrix, base, filled);
    state.hold(samples);
    state.stats?.addRow(matrix, base);
    if (visit === null) return;
    visit(matrix, 0, matrix.histograms === null ? filled : matrix.countFloats(0));
    state.release(samples);
    matrix.removeLastRow();
    matrix.histograms = null;
  };
  if (series.fillCells !== undefined && (content === "value" || content === "presence")) {
    readCells(state, lookup, series, matrix, visit, readRow);
  } else for (let i = 0; i < series.count; i++) readRow(i);
  giveColumns(columns);
  return matrix;
}

/** Evaluates many series at once; what that does not do goes to `readRow`. */
function readCells(
  state: QueryState,
  lookup: Lookup,
  series: SeriesSet,
  matrix: Matrix,
  visit: RowVisit | null,
  readRow: (index: number) => void,
): void {
  const { steps } = matrix;
  const cells: SeriesCells = {
    firstMs: lookup.firstMs,
    strideMs: lookup.strideMs,
    steps,
    lookbackMs: state.lookbackMs,
    rows: 0,
    values: new Float64Array(0),
    kinds: new Uint8Array(0),
    filled: new Int32Array(0),
  };
  for (let from = 0; from < series.count; from += cells.rows) {
    series.fillCells?.(from, cells);
    const found = Matrix.ofCells(series, from, cells, matrix);
    for (let row = 0; row < cells.rows; row++) {
      const filled = cells.filled[row];
      state.did(steps + 1);
      if (filled < 0) readRow(from + row);
      if (filled <= 0) continue;
      state.samplesRead += filled;
      state.hold(filled);
      state.stats?.addRow(found, row * steps);
      if (visit === null) matrix.takeCells(found, row);
      else {
        visit(found, row, filled);
        state.release(filled);
      }
    }
  }
}

const view = new SampleView();
const span: SampleSpan = { firstMs: 0, lastMs: 0 };

/** The row of a series whose samples need not be copied; returns the number of cells filled, -1: they must be. */
function fillFast(
  state: QueryState,
  index: number,
  lookup: Lookup,
  series: SeriesSet,
  matrix: Matrix,
  content: "value" | "presence",
): number {
  const { steps } = matrix;
  const { lookbackMs } = state;
  const mint = lookup.firstMs - lookbackMs + 1;
  let filled: number;
  if (content === "presence" && series.span?.(index, mint, lookup.lastMs, lookbackMs, span)) {
    state.did(20);
    const base = matrix.addSourceRow(index);
    filled = fillSpan(span, lookup, lookbackMs, steps, matrix.kinds, base);
    state.samplesRead += filled;
  } else if (content === "value" && series.view?.(index, mint, lookup.lastMs, view)) {
    state.did(steps + 20);
    state.samplesRead += view.end - view.start;
    if (view.start === view.end) return 0;
    const base = matrix.addSourceRow(index);
    filled = fillView(view, lookup, lookbackMs, steps, matrix.values, matrix.kinds, base);
  } else return -1;
  if (filled === 0) matrix.removeLastRow();
  return filled;
}

/** Every step from the first sample to a lookback behind the last one sees some sample. */
function fillSpan(
  { firstMs, lastMs }: SampleSpan,
  { firstMs: start, strideMs }: Lookup,
  lookbackMs: number,
  steps: number,
  kinds: Uint8Array,
  base: number,
): number {
  let from = 0;
  while (from < steps && start + from * strideMs < firstMs) from++;
  let end = steps;
  while (end > from && start + (end - 1) * strideMs >= lastMs + lookbackMs) end--;
  kinds.fill(FLOAT, base + from, base + end);
  return end - from;
}

/** As `fillFloats`, without stale markers: looks for the next sample where the distance of the last two leads to. */
function fillView(
  { timestamps, values, start, end }: SampleView,
  lookup: Lookup,
  lookbackMs: number,
  steps: number,
  out: Float64Array,
  kinds: Uint8Array,
  base: number,
): number {
  let at = start - 1;
  let jump = 0;
  let filled = 0;
  let ref = lookup.firstMs;
  for (let s = 0; s < steps; s++, ref += lookup.strideMs) {
    const before = at;
    if (at + jump < end && jump > 0 && timestamps[at + jump] <= ref) at += jump;
    while (at + 1 < end && timestamps[at + 1] <= ref) at++;
    jump = at - before;
    if (at < start || timestamps[at] <= ref - lookbackMs) continue;
    out[base + s] = values[at];
    kinds[base + s] = FLOAT;
    filled++;
  }
  return filled;
}

/** Adds the row of one series if a step sees a sample of it; returns the number of cells filled. */
function fillRow(
  state: QueryState,
  index: number,
  lookup: Lookup,
  columns: SampleColumns,
  matrix: Matrix,
  content: CellContent,
): number {
  const base = matrix.addSourceRow(index);
  const filled =
    columns.histograms === null && (content === "value" || content === "presence")
      ? fillFloats(columns, lookup, state.lookbackMs, matrix.steps, matrix.values, matrix.kinds, base)
      : fillCells(columns, lookup, state, matrix, base, content);
  if (filled === 0) matrix.removeLastRow();
  return filled;
}

function fillFloats(
  columns: SampleColumns,
  lookup: Lookup,
  lookbackMs: number,
  steps: number,
  out: Float64Array,
  kinds: Uint8Array,
  base: number,
): number {
  const { timestamps, values, valueWords, count } = columns;
  let at = -1;
  let filled = 0;
  let ref = lookup.firstMs;
  for (let s = 0; s < steps; s++, ref += lookup.strideMs) {
    while (at + 1 < count && timestamps[at + 1] <= ref) at++;
    if (at < 0 || timestamps[at] <= ref - lookbackMs) continue;
    const value = values[at];
    if (Number.isNaN(value) && isStaleAt(valueWords, at)) continue;
    out[base + s] = value;
    kinds[base + s] = FLOAT;
    filled++;
  }
  return filled;
}

function fillCells(
  columns: SampleColumns,
  lookup: Lookup,
  state: QueryState,
  matrix: Matrix,
  base: number,
  content: CellContent,
): number {
  const { lookbackMs } = state;
  const { timestamps, values, valueWords, count, histograms, startTimestamps } = columns;
  let at = -1;
  let filled = 0;
  let ref = lookup.firstMs;
  for (let s = 0; s < matrix.steps; s++, ref += lookup.strideMs) {
    while (at + 1 < count && timestamps[at + 1] <= ref) at++;
    if (at < 0 || timestamps[at] <= ref - lookbackMs) continue;
    const histogram = histograms?.[at];
    if (histogram === undefined ? isStaleAt(valueWords, at) : isStaleNaN(histogram.sum)) continue;
    filled++;
    if (histogram !== undefined && content === "infoTimestamp") {
      const labels = matrix.rawLabelsOf(matrix.rows - 1);
      state.fail(`this should be an info metric, with float samples: ${showLabels(labels)}`);
    }
    if (histogram !== undefined && (content === "value" || content === "presence")) {
      matrix.setHistogram(base + s, histogram);
      continue;
    }
    matrix.kinds[base + s] = FLOAT;
    if (content === "value" || content === "presence") matrix.values[base + s] = values[at];
    else if (content !== "startTimestamp") matrix.values[base + s] = timestamps[at] / 1000;
    else matrix.values[base + s] = (startTimestamps?.[at] ?? 0) / 1000;
  }
  return filled;
}
