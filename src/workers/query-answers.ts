/** From a read request's parameters to the bytes of its answer; runs on a query thread. */
import { CorruptionError, RefusalError } from "../base/errors.js";
import { compareLabels, compareUtf8, type Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { Expr } from "../promql/parse/ast.js";
import { exprToJson } from "../promql/parse/ast-json.js";
import { parseExpr, parseMetricSelector } from "../promql/parse/parser.js";
import { prettyExpr } from "../promql/parse/pretty-printer.js";
import {
  type EvaluatedQuery,
  type EvaluationOptions,
  evaluateInstant,
  evaluateRange,
} from "../promql/query.js";
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
  type QueryStats,
} from "../wire/prometheus-json.js";
import type { QueryAnswer, QueryRequest } from "./contract.js";
import { answerRules, answerTargetsMetadata } from "./empty-answers.js";
import { answerFederate } from "./federate-answer.js";
import type { QueryLanguage } from "./query-language.js";
import type { QueryOutcome } from "./query-task.js";
import { answerRead, type ReadLimits } from "./read-answer.js";
import { answerSearch } from "./search-answer.js";

/** What every query of a server shares. */
export interface QueryDefaults extends ReadLimits {
  readonly lookbackDeltaMs: number;
  readonly samplesMax: number;
  readonly language: QueryLanguage;
  readonly timeoutMs: number;
  /** Results of a search that may be asked for; 0: any number. */
  readonly searchLimitMax: number;
}

/** Told the longest time the query may take, gives the control that watches it. */
export type StartControl = (timeoutMs: number) => NonNullable<EvaluationOptions["control"]>;

/** What one query has of its own. */
export interface QueryContext {
  /** The time of a query that names none; milliseconds, as the next. */
  readonly nowMs: number;
  /** How long it waited for its thread. */
  readonly waitedMs: number;
  readonly startControl: StartControl;
  /** What the answer must warn of, once everything was read. */
  readonly warnings: () => readonly string[];
}

/** Answers any read request. Errors are answers, too: only CorruptionError is thrown. */
export function answerQuery(
  request: QueryRequest,
  queryable: Queryable,
  defaults: QueryDefaults,
  context: QueryContext,
): QueryOutcome {
  try {
    switch (request.kind) {
      case "query":
        return instant(parseInstantQuery(request.params, context.nowMs), queryable, defaults, context);
      case "query_range":
        return range(parseRangeQuery(request.params), queryable, defaults, context);
      default:
        return { ...answerOther(request, queryable, defaults, context), samples: 0 };
    }
  } catch (error) {
    if (error instanceof CorruptionError) throw error;
    const failure =
      error instanceof RefusalError ? undefined : `${error instanceof Error ? error.stack : error}`;
    return { ...encodeError(error), samples: 0, ...(failure === undefined ? {} : { failure }) };
  }
}

function answerOther(
  request: QueryRequest,
  queryable: Queryable,
  defaults: QueryDefaults,
  context: QueryContext,
): QueryAnswer {
  const { nowMs, startControl } = context;
  switch (request.kind) {
    case "series":
      return series(parseSeriesParams(request.params), queryable, startControl(defaults.timeoutMs), context);
    case "labels":
      return labelNames(parseLabelsParams(request.params), queryable, context);
    case "label_values":
      return labelValues(request.labelName ?? "", request, queryable, context);
    case "format_query":
      return encodeData(prettyExpr(parseQueryParam(request, defaults.language)));
    case "parse_query":
      return encodeData(exprToJson(parseQueryParam(request, defaults.language)));
    case "rules":
      return answerRules(request);
    case "targets_metadata":
      return answerTargetsMetadata(request);
    case "read":
      return answerRead(request, queryable, defaults, startControl(defaults.timeoutMs));
    case "federate":
      return answerFederate(
        request,
        queryable,
        { startMs: nowMs - defaults.lookbackDeltaMs, endMs: nowMs },
        startControl(defaults.timeoutMs),
      );
    case "search_metric_names":
    case "search_label_names":
    case "search_label_values":
      startControl(defaults.timeoutMs);
      return answerSearch(request.kind, request, queryable, {
        nowMs,
        limitMax: defaults.searchLimitMax,
        matcherSets,
        warnings: context.warnings,
      });
    default:
      throw new RefusalError("unsupported", `${request.kind} is not supported yet`);
  }
}

function evaluationOptions(
  query: QueryOptions,
  defaults: QueryDefaults,
  startControl: StartControl,
): EvaluationOptions {
  const timeoutMs = Math.min(query.timeoutMs ?? defaults.timeoutMs, defaults.timeoutMs);
  if (timeoutMs <= 0) throw new RefusalError("timeout", "query timed out in expression evaluation");
  return {
    ...defaults.language,
    countSamples: query.stats !== "",
    lookbackDeltaMs: query.lookbackDeltaMs <= 0 ? defaults.lookbackDeltaMs : query.lookbackDeltaMs,
    maxSamples: defaults.samplesMax,
    control: startControl(timeoutMs),
  };
}

