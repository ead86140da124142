import { RefusalError } from "../base/errors.js";
import { RANGE_POINTS_MAX } from "../base/limits.js";
import { isUtf8, quote } from "../model/go-text.js";
import type { Matcher } from "../model/matcher.js";
import { compileRegexp } from "../model/regexp.js";
import { parseApiDuration, parseBool, parseLimit, parseMetadataLimit, parseTime } from "./param-values.js";

/**
 * The parameters of the query API, judged as Prometheus judges them (web/api/v1/api.go): in the same order, with
 * the same texts. Every function throws RefusalError("bad_data") for what is wrong. The text of a query and of
 * `match[]` is judged by PromQL's parser; `inParameter` puts Prometheus' words around what it says.
 */

/** Parameters in the order in which they came, form body before URL. */
export type Params = readonly (readonly [name: string, value: string])[];

/** The first value of `name`, "" where it is absent. */
export function paramOf(params: Params, name: string): string {
  for (const [key, value] of params) if (key === name) return value;
  return "";
}

/** Every value of `name`. */
export function paramsOf(params: Params, name: string): string[] {
  return params.filter(([key]) => key === name).map(([, value]) => value);
}

/** Runs `parse`; what it refuses is refused as `invalid parameter "name": …`. */
export function inParameter<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RefusalError) || error.code !== "bad_data") throw error;
    throw new RefusalError("bad_data", `invalid parameter "${name}": ${error.message}`);
  }
}

/** Where `start` and `end` may be left out, this is the range: Prometheus' MinTime and MaxTime in milliseconds. */
export const MIN_TIME_MS: number = -9_223_309_901_257_974 * 1000;
export const MAX_TIME_MS: number = 9_223_309_901_257_974 * 1000 + 999;

export interface QueryOptions {
  readonly query: string;
  /** Longest evaluation in milliseconds; null: the server's own bound alone. */
  readonly timeoutMs: number | null;
  /** 0 or less: the server's default. */
  readonly lookbackDeltaMs: number;
  /** Series in the answer; 0: all. */
  readonly limit: number;
  /** "": no statistics in the answer. */
  readonly stats: string;
}

export interface InstantQuery extends QueryOptions {
  readonly timeMs: number;
}

export interface RangeQuery extends QueryOptions {
  readonly startMs: number;
  readonly endMs: number;
  /** At least 1. */
  readonly stepMs: number;
}

/** A request for series, label names or label values. */
export interface SelectionParams {
  /** Texts of `match[]`. */
  readonly matches: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
  /** 0: no limit. */
  readonly limit: number;
}

/** `/query`. `nowMs` is the time of a query that names none. */
export function parseInstantQuery(params: Params, nowMs: number): InstantQuery {
  const limit = parseLimitParam(params);
  const timeMs = parseOptionalTime(params, "time", nowMs);
  return { timeMs, limit, ...parseQueryOptions(params) };
}

/** `/query_range`. */
export function parseRangeQuery(params: Params): RangeQuery {
  const limit = parseLimitParam(params);
  const startMs = inParameter("start", () => parseTime(paramOf(params, "start")));
  const endMs = inParameter("end", () => parseTime(paramOf(params, "end")));
  if (endMs < startMs) throw invalid("end", "end timestamp must not be before start time");
  const stepMs = inParameter("step", () => parseApiDuration(paramOf(params, "step")));
  if (!(stepMs > 0)) throw invalid("step", STEP_TEXT);
  if (Math.floor((endMs - startMs) / stepMs) > RANGE_POINTS_MAX) {
    throw new RefusalError("bad_data", TOO_MANY_POINTS_TEXT);
  }
  // Prometheus divides by zero here: its evaluation knows whole milliseconds only.
  if (stepMs < 1)
    throw invalid("step", "query resolution step widths below one millisecond are not accepted");
  return { startMs, endMs, stepMs: Math.floor(stepMs), limit, ...parseQueryOptions(params) };
}

/** `/series`: at least one `match[]`. */
export function parseSeriesParams(params: Params): SelectionParams {
  if (paramsOf(params, "match[]").length === 0) {
    throw new RefusalError("bad_data", "no match[] parameter provided");
  }
  return parseSelection(params);
}

/** `/labels`. */
export function parseLabelsParams(params: Params): SelectionParams {
  return parseSelection(params);
}

/** `/label/{name}/values`; `labelName` is already unescaped. */
export function parseLabelValuesParams(labelName: string, params: Params): SelectionParams {
  if (labelName === "" || !isUtf8(labelName)) {
    throw new RefusalError("bad_data", `invalid label name: ${quote(labelName)}`);
  }
  return parseSelection(params);
}

