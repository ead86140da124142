/**
 * Code that ran a few times is many times slower than code that ran often, and a dashboard's queries come a few at a
 * time. So a new query thread asks itself the usual questions between its other work, about some of the series that
 * it has and about made-up ones while it has none, and throws the answers away: most of what selects, reads and
 * evaluates is compiled before the first query comes.
 */
import { systemClock } from "../base/clock.js";
import type { StoredParts } from "../db/query-thread.js";
import type { HeadReader } from "../head/head-reader.js";
import type { Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { Queryable } from "../storage/queryable.js";
import type { QueryRequest } from "./contract.js";
import { MadeUpSeries } from "./made-up-series.js";

/** What a query thread lends its warm-up. */
export interface WarmUpHost {
  /** Evaluates a request and makes its answer, as for a client. */
  answer(request: QueryRequest, queryable: Queryable, parts: StoredParts): void;
  /** Runs `work` on what is stored. */
  run(work: (queryable: Queryable, parts: StoredParts) => void): void;
}

/** After a start those who write have much to send, and the processor is theirs. Then what is stored changes: blocks come. */
const ROUND_MS = 15_000;
/** Work of each round. */
const ROUND_BUDGETS_MS: readonly number[] = [1000, 250, 250, 250, 250];
/** Pauses are so many times as long as the piece before; what came in meanwhile goes first. */
const PAUSE = 3;
const RANGE_MS = 4 * 3_600_000;
const STEPS = 240;
/**
 * With each question go so many about next to nothing: what runs once for a query, from parsing it to writing the
 * answer, has to run often, too, and would not among samples.
 */
const SMALL_QUESTIONS = 8;
const SMALL_RANGE_MS = 120_000;
const SMALL_STEPS = 4;
/** Of the questions one is about a single time; no divisor of how many queries there are, so that each is. */
const INSTANT_EVERY = 5;
/** Of one question. */
const SERIES_MAX = 100;
/** Labels of more series come last: reading the list of them takes long. */
const POSTINGS_MAX = 20_000;
/** Series that are looked at, to find some that are still written. */
const REFS_LOOKED_AT = 1000;
/** More than there are queries, and no multiple: each query comes to ask about each. */
const SELECTORS = 17;

/** Of rates and of gauges, as dashboards have them. */
export const WARM_UP_QUERIES: readonly string[] = [
  "sum by (instance) (rate(requests_total[5m]))",
  '100 - avg without (mode) (rate(requests_total{mode!="idle"}[5m])) * 100',
  'sum(irate(requests_total{mode=~"user|system"}[5m]))',
  "topk(5, increase(requests_total[5m]))",
  "max_over_time(rate(requests_total[5m])[30m:1m])",
  "load_average",
  "1 - load_average / load_average",
  "count(load_average)",
  "max by (instance) (load_average) > 0",
  "quantile by (mode) (0.9, load_average)",
  "max_over_time(load_average[1h])",
  "avg_over_time(load_average[10m])",
];

/** Begins in a while and ends by itself; nothing it does can fail a query. */
export function warmUp(host: WarmUpHost): void {
  detachOnce();
  for (const [i, budgetMs] of ROUND_BUDGETS_MS.entries()) {
    setTimeout(() => new Round(host).piece(budgetMs), ROUND_MS * (i + 1)).unref();
  }
}

/**
 * V8 compiles as if no buffer ever lost its memory, until one does; then all code that reads arrays is thrown away.
 * An answer's buffer is handed over and loses its memory: that would be the first query, and all warmth gone with it.
 */
function detachOnce(): void {
  const buffer = new ArrayBuffer(1);
  structuredClone(buffer, { transfer: [buffer] });
}

class Round {
  private readonly host: WarmUpHost;
  private readonly nowMs = Math.floor(systemClock.nowMs() / 1000) * 1000;
  private selectors: readonly (readonly Matcher[])[] | null = null;
  private asked = 0;

  constructor(host: WarmUpHost) {
    this.host = host;
  }

  piece(budgetMs: number): void {
    const startMs = systemClock.monotonicMs();
    try {
      this.host.run((stored, parts) => this.ask(stored, parts));
    } catch {
      // The next query meets the same and says so.
    }
    const tookMs = systemClock.monotonicMs() - startMs;
    if (tookMs < budgetMs) setTimeout(() => this.piece(budgetMs - tookMs), PAUSE * tookMs).unref();
  }

  private ask(stored: Queryable, parts: StoredParts): void {
    const asked = this.asked++;
    this.selectors ??= selectorsOf(parts.head, this.nowMs);
    const query = WARM_UP_QUERIES[asked % WARM_UP_QUERIES.length] as string;
    const selector = this.selectors[asked % this.selectors.length];
    const isInstant = asked % INSTANT_EVERY === 0;
    // What was just written of many series is read straight from the head.
    const store = isInstant ? parts.head : stored;
    const series =
      selector === undefined ? new MadeUpSeries(this.nowMs, RANGE_MS) : alwaysSelecting(selector, store);
    const request = isInstant ? instantRequest(query, this.nowMs) : rangeRequest(query, this.nowMs, RANGE_MS);
    this.host.answer(request, series, parts);
    for (let i = 1; i <= SMALL_QUESTIONS; i++) {
      const small = WARM_UP_QUERIES[(asked + i) % WARM_UP_QUERIES.length] as string;
      this.host.answer(rangeRequest(small, this.nowMs, SMALL_RANGE_MS, SMALL_STEPS), series, parts);
    }
  }
}

/** Each selects some series of the head, by name and as few other labels as it takes; [] where the head has none. */
export function selectorsOf(head: HeadReader, nowMs: number): Matcher[][] {
  const refs = head.someRefs(REFS_LOOKED_AT, nowMs - RANGE_MS, nowMs);
  const selectors: Matcher[][] = [];
  for (let i = 0; i < SELECTORS && i < refs.length; i++) {
    selectors.push(selectorOf(head, head.labels(refs[Math.floor((i * refs.length) / SELECTORS)] as number)));
  }
  return selectors;
}

/** The most common of its labels first, since what few series have leaves fewer than there could be. */
function selectorOf(head: HeadReader, labels: Labels): Matcher[] {
  const selector: Matcher[] = [{ name: "__name__", op: "=", value: labels.get("__name__") }];
  const others = [...labels]
    .filter(([name]) => name !== "__name__")
    .map(([name, value]) => ({ name, value, count: head.countLabel(name, value) }))
    .sort((a, b) => b.count - a.count);
  const isCheap = (label: (typeof others)[number]): boolean => label.count <= POSTINGS_MAX;
  const inTurn = [...others.filter(isCheap), ...others.filter((label) => !isCheap(label))];
  for (const { name, value } of inTurn) {
    if (head.find(selector).length <= SERIES_MAX) break;
    selector.push({ name, op: "=", value });
  }
  return selector;
}

function alwaysSelecting(matchers: readonly Matcher[], stored: Queryable): Queryable {
  return {
    select: (_, mint, maxt) => stored.select(matchers, mint, maxt),
    labelNames: () => [],
    labelValues: () => [],
  };
}

/** The query over a range up to now. */
export function rangeRequest(
  query: string,
  nowMs: number,
  rangeMs: number,
  steps: number = STEPS,
): QueryRequest {
  const params: [string, string][] = [
    ["query", query],
    ["start", String((nowMs - rangeMs) / 1000)],
    ["end", String(nowMs / 1000)],
    ["step", String(rangeMs / steps / 1000)],
  ];
  return { kind: "query_range", params };
}

/** The query at one time. */
export function instantRequest(query: string, nowMs: number): QueryRequest {
  return {
    kind: "query",
    params: [
      ["query", query],
      ["time", String(nowMs / 1000)],
    ],
  };
}
