import { isStaleAt, isStaleNaN } from "../../model/stale.js";
import type { SampleColumns } from "../../storage/columns.js";
import { SampleView } from "../../storage/sample-view.js";
import { extendedFunctions, refuseUnsafeModifier } from "../functions/extended.js";
import { rangeFunctions } from "../functions/range-functions.js";
import {
  Extrapolation,
  type RangeCall,
  type RangeFunction,
  type RangeWindows,
} from "../functions/range-window.js";
import { histogramSamples } from "../histogram/size.js";
import { keepStats } from "../histogram/stats.js";
import type { CallExpr, MatrixSelector, SubqueryExpr } from "../parse/ast.js";
import { takeArrayBytes } from "./array-budget.js";
import { giveColumns, takeColumns } from "./column-pool.js";
import type { Frame } from "./frame.js";
import { ABSENT, FLOAT, HISTOGRAM, Matrix, type RowVisit } from "./matrix.js";
import { noteNonCounter } from "./non-counter.js";
import { columnSamples, rowSamples, type SampleStats } from "./sample-stats.js";
import type { Scope } from "./scope.js";
import { lookupOf, selectsOneName } from "./selector.js";
import { StepWindows } from "./step-windows.js";
import { evalSubquery, subqueryFrame, withoutHint } from "./subquery.js";

const view = new SampleView();

/** Functions whose result is still that metric's value. */
const KEEPS_NAME: ReadonlySet<string> = new Set(["last_over_time", "first_over_time"]);
const NAME_AND_TYPE: readonly string[] = ["__name__", "__type__"];
const COUNTERS_ONLY: ReadonlySet<string> = new Set(["rate", "increase"]);
const START_AWARE: ReadonlySet<string> = new Set(["rate", "irate", "increase", "resets"]);

export function rangeArgument(call: CallExpr): MatrixSelector | SubqueryExpr | null {
  for (const arg of call.args) if (arg.kind === "matrix" || arg.kind === "subquery") return arg;
  return null;
}

/** Evaluates a function of a range vector; with `visit`, row by row into a matrix of one row. */
export function evalRangeCall(
  scope: Scope,
  expr: CallExpr,
  selector: MatrixSelector | SubqueryExpr,
  visit: RowVisit | null,
): Matrix {
  const { state, frame } = scope;
  const modifiers = selector.kind === "matrix" ? selector.vector : selector;
  const lookup = lookupOf(frame, modifiers);
  const call: RangeCall = {
    state,
    frame,
    name: expr.fn.name,
    // A subquery has no place of its own in annotations.
    args: expr.args.map((arg) => (arg.kind === "subquery" ? { ...arg, range: { start: 0, end: 0 } } : arg)),
    selector,
    rangeMs: selector.rangeMs,
    firstEndMs: lookup.firstMs,
    strideMs: lookup.strideMs,
    anchored: selector.kind === "matrix" && selector.vector.anchored,
    smoothed: selector.kind === "matrix" && selector.vector.smoothed,
    scalars: expr.args.filter((arg) => arg !== selector).map((arg) => scope.scalar(arg)),
    labels: () => runner.matrix.rawLabelsOf(runner.matrix.rows - 1),
  };
  refuseUnsafeModifier(call);
  const runner = new RangeRunner(call, visit);
  if (selector.kind === "matrix") runner.runSelector(selector, lookup.lastMs);
  else runner.runMatrix(evalSubquery(scope, selector), selector, scope);
  return runner.matrix;
}

class RangeRunner {
  matrix: Matrix;
  private readonly call: RangeCall;
  private readonly visit: RowVisit | null;
  private readonly fn: RangeFunction;
  private readonly windows: RangeWindows;
  private readonly stepWindows: StepWindows;
  private readonly keepsName: boolean;
  /** By series of the selector; null where it does not know. */
  private nameNumbers: Uint32Array | null = null;
  private readonly notedNames = new Set<number>();

  constructor(call: RangeCall, visit: RowVisit | null) {
    this.call = call;
    this.visit = visit;
    const table = call.anchored || call.smoothed ? extendedFunctions : rangeFunctions;
    this.fn = table.get(call.name) as RangeFunction;
    this.keepsName = KEEPS_NAME.has(call.name);
    this.matrix = new Matrix(call.frame.count, 1);
    this.windows = makeWindows(call.frame.count);
    this.stepWindows = new StepWindows(call, call.frame.count);
  }

