import { type Histogram, ResetHint } from "../../model/histogram.js";
import { isStaleAt, isStaleNaN } from "../../model/stale.js";
import type { SampleColumns } from "../../storage/columns.js";
import { interpolateFloats, interpolateHistograms, type Noting } from "../functions/interpolate.js";
import { FloatHistogram } from "../histogram/float-histogram.js";
import type { VectorSelector } from "../parse/ast.js";
import { giveColumns, takeColumns } from "./column-pool.js";
import { FLOAT, Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";
import { lookupOf, selectsOneName } from "./selector.js";

/** One series without stale markers. */
interface Samples {
  readonly times: number[];
  readonly floats: number[];
  readonly histograms: (Histogram | undefined)[];
}

/** An instant selector that interpolates between the samples around each step, a lookback away at most. */
export function evalSmoothed(scope: Scope, selector: VectorSelector): Matrix {
  const { state, frame } = scope;
  const lookup = lookupOf(frame, selector);
  const mint = lookup.firstMs - state.lookbackMs + 1;
  const maxt = lookup.lastMs + state.lookbackMs;
  const series = state.queryable.select(selector.matchers, mint, maxt);
  const matrix = new Matrix(frame.count, Math.min(series.count, 1024));
  matrix.attach(series);
  matrix.oneName = selectsOneName(selector);
  matrix.delayedDrop = state.delayedNameRemoval;
  const columns = takeColumns();
  for (let i = 0; i < series.count; i++) {
    series.read(i, mint, maxt, columns);
    state.did(columns.count + frame.count + 20);
    state.samplesRead += columns.count;
    if (columns.count === 0) continue;
    const samples = withoutStale(columns);
    const base = matrix.addSourceRow(i);
    const noting: Noting = {
      annotations: state.annotations,
      range: selector.range,
      metric: matrix.rawLabelsOf(matrix.rows - 1).get("__name__"),
    };
    let filled = 0;
    for (let s = 0; s < frame.count; s++) {
      const at = lookup.firstMs + s * lookup.strideMs;
      const value = smoothAt(samples, at, state.lookbackMs, noting);
      if (value === undefined) continue;
      filled++;
      if (typeof value !== "number") matrix.setHistogram(base + s, value);
      else {
        matrix.values[base + s] = value;
        matrix.kinds[base + s] = FLOAT;
      }
    }
    if (filled === 0) matrix.removeLastRow();
    state.hold(filled);
  }
  giveColumns(columns);
  return matrix;
}

function withoutStale(columns: SampleColumns): Samples {
  const samples: Samples = { times: [], floats: [], histograms: [] };
  for (let i = 0; i < columns.count; i++) {
    const histogram = columns.histograms?.[i];
    if (histogram === undefined ? isStaleAt(columns.valueWords, i) : isStaleNaN(histogram.sum)) continue;
    samples.times.push(columns.timestamps[i]);
    samples.floats.push(columns.values[i]);
    samples.histograms.push(histogram);
  }
  return samples;
}

function smoothAt(
  { times, floats, histograms }: Samples,
  at: number,
  lookbackMs: number,
  noting: Noting,
): number | Histogram | undefined {
  let lo = 0;
  while (lo < times.length && times[lo] <= at - lookbackMs) lo++;
  let hi = lo;
  let next = -1;
  let kinds = 0;
  for (; hi < times.length && times[hi] <= at + lookbackMs; hi++) {
    if (next < 0 && times[hi] >= at) next = hi;
    kinds |= histograms[hi] === undefined ? 1 : 2;
  }
  if (kinds === 3) {
    noting.annotations.mixedFloatsHistograms(noting.metric, noting.range);
    return undefined;
  }
  if (next >= 0 && times[next] === at) return histograms[next] ?? floats[next];
  const previous = (next < 0 ? hi : next) - 1;
  if (previous < lo) return undefined;
  const before = histograms[previous];
  if (next < 0) return before === undefined ? floats[previous] : withoutHint(before);
  const after = histograms[next];
  if (before === undefined || after === undefined) {
    return interpolateFloats(times[previous], floats[previous], times[next], floats[next], at, false);
  }
  if ((before.schema === -53) !== (after.schema === -53)) {
    noting.annotations.mixedExponentialCustom(noting.metric, noting.range);
    return undefined;
  }
  const isCounter = before.resetHint !== ResetHint.GAUGE || after.resetHint !== ResetHint.GAUGE;
  const result = interpolateHistograms(before, times[previous], after, times[next], at, isCounter, noting);
  return result ?? undefined;
}

/** The hint is about the sample before, not about the value that is carried on. */
function withoutHint(histogram: Histogram): Histogram {
  const copy = FloatHistogram.from(histogram);
  copy.resetHint = ResetHint.UNKNOWN;
  return copy;
}
