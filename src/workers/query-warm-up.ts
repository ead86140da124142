/**
 * Code that ran a few times is many times slower than code that ran often, and a dashboard's queries come a few at a
 * time. So a new query thread asks itself the usual questions about made-up series, between its other work, and
 * throws the answers away: most of what evaluates queries is compiled before the first of them comes.
 */
import { systemClock } from "../base/clock.js";
import { Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { Queryable, SeriesSet } from "../storage/queryable.js";
import type { SampleView } from "../storage/sample-view.js";
import type { QueryRequest } from "./contract.js";

/** Evaluates a request and makes its answer, as for a client. */
export type Answer = (request: QueryRequest, queryable: Queryable) => void;

/** After a start those who write have much to send, and the processor is theirs. */
const DELAY_MS = 15_000;
/** Work in all. */
const BUDGET_MS = 1000;
/** Pauses are so many times as long as the piece before; what came in meanwhile goes first. */
const PAUSE = 3;
const INTERVAL_MS = 15_000;
const SAMPLES = 480;
const INSTANCES = 6;
const MODES: readonly string[] = ["idle", "iowait", "nice", "softirq", "system", "user"];
const STEP_SECONDS = 30;
const NO_RESETS = new Int32Array(0);

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
export function warmUp(answer: Answer): void {
  setTimeout(() => new WarmUp(answer).piece(), DELAY_MS).unref();
}

class WarmUp {
  private readonly answer: Answer;
  private readonly nowMs = Math.floor(systemClock.nowMs() / 1000) * 1000;
  private readonly series = new MadeUpSeries(this.nowMs);
  private asked = 0;
  private spentMs = 0;

  constructor(answer: Answer) {
    this.answer = answer;
  }

  piece(): void {
    const startMs = systemClock.monotonicMs();
    this.answer(
      requestOf(WARM_UP_QUERIES[this.asked++ % WARM_UP_QUERIES.length] as string, this.nowMs),
      this.series,
    );
    const tookMs = systemClock.monotonicMs() - startMs;
    this.spentMs += tookMs;
    if (this.spentMs < BUDGET_MS) setTimeout(() => this.piece(), PAUSE * tookMs).unref();
  }
}

/** The query over all that the made-up series have. */
export function requestOf(query: string, nowMs: number): QueryRequest {
  const params: [string, string][] = [
    ["query", query],
    ["start", String((nowMs - SAMPLES * INTERVAL_MS) / 1000)],
    ["end", String(nowMs / 1000)],
    ["step", String(STEP_SECONDS)],
  ];
  return { kind: "query_range", params };
}

/** The same series under every name; all of them were scraped together. */
export class MadeUpSeries implements Queryable {
  private readonly firstMs: number;
  private readonly timestamps = new Float64Array(SAMPLES);
  private readonly values: readonly Float64Array[];

  constructor(endMs: number) {
    this.firstMs = endMs - SAMPLES * INTERVAL_MS;
    for (let i = 0; i < SAMPLES; i++) this.timestamps[i] = this.firstMs + i * INTERVAL_MS;
    this.values = Array.from({ length: INSTANCES * MODES.length }, (_, series) =>
      Float64Array.from({ length: SAMPLES }, (_, i) => 1000 + i * (series + 1.1)),
    );
  }

  select(matchers: readonly Matcher[]): SeriesSet {
    const name = matchers.find((matcher) => matcher.name === "__name__")?.value ?? "";
    const indexOf = (timestamp: number): number =>
      Math.min(Math.max(Math.ceil((timestamp - this.firstMs) / INTERVAL_MS), 0), SAMPLES);
    const view = (index: number, mint: number, maxt: number, target: SampleView): boolean => {
      const values = this.values[index] as Float64Array;
      target.show(this.timestamps, values, indexOf(mint), indexOf(maxt + 1), true, NO_RESETS);
      return true;
    };
    return {
      count: this.values.length,
      sorted: true,
      labels: (index) =>
        new Labels([
          "__name__",
          name,
          "instance",
          `10.0.0.${Math.floor(index / MODES.length)}:9100`,
          "mode",
          MODES[index % MODES.length] as string,
        ]),
      read: (index, mint, maxt, columns) => {
        const [from, to] = [indexOf(mint), indexOf(maxt + 1)];
        columns.clear();
        columns.reserve(to - from);
        columns.timestamps.set(this.timestamps.subarray(from, to));
        columns.values.set((this.values[index] as Float64Array).subarray(from, to));
        columns.count = to - from;
      },
      view,
    };
  }

  labelNames(): string[] {
    return [];
  }

  labelValues(): string[] {
    return [];
  }
}