/** `/admin/tsdb/delete_series`: at least one `match[]`. */
export function parseDeletionParams(params: Params): Omit<SelectionParams, "limit"> {
  const matches = paramsOf(params, "match[]");
  if (matches.length === 0) throw new RefusalError("bad_data", "no match[] parameter provided");
  const startMs = parseOptionalTime(params, "start", MIN_TIME_MS);
  const endMs = parseOptionalTime(params, "end", MAX_TIME_MS);
  return { matches, startMs, endMs };
}

/** `skip_head` of `/admin/tsdb/snapshot`. */
export function parseSkipHead(params: Params): boolean {
  const text = paramOf(params, "skip_head");
  if (text === "") return false;
  try {
    return parseBool(text);
  } catch (error) {
    const why = error instanceof RefusalError ? error.message : String(error);
    throw invalid("skip_head", `unable to parse boolean: ${why}`);
  }
}

export interface ExemplarsQuery {
  readonly query: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** `/query_exemplars`. */
export function parseExemplarsQuery(params: Params): ExemplarsQuery {
  const startMs = parseOptionalTime(params, "start", MIN_TIME_MS);
  const endMs = parseOptionalTime(params, "end", MAX_TIME_MS);
  if (endMs < startMs) {
    throw new RefusalError("bad_data", "end timestamp must not be before start timestamp");
  }
  return { query: paramOf(params, "query"), startMs, endMs };
}

export interface MetadataParams {
  /** "": all metrics. */
  readonly metric: string;
  /** Metrics in the answer; -1: all. */
  readonly limit: number;
  /** Entries of one metric; -1 or 0: all. */
  readonly limitPerMetric: number;
}

/** `/metadata`. */
export function parseMetadataParams(params: Params): MetadataParams {
  const limit = parseMetadataLimit("limit", paramOf(params, "limit"));
  const limitPerMetric = parseMetadataLimit("limit_per_metric", paramOf(params, "limit_per_metric"));
  return { metric: paramOf(params, "metric"), limit, limitPerMetric };
}

/** Refuses a selection that every series satisfies: each set needs a matcher that the empty string does not. */
export function requireNonEmptyMatchers(sets: readonly (readonly Matcher[])[]): void {
  for (const matchers of sets) {
    if (matchers.every(matchesEmpty)) {
      throw new RefusalError("bad_data", "match[] must contain at least one non-empty matcher");
    }
  }
}

function matchesEmpty({ op, value }: Matcher): boolean {
  if (op === "=") return value === "";
  if (op === "!=") return value !== "";
  return compileRegexp(value).test("") === (op === "=~");
}

const STEP_TEXT = "zero or negative query resolution step widths are not accepted. Try a positive integer";
const TOO_MANY_POINTS_TEXT =
  "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";

function invalid(name: string, message: string): RefusalError {
  return new RefusalError("bad_data", `invalid parameter "${name}": ${message}`);
}

function parseQueryOptions(params: Params): Omit<QueryOptions, "limit"> {
  const timeout = paramOf(params, "timeout");
  const timeoutMs = timeout === "" ? null : inParameter("timeout", () => parseApiDuration(timeout));
  const lookback = paramOf(params, "lookback_delta");
  return {
    query: paramOf(params, "query"),
    timeoutMs,
    lookbackDeltaMs: lookback === "" ? 0 : parseLookback(lookback),
    stats: paramOf(params, "stats"),
  };
}

/** How long a request may take: its own `timeout`, where that is right, and at most the server's. */
export function queryTimeoutMs(params: Params, timeoutMsMax: number): number {
  const timeout = paramOf(params, "timeout");
  if (timeout === "") return timeoutMsMax;
  try {
    return Math.min(parseApiDuration(timeout), timeoutMsMax);
  } catch {
    return timeoutMsMax;
  }
}

function parseLookback(text: string): number {
  try {
    return Math.floor(parseApiDuration(text));
  } catch (error) {
    const why = error instanceof RefusalError ? error.message : String(error);
    throw new RefusalError("bad_data", `error parsing lookback delta duration: ${why}`);
  }
}

function parseSelection(params: Params): SelectionParams {
  const limit = parseLimitParam(params);
  const startMs = parseOptionalTime(params, "start", MIN_TIME_MS);
  const endMs = parseOptionalTime(params, "end", MAX_TIME_MS);
  return { matches: paramsOf(params, "match[]"), startMs, endMs, limit };
}

function parseLimitParam(params: Params): number {
  return inParameter("limit", () => parseLimit(paramOf(params, "limit")));
}

function parseOptionalTime(params: Params, name: string, defaultMs: number): number {
  const text = paramOf(params, name);
  if (text === "") return defaultMs;
  try {
    return parseTime(text);
  } catch (error) {
    const why = error instanceof RefusalError ? error.message : String(error);
    throw invalid(name, `invalid time value for '${name}': ${why}`);
  }
}
