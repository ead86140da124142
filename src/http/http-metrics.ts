import { type Counter, type Histogram, labelText, type MetricRegistry } from "../base/self-metrics.js";

const DURATION_BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** What one route counts; it shows in `/metrics` from its first request on. */
export class RouteMetrics {
  private readonly registry: MetricRegistry;
  private readonly route: string;
  private readonly byStatus: Counter[] = [];
  private durations: Histogram | undefined;

  constructor(registry: MetricRegistry, route: string) {
    this.registry = registry;
    this.route = route;
  }

  record(status: number, durationMs: number): void {
    let counter = this.byStatus[status];
    if (counter === undefined) {
      counter = this.registry.counter(
        "varve_http_requests_total",
        "HTTP requests answered, by handler and status code.",
        labelText({ handler: this.route, code: String(status) }),
      );
      this.byStatus[status] = counter;
    }
    counter.add();
    this.durations ??= this.registry.histogram(
      "varve_http_request_duration_seconds",
      "Time from the request's headers to its answer.",
      DURATION_BOUNDS,
      labelText({ handler: this.route }),
    );
    this.durations.observe(durationMs / 1000);
  }
}
