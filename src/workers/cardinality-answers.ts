/** Where series are and where they come from: `/api/v1/admin/cardinality`, on a query thread. */
import { RefusalError } from "../base/errors.js";
import { CARDINALITY_ROWS_MAX } from "../base/limits.js";
import type { StoredParts } from "../db/query-thread.js";
import { type Cardinality, type CountedName, sorted } from "../head/head-cardinality.js";
import { union } from "../index/postings.js";
import { METRIC_NAME } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import { parseMetricSelector } from "../promql/parse/parser.js";
import type { Queryable, QueryControl } from "../storage/queryable.js";

import { inParameter, paramOf, parseLabelsParams } from "../wire/params.js";
import { encodeData, encodeError } from "../wire/prometheus-json.js";
import type { QueryAnswer, QueryKind, QueryRequest } from "./contract.js";

const LIMIT_DEFAULT = 10;

export function isCardinalityKind(kind: QueryKind): boolean {
  return kind === "cardinality" || kind === "count_series";
}

/** What the main thread adds to a request. */
export interface CardinalityContext {
  /** Refs given out when the time began that churn is told for, series made since then, and how long ago it was. */
  readonly countBefore: number;
  readonly created: number;
  readonly windowMs: number;
  /** For `count_series`: the matchers of each budget, and the ref below which series count. */
  readonly budgets?: readonly (readonly Matcher[])[];
  readonly seriesEnd?: number;
  /** Shown as it is. */
  readonly senders?: unknown;
}

/** Errors are answers: nothing is thrown. */
export function answerCardinality(
  request: QueryRequest,
  queryable: Queryable,
  parts: StoredParts,
  control: QueryControl,
): QueryAnswer {
  try {
    const context = request.context as CardinalityContext;
    if (request.kind === "count_series") return encodeData(countBudgets(parts, context));
    return encodeData(describe(request, queryable, parts, control, context));
  } catch (error) {
    return encodeError(error);
  }
}

function countBudgets({ head }: StoredParts, { budgets = [], seriesEnd = 0 }: CardinalityContext): number[] {
  return budgets.map((matchers) => head.countSeries(matchers, seriesEnd));
}

function describe(
  { params }: QueryRequest,
  queryable: Queryable,
  parts: StoredParts,
  control: QueryControl,
  context: CardinalityContext,
): unknown {
  const limit = parseLimit(paramOf(params, "limit"));
  const label = paramOf(params, "label");
  const timed = paramOf(params, "start") !== "" || paramOf(params, "end") !== "";
  const { matches, startMs, endMs } = parseLabelsParams(params);
  const sets = inParameter("match[]", () => matches.map((text) => parseMetricSelector(text)));
  const checkpoint = (): void => control.checkpoint();
  const { head, blocks } = parts;
  const inBlocks = timed && blocks.blocks.some(({ meta }) => meta.minTime <= endMs && meta.maxTime > startMs);
  let counts: Omit<Cardinality, "labelBytes">;
  if (inBlocks) counts = ofEverything(queryable, sets, startMs, endMs, limit, label, checkpoint);
  else if (!timed && sets.length === 0) counts = head.cardinality.whole(limit, label, checkpoint);
  else {
    const refs = union((sets.length === 0 ? [[]] : sets).map((set) => head.refs(set, startMs, endMs)));
    counts = head.cardinality.of(refs, limit, label, checkpoint);
  }
  const { seriesCount, labelPairCount, metrics, labelNames, labelPairs, labelValues } = counts;
  return {
    seriesCount,
    labelPairCount,
    metrics,
    labelNames,
    labelPairs,
    ...(label === "" ? {} : { labelValues }),
    churn: churn(parts, context, limit, checkpoint),
    senders: context.senders ?? [],
  };
}

/**
 * New series of the last hour: how many, of which metrics, and which labels have the most values among them. Of those
 * that took the ref of a series that has ended, the number alone is known.
 */
function churn(
  { head }: StoredParts,
  { countBefore, created, windowMs }: CardinalityContext,
  limit: number,
  checkpoint: () => void,
): unknown {
  const made = head.cardinality.of(head.cardinality.since(countBefore), limit, "", checkpoint);
  return {
    windowSeconds: Math.round(windowMs / 1000),
    newSeries: created,
    newSeriesPerHour: windowMs <= 0 ? 0 : Math.round((created * 3_600_000) / Math.max(windowMs, 60_000)),
    metrics: made.metrics,
    labelNames: made.labelNames,
  };
}

/** Head and blocks as one, series by series: for ranges of time that blocks have a part of. */
function ofEverything(
  queryable: Queryable,
  sets: readonly (readonly Matcher[])[],
  startMs: number,
  endMs: number,
  limit: number,
  label: string,
  checkpoint: () => void,
): Omit<Cardinality, "labelBytes"> {
  const metrics = new Map<string, number>();
  const values = new Map<string, number>();
  const pairs = new Map<string, Map<string, number>>();
  const seen = sets.length > 1 ? new Set<string>() : null;
  let seriesCount = 0;
  for (const set of sets.length === 0 ? [[]] : sets) {
    const found = queryable.select(set, startMs, endMs);
    for (let i = 0; i < found.count; i++) {
      if ((i & 1023) === 0) checkpoint();
      const labels = found.labels(i);
      if (seen?.has(labels.key)) continue;
      seen?.add(labels.key);
      seriesCount++;
      for (const [name, value] of labels) {
        const byValue = pairs.get(name) ?? new Map<string, number>();
        if (byValue.size === 0) pairs.set(name, byValue);
        add(byValue, value);
      }
      add(metrics, labels.get(METRIC_NAME));
      if (label !== "" && labels.has(label)) add(values, labels.get(label));
    }
  }
  const allPairs = [...pairs].flatMap(([name, byValue]) =>
    largest(byValue, limit).map(({ name: value, value: series }) => ({
      name: `${name}=${value}`,
      value: series,
    })),
  );
  return {
    seriesCount,
    labelPairCount: [...pairs.values()].reduce((sum, byValue) => sum + byValue.size, 0),
    metrics: largest(metrics, limit),
    labelNames: sorted([...pairs].map(([name, byValue]) => ({ name, value: byValue.size }))).slice(0, limit),
    labelPairs: sorted(allPairs).slice(0, limit),
    labelValues: largest(values, limit),
  };
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function largest(counts: ReadonlyMap<string, number>, limit: number): CountedName[] {
  return sorted([...counts].map(([name, value]) => ({ name, value }))).slice(0, limit);
}

function parseLimit(text: string): number {
  if (text === "") return LIMIT_DEFAULT;
  const limit = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(limit >= 1)) throw new RefusalError("bad_data", "limit must be a positive number");
  return Math.min(limit, CARDINALITY_ROWS_MAX);
}