  private start(rows: number): void {
    this.matrix = new Matrix(
      this.call.frame.count,
      this.visit === null ? Math.min(Math.max(rows, 1), 1024) : 1,
    );
    this.matrix.delayedDrop = this.call.state.delayedNameRemoval;
  }

  runSelector(selector: MatrixSelector, lastEndMs: number): void {
    const { state, rangeMs, firstEndMs, anchored, smoothed } = this.call;
    const before = anchored || smoothed ? state.lookbackMs : 0;
    const mint = firstEndMs - rangeMs - before + 1;
    const maxt = lastEndMs + (smoothed ? state.lookbackMs : 0);
    const series = state.queryable.select(selector.vector.matchers, mint, maxt);
    this.start(series.count);
    this.matrix.attach(series);
    this.matrix.oneName = selectsOneName(selector.vector);
    if (COUNTERS_ONLY.has(this.call.name)) {
      const names = state.typeAndUnitLabels ? NAME_AND_TYPE : NAME_AND_TYPE.slice(0, 1);
      this.nameNumbers = series.groupBy?.(names) ?? null;
    }
    const useStarts = state.useStartTimestamps && START_AWARE.has(this.call.name);
    const columns = takeColumns();
    for (let i = 0; i < series.count; i++) {
      if (!useStarts && series.view?.(i, mint, maxt, view)) {
        this.runView(i);
        continue;
      }
      series.read(i, mint, maxt, columns);
      state.did(columns.count + this.windows.steps + 20);
      if (selector.vector.statsOnly && columns.histograms !== null) keepStats(columns);
      if (columns.count === 0) continue;
      state.samplesRead += columns.count;
      const samples = columnSamples(columns);
      state.hold(samples);
      this.matrix.addSourceRow(i);
      loadColumns(this.windows, columns, useStarts);
      this.finishRow(false);
      state.release(samples);
    }
    giveColumns(columns);
  }

  /** Runs the function over the samples in `view`, which are used where they lie. */
  private runView(index: number): void {
    const { windows } = this;
    const { state } = this.call;
    const count = view.end - view.start;
    state.did(windows.steps + 20);
    if (count === 0) return;
    state.samplesRead += count;
    state.hold(count);
    this.matrix.addSourceRow(index);
    windows.sharesTimes = view.sharesTimes;
    windows.floatIntervalMs = view.intervalMs;
    windows.floatTimes = view.timestamps;
    windows.floats = view.values;
    windows.floatStart = view.start;
    windows.floatEnd = view.end;
    windows.floatStarts = null;
    windows.floatResets = view.resets;
    windows.histogramCount = 0;
    this.finishRow(false);
    state.release(count);
  }

  /** The same over the result of a subquery, whose rows become series again. */
  runMatrix(inner: Matrix, selector: SubqueryExpr, scope: Scope): void {
    const { state } = this.call;
    const rows = new InnerRows(inner, subqueryFrame(scope, selector));
    const held = inner.countSamples();
    this.start(inner.rows);
    this.matrix.oneName = inner.oneName;
    for (let row = 0; row < inner.rows; row++) {
      state.did(inner.steps + 20);
      if (!rows.load(this.windows, row)) continue;
      this.matrix.addRow(inner.labelsOf(row));
      this.finishRow(inner.isDropped(row));
    }
    state.release(held);
  }

  /** Runs the function over the loaded series and settles the row that was just added. */
  private finishRow(inputDropped: boolean): void {
    const { matrix, windows, call } = this;
    const row = matrix.rows - 1;
    const base = row * matrix.steps;
    this.stepWindows.find(windows);
    if (call.state.stats !== null) countWindows(windows, call.state.stats, call.selector.kind === "matrix");
    let present: number;
    let floats: number;
    if (windows.histogramCount === 0) {
      present = this.fn.floats(windows, call, matrix.values, matrix.kinds, base);
      floats = present;
    } else {
      this.runMixed(base);
      present = countPresent(matrix.kinds, base, matrix.steps);
      floats = matrix.countFloats(row);
    }
    if (present === 0) {
      matrix.removeLastRow();
      return;
    }
    if (floats > 0 && COUNTERS_ONLY.has(call.name) && !this.isNoted(row)) noteNonCounter(call);
    matrix.setDropped(row, !this.keepsName || inputDropped);
    const samples = rowSamples(matrix, base, present);
    call.state.hold(samples);
    if (this.visit === null) return;
    this.visit(matrix, row, floats);
    call.state.release(samples);
    matrix.removeLastRow();
    matrix.histograms = null;
  }

