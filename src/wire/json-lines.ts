/**
 * VictoriaMetrics' JSON lines (`/api/v1/export`, `/api/v1/import`): one object a line,
 * `{"metric":{name: value, …},"values":[…],"timestamps":[…]}`, values as numbers, null (NaN), "Infinity" and
 * "-Infinity", times in milliseconds. Two members are Varve's own, and others pass over them: `stale`, the indexes of
 * nulls that are stale markers, and `histograms` in the place of `values`.
 */
import {
  CUSTOM_BUCKETS_SCHEMA,
  type Histogram,
  type HistogramSpan,
  type ResetHint,
} from "../model/histogram.js";
import { Labels } from "../model/labels.js";
import { isStaleAt, isStaleNaN } from "../model/stale.js";
import type { SampleColumns } from "../storage/columns.js";
import { checkBuckets, checkCustomBuckets, checkSpans } from "./histogram-checks.js";
import { HISTOGRAM_PARTS_MAX, staleHistogram } from "./remote-write-histogram.js";
import type { LineVisitor } from "./text-lines.js";

/** Hears what the lines say. */
export interface JsonLinesHandler<Series> {
  series(labels: Labels): Series;
  /** `stale`: `value` is a NaN that stands for the stale marker. */
  sample(series: Series, value: number, timestampMs: number, stale: boolean, line: number): void;
  histogram(series: Series, histogram: Histogram, timestampMs: number, line: number): void;
  problem(reason: string, line: number): void;
}

type Json = Readonly<Record<string, unknown>>;

export class JsonLinesParser<Series> implements LineVisitor {
  private readonly handler: JsonLinesHandler<Series>;

  constructor(handler: JsonLinesHandler<Series>) {
    this.handler = handler;
  }

  line(text: string, number: number): void {
    if (text === "" || text === "\r") return;
    const problem = this.read(text, number);
    if (problem !== null) this.handler.problem(problem, number);
  }

  unreadable(reason: string, number: number): void {
    this.handler.problem(reason, number);
  }

