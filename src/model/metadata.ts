/** The metric types of OpenMetrics, in the numbering of both Remote Write versions. */
export const METRIC_TYPES = [
  "unknown",
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
] as const;
export type MetricType = (typeof METRIC_TYPES)[number];

/** What a sender says about a metric name. */
export interface MetricMetadata {
  readonly metricName: string;
  readonly type: MetricType;
  readonly help: string;
  readonly unit: string;
}