  /** True where a series of the same name (and type) was looked at before. */
  private isNoted(row: number): boolean {
    const number = this.nameNumbers?.[this.matrix.sourceIndexOf(row)];
    if (number === undefined || !this.notedNames.has(number)) {
      if (number !== undefined) this.notedNames.add(number);
      return false;
    }
    return true;
  }

  private runMixed(base: number): void {
    const { matrix, windows, call, fn } = this;
    for (let s = 0; s < matrix.steps; s++) {
      if (windows.floatLo[s] === windows.floatHi[s] && windows.histogramLo[s] === windows.histogramHi[s])
        continue;
      const result = fn.mixed(windows, s, call);
      if (typeof result === "number") {
        matrix.values[base + s] = result;
        matrix.kinds[base + s] = FLOAT;
      } else if (result !== undefined) {
        matrix.setHistogram(base + s, result);
      }
    }
  }
}

/** Cells of a row that hold something. */
function countPresent(kinds: Uint8Array, base: number, steps: number): number {
  let count = 0;
  for (let i = base; i < base + steps; i++) if (kinds[i] !== ABSENT) count++;
  return count;
}

function makeWindows(steps: number): RangeWindows {
  takeArrayBytes(8 * steps);
  return {
    steps,
    floatStart: 0,
    floatEnd: 0,
    floatTimes: new Float64Array(0),
    floats: new Float64Array(0),
    sharesTimes: false,
    floatIntervalMs: 0,
    floatLo: new Int32Array(0),
    floatHi: new Int32Array(0),
    extrapolation: new Extrapolation(0),
    floatStarts: null,
    floatResets: null,
    histogramCount: 0,
    histogramTimes: new Float64Array(0),
    histograms: [],
    histogramLo: new Int32Array(steps),
    histogramHi: new Int32Array(steps),
    histogramStarts: null,
  };
}

/** Takes the samples of one series over, without stale markers. The columns' arrays are used in place. */
function loadColumns(windows: RangeWindows, columns: SampleColumns, useStarts: boolean): void {
  const { timestamps, values, valueWords, histograms } = columns;
  const starts = useStarts ? columns.startTimestamps : null;
  windows.sharesTimes = false;
  windows.floatIntervalMs = 0;
  windows.floatTimes = timestamps;
  windows.floats = values;
  windows.floatStart = 0;
  windows.floatStarts = starts;
  windows.floatResets = null;
  if (histograms !== null) {
    loadMixed(windows, columns, starts);
    return;
  }
  windows.histogramCount = 0;
  let kept = 0;
  for (let i = 0; i < columns.count; i++) {
    const value = values[i];
    if (Number.isNaN(value) && isStaleAt(valueWords, i)) continue;
    if (kept !== i) {
      values[kept] = value;
      timestamps[kept] = timestamps[i];
      if (starts !== null) starts[kept] = starts[i];
    }
    kept++;
  }
  windows.floatEnd = kept;
}

function loadMixed(windows: RangeWindows, columns: SampleColumns, starts: Float64Array | null): void {
  const { timestamps, values, valueWords, count } = columns;
  const all = columns.histograms ?? [];
  const times: number[] = [];
  const histogramStarts: number[] = [];
  windows.histograms = [];
  let floats = 0;
  for (let i = 0; i < count; i++) {
    const histogram = all[i];
    if (histogram !== undefined) {
      if (isStaleNaN(histogram.sum)) continue;
      times.push(timestamps[i]);
      windows.histograms.push(histogram);
      histogramStarts.push(starts?.[i] ?? 0);
    } else if (!isStaleAt(valueWords, i)) {
      values[floats] = values[i];
      timestamps[floats] = timestamps[i];
      if (starts !== null) starts[floats] = starts[i];
      floats++;
    }
  }
  windows.floatEnd = floats;
  windows.histogramCount = times.length;
  windows.histogramTimes = Float64Array.from(times);
  windows.histogramStarts = starts === null ? null : Float64Array.from(histogramStarts);
}

