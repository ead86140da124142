import type { Histogram } from "../../dist/model/histogram.js";
import type { Labels } from "../../dist/model/labels.js";
import { compareLabels } from "../../dist/model/labels.js";
import type { MatrixSeries, QueryValue, VectorSample } from "../../dist/model/query-result.js";
import { almostEqual } from "../../dist/promql/functions/almost-equal.js";
import { compact } from "../../dist/promql/histogram/arithmetic.js";
import { FloatHistogram } from "../../dist/promql/histogram/float-histogram.js";
import { printHistogram } from "../../dist/promql/histogram/print.js";
import type { EvalCommand, ExpectedSeries } from "./script.js";

/** Relative error allowed for values. */
const EPSILON = 0.000001;

function fail(what: string): never {
  throw new Error(what);
}

export function checkResult(command: EvalCommand, value: QueryValue): void {
  switch (value.type) {
    case "string":
      if (value.value !== command.text) fail(`expected string "${command.text}" but got "${value.value}"`);
      return;
    case "scalar":
      if (command.scalar === undefined) fail(`expected a vector or matrix, got scalar ${value.value}`);
      if (!almostEqual(command.scalar, value.value, EPSILON)) {
        fail(`expected scalar ${command.scalar}, got ${value.value}`);
      }
      return;
    case "vector":
      checkVector(command, value.samples);
      return;
    case "matrix":
      checkMatrix(command, value.series);
  }
}

function byKey(command: EvalCommand): Map<string, ExpectedSeries> {
  return new Map(command.series.map((series) => [series.labels.key, series]));
}

function checkVector(command: EvalCommand, samples: readonly VectorSample[]): void {
  if (command.scalar !== undefined) fail(`expected scalar, got a vector of ${samples.length}`);
  const expected = byKey(command);
  const seen = new Set<string>();
  for (const [i, { labels, value, histogram }] of samples.entries()) {
    const shown = show(labels);
    const wanted = expected.get(labels.key);
    const got = histogram === undefined ? String(value) : printHistogram(histogram);
    if (wanted === undefined) return fail(`unexpected ${shown} with ${got}`);
    if (command.ordered && wanted.position !== i + 1) {
      fail(`expected ${shown} at position ${wanted.position} but it was at ${i + 1}`);
    }
    const [first] = wanted.values;
    if (first.histogram === undefined) {
      if (histogram !== undefined) fail(`expected ${first.value} for ${shown} but got ${got}`);
      if (!almostEqual(first.value, value, EPSILON)) fail(`expected ${first.value} for ${shown}, got ${got}`);
    } else if (histogram === undefined || !sameHistogram(first.histogram, histogram, first.hintSet)) {
      fail(
        `expected ${printHistogram(first.histogram)} (hint ${first.histogram.resetHint}) for ${shown}, got ${got} (hint ${histogram?.resetHint})`,
      );
    }
    seen.add(labels.key);
  }
  refuseMissing(expected, seen);
}

function refuseMissing(expected: ReadonlyMap<string, ExpectedSeries>, seen: ReadonlySet<string>): void {
  for (const [key, { labels }] of expected) if (!seen.has(key)) fail(`expected ${show(labels)} not found`);
}

function checkMatrix(command: EvalCommand, series: readonly MatrixSeries[]): void {
  if (command.ordered) fail("expected ordered result, but query returned a matrix");
  if (command.scalar !== undefined) fail(`expected scalar, got a matrix of ${series.length}`);
  const times = command.vectorTimes ??
    command.range ?? { startMs: command.atMs, endMs: command.atMs, stepMs: 1 };
  const expected = byKey(command);
  const seen = new Set<string>();
  for (const [i, one] of series.entries()) {
    if (i > 0 && compareLabels(series[i - 1].labels, one.labels) > 0) fail("matrix is not sorted by labels");
    const wanted = expected.get(one.labels.key);
    if (wanted === undefined) return fail(`unexpected ${show(one.labels)} with ${showPoints(one)}`);
    seen.add(one.labels.key);
    checkPoints(wanted, one, times.startMs, times.stepMs);
  }
  refuseMissing(expected, seen);
}

function checkPoints(wanted: ExpectedSeries, got: MatrixSeries, startMs: number, stepMs: number): void {
  const points = wanted.values
    .map((value, i) => ({ ...value, t: startMs + i * stepMs }))
    .filter(({ omitted }) => !omitted);
  const shown = `${show(got.labels)} ${showPoints(got)}`;
  if (points.length !== got.timestamps.length) fail(`expected ${points.length} points, got ${shown}`);
  points.forEach(({ t, value, histogram, hintSet }, i) => {
    const actual = got.histograms?.[i];
    if (t !== got.timestamps[i]) fail(`expected point ${i} at ${t}, got ${shown}`);
    if (histogram === undefined) {
      if (actual !== undefined || !almostEqual(value, got.values[i], EPSILON)) {
        fail(`expected ${value} at point ${i}, got ${shown}`);
      }
    } else if (actual === undefined || !sameHistogram(histogram, actual, hintSet)) {
      fail(
        `expected ${printHistogram(histogram)} (hint ${histogram.resetHint}) at point ${i}, got ${shown} (hint ${actual?.resetHint})`,
      );
    }
  });
}

function show(labels: Labels): string {
  return labels.toString();
}

function showPoints({ timestamps, values, histograms }: MatrixSeries): string {
  return Array.from(timestamps, (t, i) => {
    const histogram = histograms?.[i];
    return `${histogram === undefined ? values[i] : printHistogram(histogram)}@${t}`;
  }).join(" ");
}

/** Equal but for rounding, empty buckets and, unless asked for, the hint. */
function sameHistogram(expected: Histogram, actual: Histogram, hintSet: boolean): boolean {
  const a = compact(FloatHistogram.from(expected));
  const b = compact(FloatHistogram.from(actual));
  const close = (x: number, y: number): boolean => almostEqual(x, y, EPSILON);
  const sameSide = (x: typeof a.positive, y: typeof a.positive): boolean =>
    x.indexes.length === y.indexes.length &&
    x.indexes.every((index, i) => index === y.indexes[i] && close(x.counts[i], y.counts[i]));
  return (
    a.schema === b.schema &&
    close(a.count, b.count) &&
    close(a.sum, b.sum) &&
    a.customValues.length === b.customValues.length &&
    a.customValues.every((bound, i) => bound === b.customValues[i]) &&
    a.zeroThreshold === b.zeroThreshold &&
    close(a.zeroCount, b.zeroCount) &&
    sameSide(a.positive, b.positive) &&
    sameSide(a.negative, b.negative) &&
    (!hintSet || a.resetHint === b.resetHint)
  );
}