function instant(
  query: InstantQuery,
  queryable: Queryable,
  defaults: QueryDefaults,
  context: QueryContext,
): QueryOutcome {
  const options = evaluationOptions(query, defaults, context.startControl);
  const result = inQuery(() => evaluateInstant(query.query, queryable, query.timeMs, options));
  return encode(result, query, { startMs: query.timeMs, stepMs: 1 }, defaults, context);
}

function range(
  query: RangeQuery,
  queryable: Queryable,
  defaults: QueryDefaults,
  context: QueryContext,
): QueryOutcome {
  const options = evaluationOptions(query, defaults, context.startControl);
  const { startMs, endMs, stepMs } = query;
  const result = inQuery(() => evaluateRange(query.query, queryable, startMs, endMs, stepMs, options));
  return encode(result, query, query, defaults, context);
}

interface Grid {
  readonly startMs: number;
  readonly stepMs: number;
}

function encode(
  result: EvaluatedQuery,
  query: QueryOptions,
  grid: Grid,
  { language }: QueryDefaults,
  { waitedMs, warnings }: QueryContext,
): QueryOutcome {
  const perStep = language.perStepStats && query.stats === "all";
  const stats = query.stats === "" ? null : queryStats(result, grid, waitedMs, perStep);
  const limited = limitResult(result, query.limit);
  const answer = encodeQueryResult({ ...limited, warnings: [...limited.warnings, ...warnings()] }, stats);
  return { ...answer, samples: result.stats.samplesRead };
}

/** In Prometheus' units and names. */
function queryStats({ stats }: EvaluatedQuery, grid: Grid, waitedMs: number, perStep: boolean): QueryStats {
  const { preparationMs, innerMs, sortMs, samplesPeak, counted } = stats;
  const evalMs = preparationMs + innerMs + sortMs;
  const points = (counts: Float64Array | undefined): [number, number][] =>
    Array.from(counts ?? [], (count, s) => [(grid.startMs + s * grid.stepMs) / 1000, count]);
  return {
    timings: {
      evalTotalTime: evalMs / 1000,
      resultSortTime: sortMs / 1000,
      queryPreparationTime: preparationMs / 1000,
      innerEvalTime: innerMs / 1000,
      execQueueTime: waitedMs / 1000,
      execTotalTime: (waitedMs + evalMs) / 1000,
    },
    samples: {
      ...(perStep ? { totalQueryableSamplesPerStep: points(counted?.totalPerStep) } : {}),
      totalQueryableSamples: counted?.total ?? 0,
      ...(perStep ? { samplesReadPerStep: points(counted?.readPerStep) } : {}),
      samplesRead: counted?.read ?? 0,
      peakSamples: samplesPeak,
    },
  };
}

function parseQueryParam(request: QueryRequest, language: QueryLanguage): Expr {
  return inQuery(() => parseExpr(paramOf(request.params, "query"), language));
}

/** What the parser refuses is refused in the words of the API. */
function inQuery<T>(evaluate: () => T): T {
  return inParameter("query", evaluate);
}

/** The matcher sets of `match[]`; none where there is none. */
function matcherSets(texts: readonly string[]): (readonly Matcher[])[] {
  const sets = texts.map((text) => parseMetricSelector(text));
  requireNonEmptyMatchers(sets);
  return sets;
}

function series(
  params: SelectionParams,
  queryable: Queryable,
  control: NonNullable<EvaluationOptions["control"]>,
  context: QueryContext,
): QueryAnswer {
  const found = new Map<string, Labels>();
  // Of all endpoints with `match[]`, Prometheus names the parameter for this one only.
  for (const matchers of inParameter("match[]", () => matcherSets(params.matches))) {
    const set = queryable.select(matchers, params.startMs, params.endMs);
    for (let i = 0; i < set.count; i++) {
      if ((i & 1023) === 0) control.checkpoint();
      const labels = set.labels(i);
      found.set(labels.key, labels);
    }
  }
  const { items, warnings } = limitList([...found.values()].sort(compareLabels), params.limit);
  return encodeSeries(items, [...warnings, ...context.warnings()]);
}

/** The union of what each matcher set gives; of everything where there is no set. */
function unionOf(
  params: SelectionParams,
  context: QueryContext,
  read: (matchers: readonly Matcher[]) => readonly string[],
): QueryAnswer {
  const sets = matcherSets(params.matches);
  const lists = sets.length === 0 ? [read([])] : sets.map(read);
  const all = lists.length === 1 ? (lists[0] ?? []) : [...new Set(lists.flat())].sort(compareUtf8);
  const { items, warnings } = limitList(all, params.limit);
  return encodeStrings(items, [...warnings, ...context.warnings()]);
}

function labelNames(params: SelectionParams, queryable: Queryable, context: QueryContext): QueryAnswer {
  const { startMs, endMs } = params;
  return unionOf(params, context, (matchers) => queryable.labelNames(matchers, startMs, endMs));
}

function labelValues(
  name: string,
  request: QueryRequest,
  queryable: Queryable,
  context: QueryContext,
): QueryAnswer {
  const params = parseLabelValuesParams(name, request.params);
  const { startMs, endMs } = params;
  return unionOf(params, context, (matchers) => queryable.labelValues(name, matchers, startMs, endMs));
}
