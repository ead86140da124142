/** What the corpus holds, as the query generator sees it. */
import type { WireSeries } from "../support/remote-write.js";

export type MetricKind = "counter" | "gauge" | "bucket" | "native";

export interface Metric {
  readonly name: string;
  readonly kind: MetricKind;
  /** Without the name; every value that a series has. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  /** Each series' labels, without the name. */
  readonly series: readonly (readonly (readonly [string, string])[])[];
  /** The usual time between two samples of a series. */
  readonly intervalMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface Vocabulary {
  readonly metrics: readonly Metric[];
  readonly byKind: Readonly<Record<MetricKind, readonly Metric[]>>;
  /** Whether queries may use what Prometheus has had since 3.5. */
  readonly newer: boolean;
}

export function vocabularyOf(series: readonly WireSeries[], newer = false): Vocabulary {
  const families = new Map<string, WireSeries[]>();
  for (const one of series) {
    const name = one.labels.find(([label]) => label === "__name__")![1];
    families.set(name, [...(families.get(name) ?? []), one]);
  }
  const metrics = [...families].map(([name, family]) => metricOf(name, family));
  const of = (kind: MetricKind): Metric[] => metrics.filter((metric) => metric.kind === kind);
  return {
    metrics,
    byKind: { counter: of("counter"), gauge: of("gauge"), bucket: of("bucket"), native: of("native") },
    newer,
  };
}

function metricOf(name: string, family: readonly WireSeries[]): Metric {
  const labels = new Map<string, string[]>();
  const timesMs: number[] = [];
  let intervalMs = Number.POSITIVE_INFINITY;
  for (const { labels: pairs, samples = [], histograms = [] } of family) {
    for (const [label, value] of pairs) {
      if (label === "__name__") continue;
      const values = labels.get(label) ?? [];
      if (!values.includes(value)) labels.set(label, [...values, value]);
    }
    const own = [...samples, ...histograms].map(({ timestamp = 0 }) => timestamp).sort((a, b) => a - b);
    timesMs.push(own[0]!, own.at(-1)!);
    if (own.length > 1) intervalMs = Math.min(intervalMs, own[1]! - own[0]!);
  }
  return {
    name,
    kind: family.some(({ histograms = [] }) => histograms.length > 0) ? "native" : kindOf(name),
    labels,
    series: family.map(({ labels: pairs }) => pairs.filter(([label]) => label !== "__name__")),
    intervalMs,
    firstMs: Math.min(...timesMs),
    lastMs: Math.max(...timesMs),
  };
}

function kindOf(name: string): MetricKind {
  if (name.endsWith("_bucket")) return "bucket";
  return /_(total|count|sum)$/.test(name) ? "counter" : "gauge";
}