  /** The whole line is judged before anything of it is handed on. */
  private read(text: string, line: number): string | null {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      return `not JSON: ${(error as Error).message}`;
    }
    if (!isObject(json)) return "not a JSON object";
    const { metric, values, histograms, timestamps, stale } = json as Json & {
      readonly metric?: unknown;
      readonly values?: unknown;
      readonly histograms?: unknown;
      readonly timestamps?: unknown;
      readonly stale?: unknown;
    };
    const labels = labelsOf(metric);
    if (typeof labels === "string") return labels;
    if (!Array.isArray(timestamps) || timestamps.length === 0) return "missing `timestamps` array";
    const wrong = timestamps.findIndex((time) => !Number.isSafeInteger(time));
    if (wrong >= 0) return `timestamp ${wrong + 1} is not a whole number of milliseconds`;
    if (histograms !== undefined) return this.histograms(labels, histograms, timestamps, line);
    if (!Array.isArray(values) || values.length === 0) return "missing `values` array";
    if (values.length !== timestamps.length) {
      return `${values.length} values and ${timestamps.length} timestamps`;
    }
    const numbers = values.map(numberOrNull);
    const bad = numbers.indexOf(null);
    if (bad >= 0) return `value ${bad + 1} is no number`;
    const markers = new Set(Array.isArray(stale) ? stale : []);
    const series = this.handler.series(labels);
    for (let i = 0; i < numbers.length; i++) {
      const value = numbers[i] as number;
      this.handler.sample(
        series,
        value,
        timestamps[i] as number,
        markers.has(i) && Number.isNaN(value),
        line,
      );
    }
    return null;
  }

  private histograms(
    labels: Labels,
    list: unknown,
    timestamps: readonly number[],
    line: number,
  ): string | null {
    if (!Array.isArray(list) || list.length !== timestamps.length) {
      return "`histograms` and `timestamps` are not of one length";
    }
    const read: Histogram[] = [];
    for (const entry of list) {
      const histogram = parseHistogram(entry);
      if (typeof histogram === "string") return `histogram ${read.length + 1}: ${histogram}`;
      read.push(histogram);
    }
    const series = this.handler.series(labels);
    read.forEach((histogram, i) => {
      this.handler.histogram(series, histogram, timestamps[i] as number, line);
    });
    return null;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Half of a surrogate pair has no UTF-8. */
const HALF_PAIR = /\p{Surrogate}/u;

function labelsOf(metric: unknown): Labels | string {
  if (!isObject(metric)) return "missing `metric` object";
  const entries = Object.entries(metric);
  for (const [name, value] of entries) {
    if (typeof value !== "string") return `label ${JSON.stringify(name)} is no text`;
    if (name === "") return "a label has an empty name";
    if (HALF_PAIR.test(name) || HALF_PAIR.test(value))
      return `label ${JSON.stringify(name)} is not Unicode text`;
  }
  const labels = Labels.from(entries as [string, string][]);
  return labels.size === 0 ? "missing labels in `metric`" : labels;
}

/** A value as VictoriaMetrics reads it; null where it is none. */
function numberOrNull(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (value === null) return Number.NaN;
  if (typeof value !== "string") return null;
  if (/^-?(?:infinity|inf)$/i.test(value)) {
    return value.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (/^(?:nan|null)$/i.test(value)) return Number.NaN;
  const number = value.trim() === "" ? Number.NaN : Number(value);
  return Number.isNaN(number) ? null : number;
}

const HINTS: Readonly<Record<string, ResetHint>> = { unknown: 0, reset: 1, no_reset: 2, gauge: 3 };
const HINT_NAMES: readonly string[] = ["unknown", "reset", "no_reset", "gauge"];

interface HistogramJson {
  readonly stale?: unknown;
  readonly float?: unknown;
  readonly resetHint?: unknown;
  readonly schema?: unknown;
  readonly zeroThreshold?: unknown;
  readonly zeroCount?: unknown;
  readonly count?: unknown;
  readonly sum?: unknown;
  readonly positive?: unknown;
  readonly negative?: unknown;
  readonly bounds?: unknown;
}

/** The histogram, or why it is none. */
function parseHistogram(entry: unknown): Histogram | string {
  if (!isObject(entry)) return "not an object";
  const json = entry as HistogramJson;
  const float = json.float === true;
  if (json.stale === true) return staleHistogram(float);
  const [schema, zeroThreshold, zeroCount, count] = [
    json.schema,
    json.zeroThreshold ?? 0,
    json.zeroCount ?? 0,
    json.count,
  ];
  for (const [name, value] of Object.entries({ schema, zeroThreshold, zeroCount, count })) {
    if (typeof value !== "number") return `${name} is no number`;
  }
  const sum = numberOrNull(json.sum);
  if (sum === null) return "sum is no number";
  const resetHint = HINTS[String(json.resetHint ?? "unknown")];
  if (resetHint === undefined) return "resetHint is none of unknown, reset, no_reset, gauge";
  const positive = parseSide("positive", json.positive);
  const negative = parseSide("negative", json.negative);
  if (typeof positive === "string") return positive;
  if (typeof negative === "string") return negative;
  const histogram: Histogram = {
    float,
    resetHint,
    schema: schema as number,
    zeroThreshold: zeroThreshold as number,
    zeroCount: zeroCount as number,
    count: count as number,
    sum,
    positiveSpans: positive.spans,
    negativeSpans: negative.spans,
    positiveBuckets: positive.buckets,
    negativeBuckets: negative.buckets,
    customValues: Array.isArray(json.bounds) ? json.bounds.map(Number) : [],
  };
  return checkHistogram(histogram) ?? histogram;
}

interface Side {
  readonly spans: readonly HistogramSpan[];
  readonly buckets: readonly number[];
}

/** `[[offset, [counts …]], …]`: a run of buckets each. */
function parseSide(side: "positive" | "negative", value: unknown): Side | string {
  if (value === undefined) return { spans: [], buckets: [] };
  if (!Array.isArray(value)) return `${side} is no list of runs`;
  const spans: HistogramSpan[] = [];
  const buckets: number[] = [];
  for (const run of value) {
    const [offset, counts] = Array.isArray(run) ? run : [];
    if (!Number.isInteger(offset) || !Array.isArray(counts)) return `${side} is no list of runs`;
    if (!counts.every((count) => typeof count === "number")) return `${side} has a count that is no number`;
    spans.push({ offset, length: counts.length });
    for (const count of counts) buckets.push(count);
    if (buckets.length > HISTOGRAM_PARTS_MAX || spans.length > HISTOGRAM_PARTS_MAX)
      return `${side} has too many buckets`;
  }
  return checkSpans(side, spans, buckets.length) ?? checkBuckets(side, buckets) ?? { spans, buckets };
}

function checkHistogram(histogram: Histogram): string | null {
  const { schema, float, count, zeroCount } = histogram;
  const custom = schema === CUSTOM_BUCKETS_SCHEMA;
  if (!custom && !(Number.isInteger(schema) && schema >= -4 && schema <= 8))
    return `unknown schema ${schema}`;
  if (custom) {
    const customValues = Array.from(histogram.customValues);
    const positive = Array.from(histogram.positiveBuckets);
    const negative = Array.from(histogram.negativeBuckets);
    const wrong = checkCustomBuckets({ ...histogram, customValues }, zeroCount, positive, negative);
    if (wrong !== null) return wrong;
  }
  if (!(count >= 0) || !(zeroCount >= 0)) return "a count is negative";
  if (float) return null;
  const buckets = [...Array.from(histogram.positiveBuckets), ...Array.from(histogram.negativeBuckets)];
  if (![count, zeroCount, ...buckets].every((number) => Number.isSafeInteger(number))) {
    return "an integer histogram has counts that are not whole";
  }
  return null;
}

/** Members of a line that hold `"metric":{…}`. */
export function printJsonMetric(labels: Labels): string {
  return `"metric":${JSON.stringify(labels.toObject())}`;
}

/**
 * The samples [start, end) of `columns`, which are all floats or all histograms, as one line with its line feed.
 * `metric`: what `printJsonMetric` made.
 */
export function printJsonLine(metric: string, columns: SampleColumns, start: number, end: number): string {
  const times = Array.from(columns.timestamps.subarray(start, end)).join(",");
  if (columns.histograms?.[start] !== undefined) {
    const entries = columns.histograms
      .slice(start, end)
      .map((histogram) => printHistogram(histogram as Histogram));
    return `{${metric},"histograms":[${entries.join(",")}],"timestamps":[${times}]}\n`;
  }
  const values: string[] = [];
  const stale: number[] = [];
  for (let i = start; i < end; i++) {
    values.push(printNumber(columns.values[i]));
    if (isStaleAt(columns.valueWords, i)) stale.push(i - start);
  }
  const markers = stale.length === 0 ? "" : `,"stale":[${stale.join(",")}]`;
  return `{${metric},"values":[${values.join(",")}],"timestamps":[${times}]${markers}}\n`;
}

function printNumber(value: number): string {
  if (Number.isNaN(value)) return "null";
  if (value === Number.POSITIVE_INFINITY) return '"Infinity"';
  if (value === Number.NEGATIVE_INFINITY) return '"-Infinity"';
  return Object.is(value, -0) ? "-0" : String(value);
}

function printHistogram(histogram: Histogram): string {
  const { float, resetHint, schema, zeroThreshold, zeroCount, count, sum } = histogram;
  const kind = float ? '"float":true,' : "";
  if (isStaleNaN(sum)) return `{${kind}"stale":true}`;
  const bounds = Array.from(histogram.customValues);
  const parts = [
    `"schema":${schema},"zeroThreshold":${zeroThreshold},"zeroCount":${zeroCount},"count":${count}`,
    `"sum":${printNumber(sum)}`,
    ...(resetHint === 0 ? [] : [`"resetHint":"${HINT_NAMES[resetHint] ?? "unknown"}"`]),
    ...printSide("positive", histogram.positiveSpans, histogram.positiveBuckets),
    ...printSide("negative", histogram.negativeSpans, histogram.negativeBuckets),
    ...(bounds.length === 0 ? [] : [`"bounds":[${bounds.map(printNumber).join(",")}]`]),
  ];
  return `{${kind}${parts.join(",")}}`;
}

function printSide(name: string, spans: readonly HistogramSpan[], buckets: ArrayLike<number>): string[] {
  if (spans.length === 0) return [];
  const counts = Array.from(buckets);
  let at = 0;
  const runs = spans.map(({ offset, length }) => {
    const run = counts.slice(at, at + length).map(printNumber);
    at += length;
    return `[${offset},[${run.join(",")}]]`;
  });
  return [`"${name}":[${runs.join(",")}]`];
}
