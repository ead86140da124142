/** What the two servers hold beside the corpus of the PromQL differential: series of now, exemplars and metadata. */

import { sortedPairs } from "../differential/edge-series.js";
import { BEGIN_MS, STALE } from "../differential/span.js";
import {
  encodeRequestV1,
  snappyCompress,
  type WireMetricMetadata,
  type WireSeries,
} from "../support/remote-write.js";

const ROUNDS = 40;
const INTERVAL_MS = 15_000;

/** For queries without a time, and federation: each value stays what it is. The last sample is at `nowMs`. */
export function recentSeries(nowMs: number): WireSeries[] {
  const of = (labels: Record<string, string>, value: number, endsAfterMs = 0): WireSeries => ({
    labels: sortedPairs(labels),
    samples: Array.from({ length: ROUNDS }, (_, round) => ({
      value,
      timestamp: nowMs - endsAfterMs - (ROUNDS - 1 - round) * INTERVAL_MS,
    })),
  });
  const stale = of({ __name__: "recent_stale", instance: "a" }, 1);
  return [
    of({ __name__: "recent_info", "odd label": "x", version: "v<1>&" }, 1),
    of({ __name__: "recent_up", instance: "a", job: "recent" }, 1),
    of({ __name__: "recent_up", instance: "b", job: "recent" }, 0),
    of({ __name__: "recent_up", job: "recent" }, 2),
    of({ __name__: "recent.dotted name", "http.method": "GET", job: "recent" }, 0.25),
    of({ __name__: "recent_special", kind: "nan" }, Number.NaN),
    of({ __name__: "recent_special", kind: "inf" }, Number.POSITIVE_INFINITY),
    of({ __name__: "recent_special", kind: "small" }, 1e-9),
    of({ __name__: "recent_special", kind: "large" }, 1.5e21),
    { ...stale, samples: [...stale.samples!.slice(0, -1), { value: STALE, timestamp: nowMs }] },
    {
      labels: sortedPairs({ __name__: "recent_native", job: "recent" }),
      histograms: Array.from({ length: ROUNDS }, (_, round) => ({
        schema: 1,
        countInt: 6,
        sum: 12.5,
        zeroThreshold: 0.001,
        zeroCountInt: 1,
        positiveSpans: [
          { offset: 0, length: 2 },
          { offset: 3, length: 1 },
        ],
        positiveDeltas: [1, 1, 0],
        timestamp: nowMs - (ROUNDS - 1 - round) * INTERVAL_MS,
      })),
    },
  ];
}

/** In the corpus' time. */
export function exemplarSeries(): WireSeries[] {
  const of = (labels: Record<string, string>, count: number, note: Record<string, string>): WireSeries => ({
    labels: sortedPairs({ __name__: "exemplar_requests_total", job: "edge", ...labels }),
    samples: Array.from({ length: count }, (_, at) => ({ value: at, timestamp: BEGIN_MS + at * 60_000 })),
    exemplars: Array.from({ length: count }, (_, at) => ({
      labels: sortedPairs({ ...note, trace_id: `trace-${at}` }),
      value: at + 0.5,
      timestamp: BEGIN_MS + at * 60_000 + 1,
    })),
  });
  return [
    of({ code: "200" }, 30, {}),
    of({ code: "404" }, 7, { span: "a<b&c" }),
    of({ code: "500", "http.method": "GET" }, 3, { ünïcode: "日本" }),
  ];
}

/** One entry a metric: Prometheus draws the order of several by lot. */
export const METADATA: readonly WireMetricMetadata[] = [
  { metricName: "recent_up", type: 2, help: "Whether it is up." },
  { metricName: "edge_resets_total", type: 1, help: 'Quotes " and <tags> & \\ more' },
  { metricName: "edge_latency_seconds", type: 3, help: "How long it took.", unit: "seconds" },
  { metricName: "edge_native_seconds", type: 3, help: "", unit: "seconds" },
  { metricName: "edge_summary", type: 5, help: "Zusammenfassung, größer" },
];

/** As OpenMetrics: what a scrape of the same metrics says of them. */
export function metadataExposition(): string {
  const types = ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"];
  const escaped = (text: string): string =>
    text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
  const lines = METADATA.flatMap(({ metricName, type, help = "", unit = "" }) => [
    `# TYPE ${metricName} ${types[type]}`,
    ...(unit === "" ? [] : [`# UNIT ${metricName} ${unit}`]),
    ...(help === "" ? [] : [`# HELP ${metricName} ${escaped(help)}`]),
  ]);
  return `${lines.join("\n")}\n# EOF\n`;
}

/** Compressed bodies of Remote Write 1.0. */
export function apiRequests(nowMs: number): Uint8Array[] {
  return [
    snappyCompress(encodeRequestV1(exemplarSeries(), METADATA)),
    snappyCompress(encodeRequestV1(recentSeries(nowMs))),
  ];
}
