import { type Counter, type Histogram, labelText, type MetricRegistry } from "../base/self-metrics.js";

const SECONDS_BOUNDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60];

/** What the query threads do, in `/metrics`. */
export class QueryMetrics {
  readonly samples: Counter;
  readonly slow: Counter;
  readonly refused: Counter;
  readonly canceled: Counter;
  readonly waited: Histogram;
  private readonly registry: MetricRegistry;
  private readonly byEndpoint = new Map<string, Histogram>();

  constructor(registry: MetricRegistry, running: () => number, waiting: () => number) {
    this.registry = registry;
    const counter = (name: string, help: string): Counter => registry.counter(`varve_${name}`, help);
    registry.gauge("varve_queries_running", "Queries that have a thread.", running);
    registry.gauge("varve_queries_waiting", "Queries that wait for a thread.", waiting);
    this.samples = counter("query_samples_total", "Samples that queries have read.");
    this.slow = counter("slow_queries_total", "Queries that took longer than --query.log-slow-duration.");
    this.refused = counter("queries_refused_total", "Queries refused because too many were waiting.");
    this.canceled = counter("queries_canceled_total", "Queries whose client went away, or that were ended.");
    this.waited = registry.histogram(
      "varve_query_wait_seconds",
      "Time that queries waited for a thread.",
      SECONDS_BOUNDS,
    );
  }

  answered(endpoint: string, tookMs: number): void {
    let histogram = this.byEndpoint.get(endpoint);
    if (histogram === undefined) {
      histogram = this.registry.histogram(
        "varve_query_seconds",
        "Time from the arrival of a query to its answer, the wait for a thread included.",
        SECONDS_BOUNDS,
        labelText({ endpoint }),
      );
      this.byEndpoint.set(endpoint, histogram);
    }
    histogram.observe(tookMs / 1000);
  }
}
