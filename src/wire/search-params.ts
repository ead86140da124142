/** The parameters of `/api/v1/search/*`, judged as Prometheus 3.14 judges them (web/api/v1/search.go): same order, same texts. */
import { RefusalError } from "../base/errors.js";
import { quote } from "../model/go-text.js";
import { FALSE_TEXTS, parseTime, TRUE_TEXTS } from "./param-values.js";
import { type Params, paramOf, paramsOf } from "./params.js";

export const FUZZ_ALGORITHMS = ["subsequence", "jarowinkler"] as const;
export type FuzzAlgorithm = (typeof FUZZ_ALGORITHMS)[number];

export interface SearchParams {
  readonly startMs: number;
  readonly endMs: number;
  /** Texts of `match[]`. */
  readonly matches: readonly string[];
  readonly terms: readonly string[];
  /** 0 to 1. */
  readonly threshold: number;
  readonly algorithm: FuzzAlgorithm;
  readonly caseSensitive: boolean;
  readonly includeScore: boolean;
  readonly order: "value" | "value-descending" | "score";
  readonly limit: number;
  readonly batchSize: number;
}

const TERMS_MAX = 32;
const LIMIT_DEFAULT = 100;
const BATCH_DEFAULT = 100;
const HOUR_MS = 3_600_000;

/** `judgeMatches` is called in its turn with the texts of `match[]`. `limitMax` 0: no bound. Throws RefusalError. */
export function parseSearchParams(
  params: Params,
  endpoint: string,
  nowMs: number,
  limitMax: number,
  judgeMatches: (texts: readonly string[]) => void,
): SearchParams {
  const startMs = parseTimeParam(params, "start", nowMs - HOUR_MS);
  const endMs = parseTimeParam(params, "end", nowMs);
  if (endMs < startMs) throw bad("end timestamp must not be before start timestamp");
  const matches = paramsOf(params, "match[]");
  judgeMatches(matches);
  const terms = paramsOf(params, "search[]");
  if (terms.length > TERMS_MAX)
    throw bad(`too many search[] terms: got ${terms.length}, maximum is ${TERMS_MAX}`);
  const threshold = integerParam(params, "fuzz_threshold", 0, (value) => value >= 0 && value <= 100, "0-100");
  const algorithm = paramOf(params, "fuzz_alg") || FUZZ_ALGORITHMS[0];
  if (!isAlgorithm(algorithm))
    throw bad(`unsupported fuzz_alg ${quote(algorithm)}: must be one of [${FUZZ_ALGORITHMS.join(" ")}]`);
  const caseSensitive = booleanParam(params, "case_sensitive", true);
  const includeScore = booleanParam(params, "include_score", false);
  const { sortBy, descending } = parseSort(params, terms);
  const limit = parseLimit(params, limitMax);
  const positive = (value: number): boolean => value > 0;
  const batchSize = integerParam(params, "batch_size", BATCH_DEFAULT, positive, "a positive integer");
  if (sortBy !== "" && sortBy !== "alpha" && sortBy !== "score")
    throw bad(`invalid sort_by ${quote(sortBy)} for ${endpoint}: must be "alpha" or "score"`);
  return {
    startMs,
    endMs,
    matches,
    terms,
    threshold: threshold / 100,
    algorithm,
    caseSensitive,
    includeScore,
    order: sortBy === "score" ? "score" : sortBy === "alpha" && descending ? "value-descending" : "value",
    limit,
    batchSize,
  };
}

/** Of `/search/metric_names`; judged last. */
export function parseIncludeMetadata(params: Params): boolean {
  return booleanParam(params, "include_metadata", false);
}

function parseSort(params: Params, terms: readonly string[]): { sortBy: string; descending: boolean } {
  const sortBy = paramOf(params, "sort_by");
  const direction = paramOf(params, "sort_dir");
  if (direction !== "" && sortBy === "") throw bad("sort_dir is only valid when sort_by is set");
  if (direction !== "" && sortBy === "score") throw bad("sort_dir is not supported for sort_by=score");
  if (direction !== "" && direction !== "asc" && direction !== "dsc")
    throw bad(`invalid sort_dir ${quote(direction)}: must be "asc" or "dsc"`);
  if (sortBy === "score" && terms.length === 0) throw bad("sort_by=score requires search[] to be set");
  return { sortBy, descending: direction === "dsc" };
}

function parseLimit(params: Params, limitMax: number): number {
  const standing = limitMax > 0 ? Math.min(LIMIT_DEFAULT, limitMax) : LIMIT_DEFAULT;
  const limit = integerParam(params, "limit", standing, (value) => value > 0, "a positive integer");
  if (limitMax > 0 && limit > limitMax)
    throw bad(`limit ${limit} exceeds the configured maximum (${limitMax}, see --web.search.max-limit)`);
  return limit;
}

function parseTimeParam(params: Params, name: string, absentMs: number): number {
  const text = paramOf(params, name);
  if (text === "") return absentMs;
  try {
    return parseTime(text);
  } catch (error) {
    const why = error instanceof RefusalError ? error.message : String(error);
    throw bad(`invalid time value for '${name}': ${why}`);
  }
}

function integerParam(
  params: Params,
  name: string,
  absent: number,
  isRight: (value: number) => boolean,
  must: string,
): number {
  const text = paramOf(params, name);
  if (text === "") return absent;
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!isRight(value) || value >= 2 ** 63) throw bad(`invalid ${name} ${quote(text)}: must be ${must}`);
  return value;
}

function booleanParam(params: Params, name: string, absent: boolean): boolean {
  const text = paramOf(params, name);
  if (text === "") return absent;
  if (TRUE_TEXTS.includes(text)) return true;
  if (FALSE_TEXTS.includes(text)) return false;
  throw bad(`invalid ${name} ${quote(text)}: must be boolean`);
}

function isAlgorithm(text: string): text is FuzzAlgorithm {
  return (FUZZ_ALGORITHMS as readonly string[]).includes(text);
}

function bad(message: string): RefusalError {
  return new RefusalError("bad_data", message);
}
