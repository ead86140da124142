/** From a read request's parameters to the bytes of its answer; runs on a query thread. */
import { RefusalError } from "../base/errors.js";
import { compareLabels, compareUtf8, type Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { Expr } from "../promql/parse/ast.js";
import { exprToJson } from "../promql/parse/ast-json.js";
import { parseExpr, parseMetricSelector } from "../promql/parse/parser.js";
import { prettyExpr } from "../promql/parse/pretty-printer.js";
import { type EvaluationOptions, evaluateInstant, evaluateRange } from "../promql/query.js";
import type { Queryable } from "../storage/queryable.js";
import { limitList, limitResult } from "../wire/limit-result.js";
import {
  type InstantQuery,
  inParameter,
  paramOf,
  parseInstantQuery,
  parseLabelsParams,
  parseLabelValuesParams,
  parseRangeQuery,
  parseSeriesParams,
  type QueryOptions,
  type RangeQuery,
  requireNonEmptyMatchers,
  type SelectionParams,
} from "../wire/params.js";
import {
  encodeData,
  encodeError,
  encodeQueryResult,
  encodeSeries,
  encodeStrings,
} from "../wire/prometheus-json.js";
import type { QueryAnswer, QueryRequest } from "./contract.js";
import type { QueryLanguage } from "./query-language.js";
import { answerRead, type ReadLimits } from "./read-answer.js";

/** What every query of a server shares. */
export interface QueryDefaults extends ReadLimits {
  readonly lookbackDeltaMs: number;
  readonly samplesMax: number;
  readonly language: QueryLanguage;
  readonly timeoutMs: number;
}

/** Told the longest time the query may take, gives the control that watches it. */
export type StartControl = (timeoutMs: number) => NonNullable<EvaluationOptions["control"]>;

/** Answers any read request. Errors are answers, too: nothing is thrown. */
export function answerQuery(
  request: QueryRequest,
  queryable: Queryable,
  defaults: QueryDefaults,
  nowMs: number,
  startControl: StartControl,
): QueryAnswer {
  try {
    switch (request.kind) {
      case "query":
        return instant(parseInstantQuery(request.params, nowMs), queryable, defaults, startControl);
      case "query_range":
        return range(parseRangeQuery(request.params), queryable, defaults, startControl);
      case "series":
        return series(parseSeriesParams(request.params), queryable, startControl(defaults.timeoutMs));
      case "labels":
        return labelNames(parseLabelsParams(request.params), queryable);
      case "label_values":
        return labelValues(request.labelName ?? "", request, queryable);
      case "format_query":
        return encodeData(prettyExpr(parseQueryParam(request)));
      case "read":
        return answerRead(request, queryable, defaults, startControl(defaults.timeoutMs));
      case "parse_query":
        return encodeData(exprToJson(parseQueryParam(request)));
      default:
        throw new RefusalError("unsupported", `${request.kind} is not supported yet`);
    }
  } catch (error) {
    return encodeError(error);
  }
}

function evaluationOptions(
  query: QueryOptions,
  defaults: QueryDefaults,
  startControl: StartControl,
): EvaluationOptions {
  const timeoutMs = Math.min(query.timeoutMs ?? defaults.timeoutMs, defaults.timeoutMs);
  return {
    ...defaults.language,
    lookbackDeltaMs: query.lookbackDeltaMs === 0 ? defaults.lookbackDeltaMs : query.lookbackDeltaMs,
    maxSamples: defaults.samplesMax,
    control: startControl(timeoutMs),
  };
}

function instant(
  query: InstantQuery,
  queryable: Queryable,
  defaults: QueryDefaults,
  startControl: StartControl,
): QueryAnswer {
  const options = evaluationOptions(query, defaults, startControl);
  const result = inQuery(() => evaluateInstant(query.query, queryable, query.timeMs, options));
  return encodeQueryResult(limitResult(result, query.limit));
}

function range(
  query: RangeQuery,
  queryable: Queryable,
  defaults: QueryDefaults,
  startControl: StartControl,
): QueryAnswer {
  const options = evaluationOptions(query, defaults, startControl);
  const { startMs, endMs, stepMs } = query;
  const result = inQuery(() => evaluateRange(query.query, queryable, startMs, endMs, stepMs, options));
  return encodeQueryResult(limitResult(result, query.limit));
}

function parseQueryParam(request: QueryRequest): Expr {
  return inQuery(() => parseExpr(paramOf(request.params, "query")));
}

/** What the parser refuses is refused in the words of the API. */
function inQuery<T>(evaluate: () => T): T {
  return inParameter("query", evaluate);
}

/** The matcher sets of `match[]`; none where there is none. */
function matcherSets(params: SelectionParams): (readonly Matcher[])[] {
  const sets = params.matches.map((text) => parseMetricSelector(text));
  requireNonEmptyMatchers(sets);
  return sets;
}

function series(
  params: SelectionParams,
  queryable: Queryable,
  control: NonNullable<EvaluationOptions["control"]>,
): QueryAnswer {
  const found = new Map<string, Labels>();
  // Of all endpoints with `match[]`, Prometheus names the parameter for this one only.
  for (const matchers of inParameter("match[]", () => matcherSets(params))) {
    const set = queryable.select(matchers, params.startMs, params.endMs);
    for (let i = 0; i < set.count; i++) {
      if ((i & 1023) === 0) control.checkpoint();
      const labels = set.labels(i);
      found.set(labels.key, labels);
    }
  }
  const { items, warnings } = limitList([...found.values()].sort(compareLabels), params.limit);
  return encodeSeries(items, warnings);
}

/** The union of what each matcher set gives; of everything where there is no set. */
function unionOf(
  params: SelectionParams,
  read: (matchers: readonly Matcher[]) => readonly string[],
): QueryAnswer {
  const sets = matcherSets(params);
  const lists = sets.length === 0 ? [read([])] : sets.map(read);
  const all = lists.length === 1 ? (lists[0] ?? []) : [...new Set(lists.flat())].sort(compareUtf8);
  const { items, warnings } = limitList(all, params.limit);
  return encodeStrings(items, warnings);
}

function labelNames(params: SelectionParams, queryable: Queryable): QueryAnswer {
  return unionOf(params, (matchers) => queryable.labelNames(matchers, params.startMs, params.endMs));
}

function labelValues(name: string, request: QueryRequest, queryable: Queryable): QueryAnswer {
  const params = parseLabelValuesParams(name, request.params);
  return unionOf(params, (matchers) => queryable.labelValues(name, matchers, params.startMs, params.endMs));
}