/** Reads the rows of a subquery's result as if each were a series again. */
class InnerRows {
  private readonly inner: Matrix;
  private readonly startMs: number;
  private readonly stepMs: number;
  /** The times of all steps, and room for rows with gaps; made when needed. */
  private times: Float64Array | null = null;
  private sparse: { readonly times: Float64Array; readonly values: Float64Array } | null = null;

  constructor(inner: Matrix, { startMs, stepMs }: Frame) {
    this.inner = inner;
    this.startMs = startMs;
    this.stepMs = stepMs;
  }

  /** Takes a row over; false where it is empty. Floats without gaps between them are read where they lie. */
  load(windows: RangeWindows, row: number): boolean {
    const { inner } = this;
    const { steps, kinds, values } = inner;
    const base = row * steps;
    windows.floatStart = 0;
    windows.floatStarts = null;
    windows.floatResets = null;
    windows.histogramStarts = null;
    windows.histogramCount = 0;
    windows.histograms = [];
    let first = 0;
    let end = 0;
    let floats = 0;
    let others = 0;
    for (let s = 0; s < steps; s++) {
      const kind = kinds[base + s];
      if (kind === FLOAT) {
        if (floats++ === 0) first = s;
        end = s + 1;
      } else if (kind !== ABSENT) others++;
    }
    windows.sharesTimes = floats > 0 && floats === end - first && others === 0;
    windows.floatIntervalMs = windows.sharesTimes ? this.stepMs : 0;
    if (windows.sharesTimes) {
      windows.floatTimes = this.allTimes();
      windows.floats = values.subarray(base, base + steps);
      windows.floatStart = first;
      windows.floatEnd = end;
      return true;
    }
    this.loadSparse(windows, base);
    return windows.floatEnd + windows.histogramCount > 0;
  }

  private loadSparse(windows: RangeWindows, base: number): void {
    const { inner, startMs, stepMs } = this;
    const { steps, kinds, values } = inner;
    if (this.sparse === null) {
      takeArrayBytes(16 * steps);
      this.sparse = { times: new Float64Array(steps), values: new Float64Array(steps) };
    }
    const { sparse } = this;
    const histogramTimes: number[] = [];
    let floats = 0;
    for (let s = 0; s < steps; s++) {
      const kind = kinds[base + s];
      if (kind === FLOAT) {
        sparse.times[floats] = startMs + s * stepMs;
        sparse.values[floats++] = values[base + s];
      } else if (kind === HISTOGRAM) {
        histogramTimes.push(startMs + s * stepMs);
        windows.histograms.push(withoutHint(inner.histogramAt(base + s)));
      }
    }
    windows.floatTimes = sparse.times;
    windows.floats = sparse.values;
    windows.floatEnd = floats;
    windows.histogramTimes = Float64Array.from(histogramTimes);
    windows.histogramCount = histogramTimes.length;
  }

  private allTimes(): Float64Array {
    const { steps } = this.inner;
    if (this.times === null) {
      takeArrayBytes(8 * steps);
      this.times = new Float64Array(steps);
      for (let s = 0; s < steps; s++) this.times[s] = this.startMs + s * this.stepMs;
    }
    return this.times;
  }
}

/** Counts the samples of each window; `read`: as read, too, where the window before had not got them. */
function countWindows(windows: RangeWindows, stats: SampleStats, read: boolean): void {
  const { floatLo, floatHi, histogramLo, histogramHi, histograms, histogramCount } = windows;
  for (let s = 0; s < windows.steps; s++) {
    let total = floatHi[s] - floatLo[s];
    let news = floatHi[s] - (s === 0 ? floatLo[s] : Math.max(floatLo[s], floatHi[s - 1]));
    if (histogramCount > 0) {
      for (let i = histogramLo[s]; i < histogramHi[s]; i++) {
        const samples = histogramSamples(histograms[i]);
        total += samples;
        if (s === 0 || i >= histogramHi[s - 1]) news += samples;
      }
    }
    stats.add(s, total, read ? news : 0);
  }
}
