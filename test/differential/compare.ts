/**
 * Holds one answer to another. Exact are: HTTP status, error type and text, result type, series, timestamps,
 * warnings and infos (as sets). Values agree within 1e-12 of the larger. The order of an instant vector counts
 * only where the query sorts.
 */
import { seriesKey } from "../support/prometheus-api.js";
import type { Answer, HistogramAnswer, QueryRequest, SeriesAnswer } from "./request.js";

const TOLERANCE = 1e-12;
const SORTS_BY_VALUE = /^(sort|sort_desc|topk|bottomk)\b(?! *(by|without))/;
const SORTS_BY_LABEL = /^sort_by_label(_desc)?\(/;

export interface Difference {
  readonly what: "status" | "error" | "type" | "series" | "value" | "order" | "annotation";
  readonly text: string;
  /** Where it first shows, if it shows at a time. */
  readonly timeMs?: number;
}

export function differenceOf(request: QueryRequest, actual: Answer, expected: Answer): Difference | null {
  if (actual.httpStatus !== expected.httpStatus || actual.status !== expected.status) {
    return { what: "status", text: `${summary(actual)} instead of ${summary(expected)}` };
  }
  if (actual.errorType !== expected.errorType || actual.error !== expected.error) {
    return { what: "error", text: `${summary(actual)} instead of ${summary(expected)}` };
  }
  return (
    resultDifference(request, actual, expected) ??
    annotationDifference("warnings", actual.warnings ?? [], expected.warnings ?? []) ??
    annotationDifference("infos", actual.infos ?? [], expected.infos ?? [])
  );
}

function summary({ httpStatus, errorType, error, data }: Answer): string {
  if (error !== undefined) return `${httpStatus} ${errorType}: ${error}`;
  return `${httpStatus} ${data?.resultType} of ${data?.result.length}`;
}

function resultDifference(request: QueryRequest, actual: Answer, expected: Answer): Difference | null {
  if (actual.data === undefined || expected.data === undefined) return null;
  const { resultType } = expected.data;
  if (actual.data.resultType !== resultType) {
    return { what: "type", text: `${actual.data.resultType} instead of ${resultType}` };
  }
  if (resultType === "scalar" || resultType === "string") {
    const [of, than] = [actual.data.result, expected.data.result] as [[number, string], [number, string]];
    const same = of[0] === than[0] && (resultType === "scalar" ? isNear(of[1], than[1]) : of[1] === than[1]);
    return same ? null : { what: "value", text: `${of.join(" ")} instead of ${than.join(" ")}` };
  }
  const [of, than] = [actual.data.result, expected.data.result] as [SeriesAnswer[], SeriesAnswer[]];
  return seriesDifference(of, than) ?? orderDifference(request, resultType, of, than);
}

function seriesDifference(
  actual: readonly SeriesAnswer[],
  expected: readonly SeriesAnswer[],
): Difference | null {
  const found = new Map(actual.map((series) => [seriesKey(series.metric), series]));
  if (found.size !== actual.length) return { what: "series", text: "a series comes twice" };
  for (const series of expected) {
    const key = seriesKey(series.metric);
    const own = found.get(key);
    if (own === undefined) {
      return {
        what: "series",
        text: `${actual.length} instead of ${expected.length} series, missing ${key}`,
        ...firstTime(series),
      };
    }
    found.delete(key);
    const wrong = samplesDifference(key, own, series);
    if (wrong !== null) return wrong;
  }
  for (const [key, series] of found) {
    return {
      what: "series",
      text: `${actual.length} instead of ${expected.length} series, unexpected ${key}`,
      ...firstTime(series),
    };
  }
  return null;
}

function firstTime(series: SeriesAnswer): { timeMs?: number } {
  const at = samplesOf(series)[0]?.[0];
  return at === undefined ? {} : { timeMs: Math.round(at * 1000) };
}

type SampleAnswer = readonly [seconds: number, value: string | HistogramAnswer];

function samplesOf({ value, values = [], histogram, histograms = [] }: SeriesAnswer): SampleAnswer[] {
  const all: SampleAnswer[] = [...values, ...histograms];
  if (value !== undefined) all.push(value);
  if (histogram !== undefined) all.push(histogram);
  return all.sort(([a], [b]) => a - b);
}

function samplesDifference(key: string, actual: SeriesAnswer, expected: SeriesAnswer): Difference | null {
  const [of, than] = [samplesOf(actual), samplesOf(expected)];
  for (let i = 0; i < Math.max(of.length, than.length); i++) {
    const [own, other] = [of[i], than[i]];
    if (own !== undefined && other !== undefined && own[0] === other[0] && isSameValue(own[1], other[1]))
      continue;
    const seconds = Math.min(own?.[0] ?? Number.POSITIVE_INFINITY, other?.[0] ?? Number.POSITIVE_INFINITY);
    const text = `${key}: ${JSON.stringify(own)} instead of ${JSON.stringify(other)}`;
    return { what: "value", text, timeMs: Math.round(seconds * 1000) };
  }
  return null;
}

function isSameValue(actual: string | HistogramAnswer, expected: string | HistogramAnswer): boolean {
  if (typeof actual === "string" || typeof expected === "string") {
    return typeof actual === "string" && typeof expected === "string" && isNear(actual, expected);
  }
  const [own, other] = [actual.buckets ?? [], expected.buckets ?? []];
  if (
    !isNear(actual.count, expected.count) ||
    !isNear(actual.sum, expected.sum) ||
    own.length !== other.length
  )
    return false;
  return own.every(([rule, lower, upper, count], at) => {
    const [otherRule, otherLower, otherUpper, otherCount] = other[at]!;
    return (
      rule === otherRule &&
      isNear(lower, otherLower) &&
      isNear(upper, otherUpper) &&
      isNear(count, otherCount)
    );
  });
}

/** Of numbers as text. */
export function isNear(actual: string, expected: string): boolean {
  if (actual === expected) return true;
  const [a, b] = [parseNumber(actual), parseNumber(expected)];
  if (Object.is(a, b) || a === b) return true;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return false;
  // Halves, so that the distance of the largest numbers is still one.
  return Math.abs(a / 2 - b / 2) <= (TOLERANCE * Math.max(Math.abs(a), Math.abs(b))) / 2;
}

function parseNumber(text: string): number {
  return text === "+Inf"
    ? Number.POSITIVE_INFINITY
    : text === "-Inf"
      ? Number.NEGATIVE_INFINITY
      : Number(text);
}

function orderDifference(
  { query }: QueryRequest,
  resultType: "vector" | "matrix",
  actual: readonly SeriesAnswer[],
  expected: readonly SeriesAnswer[],
): Difference | null {
  const orderOf = (all: readonly SeriesAnswer[], as: (series: SeriesAnswer) => string): string =>
    all.map(as).join("\n");
  const byLabels = resultType === "matrix" || SORTS_BY_LABEL.test(query);
  // Where values are equal, the order among them is open.
  const byValue = resultType === "vector" && SORTS_BY_VALUE.test(query);
  if (
    byLabels &&
    orderOf(actual, ({ metric }) => seriesKey(metric)) !==
      orderOf(expected, ({ metric }) => seriesKey(metric))
  ) {
    return {
      what: "order",
      text: `series in another order: ${orderOf(actual, ({ metric }) => seriesKey(metric)).slice(0, 400)}`,
    };
  }
  const numberOf = ({ value, histogram }: SeriesAnswer): string => value?.[1] ?? histogram?.[1].sum ?? "";
  if (byValue && !actual.every((series, at) => isNear(numberOf(series), numberOf(expected[at]!)))) {
    return { what: "order", text: `values in another order: ${orderOf(actual, numberOf)}` };
  }
  return null;
}

const OMITTED = / annotations omitted$/;

/** At most ten come, chosen by chance where there are more. */
function annotationDifference(
  what: "warnings" | "infos",
  actual: readonly string[],
  expected: readonly string[],
): Difference | null {
  const text = (all: readonly string[]): string => [...all].sort().join("\n");
  if (text(actual) === text(expected)) return null;
  const omitted = (all: readonly string[]): string => all.filter((one) => OMITTED.test(one)).join();
  if (omitted(expected) !== "" && omitted(actual) === omitted(expected) && actual.length === expected.length)
    return null;
  return {
    what: "annotation",
    text: `${what} ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`,
  };
}
