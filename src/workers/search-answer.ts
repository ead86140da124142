/** `/api/v1/search/*`: names and values that match what somebody types, as lines of JSON. */

import { RefusalError } from "../base/errors.js";
import { worked } from "../base/patience.js";
import { compareUtf8, METRIC_NAME } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { Queryable } from "../storage/queryable.js";
import { printGoJson } from "../wire/go-json.js";
import { paramOf } from "../wire/params.js";
import { parseIncludeMetadata, parseSearchParams, type SearchParams } from "../wire/search-params.js";
import type { QueryAnswer, QueryRequest } from "./contract.js";
import { type Scorer, scorerOf } from "./search-score.js";

const NDJSON_TYPE = "application/x-ndjson; charset=utf-8";

const ENDPOINTS = {
  search_metric_names: "metric_names",
  search_label_names: "label_names",
  search_label_values: "label_values",
} as const;

type SearchKind = keyof typeof ENDPOINTS;

interface SearchContext {
  readonly nowMs: number;
  /** `--web.search.max-limit`; 0: none. */
  readonly limitMax: number;
  readonly matcherSets: (texts: readonly string[]) => (readonly Matcher[])[];
  readonly warnings: () => readonly string[];
}

interface Found {
  readonly value: string;
  readonly score: number;
}

const encoder = new TextEncoder();
/** Of `worked`. */
const WORK_PER_VALUE = 20;

/** Throws RefusalError. */
export function answerSearch(
  kind: SearchKind,
  { params }: QueryRequest,
  queryable: Queryable,
  context: SearchContext,
): QueryAnswer {
  let sets: (readonly Matcher[])[] = [];
  const search = parseSearchParams(params, ENDPOINTS[kind], context.nowMs, context.limitMax, (texts) => {
    sets = context.matcherSets(texts);
  });
  const label = kind === "search_label_values" ? paramOf(params, "label") : METRIC_NAME;
  if (label === "") throw new RefusalError("bad_data", 'missing required parameter "label"');
  if (kind === "search_metric_names") parseIncludeMetadata(params);
  const { startMs, endMs } = search;
  const lists = (sets.length === 0 ? [[]] : sets).map((matchers) =>
    kind === "search_label_names"
      ? queryable.labelNames(matchers, startMs, endMs)
      : queryable.labelValues(label, matchers, startMs, endMs),
  );
  const values = lists.length === 1 ? (lists[0] ?? []) : [...new Set(lists.flat())].sort(compareUtf8);
  const { found, more } = choose(values, search);
  const member = kind === "search_label_values" ? "value" : "name";
  const rows = found.map(({ value, score }) => ({
    [member]: value,
    ...(search.includeScore ? { score } : {}),
  }));
  const body = encoder.encode(printLines(rows, search.batchSize, more, context.warnings()));
  return { status: 200, body, contentType: NDJSON_TYPE };
}

/** `values` ascend. */
function choose(values: readonly string[], search: SearchParams): { found: Found[]; more: boolean } {
  const scorer: Scorer = scorerOf(search) ?? (() => 1);
  const { order, limit } = search;
  const found: Found[] = [];
  const last = values.length - 1;
  for (let i = 0; i <= last; i++) {
    worked(WORK_PER_VALUE);
    const value = values[order === "value-descending" ? last - i : i] as string;
    const score = scorer(value);
    if (score < 0) continue;
    found.push({ value, score });
    if (order !== "score" && found.length > limit) break;
  }
  // Stable: of equal scores the first value stays first.
  if (order === "score") found.sort((a, b) => b.score - a.score);
  return { found: found.slice(0, limit), more: found.length > limit };
}

/** One batch at least, so that warnings are seen; then how it ended. */
function printLines(
  rows: readonly object[],
  batchSize: number,
  more: boolean,
  warnings: readonly string[],
): string {
  const lines: string[] = [];
  for (let at = 0; at === 0 || at < rows.length; at += batchSize) {
    const results = rows.slice(at, at + batchSize);
    lines.push(printGoJson(at === 0 && warnings.length > 0 ? { results, warnings } : { results }));
  }
  lines.push(printGoJson({ status: "success", has_more: more }));
  return `${lines.join("\n")}\n`;
}

interface MetadataText {
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

/** The lines of `answer` with type, help and unit of each metric, where they are known. */
export function withMetadata(
  answer: QueryAnswer,
  metadataOf: (metric: string) => MetadataText | undefined,
): QueryAnswer {
  const lines = new TextDecoder().decode(answer.body).trimEnd().split("\n");
  const printed = lines.map((line) => {
    const parsed = JSON.parse(line) as { results?: { name: string }[] };
    if (parsed.results === undefined) return line;
    const results = parsed.results.map((row) => {
      const { type = "", help = "", unit = "" } = metadataOf(row.name) ?? {};
      const known = Object.entries({ type, help, unit }).filter(([, text]) => text !== "");
      return { ...row, ...Object.fromEntries(known) };
    });
    return printGoJson({ ...parsed, results });
  });
  return { ...answer, body: encoder.encode(`${printed.join("\n")}\n`) };
}
