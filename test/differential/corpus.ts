/**
 * What both servers hold: a part of W2's hosts, k6 and Prometheus as recorded, and the edge series, as Remote
 * Write 1.0 requests in the order of time. Every request has its series sorted by labels: where the order of an
 * answer depends on the order in which series were first seen, it is the same for both.
 */
import { loadRecording } from "../../dist-bench/recording.js";
import { hostLabels, sampleTimeMs, sampleValueOffset, workloadOf } from "../../dist-bench/workloads.js";
import {
  type CAPTURES,
  encodeRequestV1,
  messages,
  readCapture,
  snappyCompress,
  snappyUncompress,
  type WireHistogram,
  type WireSeries,
} from "../support/remote-write.js";
import { edgeSeries, seriesOf, sortedPairs } from "./edge-series.js";
import { nativeSeries } from "./native-series.js";
import { patternSeries } from "./patterns.js";
import { BEGIN_MS, END_MS, ROUNDS } from "./span.js";

/** One minute: no series of the corpus has both floats and histograms within less. */
const SLICE_MS = 60_000;
const HOSTS = 4;

/** Of W2's hosts: what dashboards ask for, and what has labels to match by. */
const NODE_METRICS = new RegExp(
  "^(node_cpu_seconds_total|node_load1|node_load5|node_memory_(MemAvailable|MemTotal|MemFree|Cached)_bytes" +
    "|node_network_(receive|transmit)_bytes_total|node_network_up|node_network_info|node_disk_written_bytes_total" +
    "|node_disk_io_time_seconds_total|node_disk_io_now|node_disk_info|node_filesystem_(avail|size)_bytes" +
    "|node_context_switches_total|node_boot_time_seconds|node_uname_info|node_os_info|node_time_seconds" +
    "|node_softnet_processed_total|node_scrape_collector_success|go_gc_duration_seconds.*|process_.*" +
    "|promhttp_metric_handler_requests_total|node_time_clocksource_available_info)$",
);

export function corpusSeries(): WireSeries[] {
  const all = [
    ...nodeSeries(),
    ...targetInfo(),
    ...edgeSeries(),
    ...nativeSeries(),
    ...captureSeries("k6-trend-stats", { atMs: BEGIN_MS + 600_000, stretch: 24 }),
    ...captureSeries("k6-trend-stats", {
      atMs: BEGIN_MS + 4_200_000,
      stretch: 12,
      testid: "checkout-second",
    }),
    ...captureSeries("k6-native-histogram", { atMs: BEGIN_MS + 900_000, stretch: 24 }),
    ...captureSeries("k6-native-histogram", { atMs: BEGIN_MS + 4_500_000, stretch: 12, testid: "second" }),
    ...captureSeries("prometheus-3.5-rw1", { atMs: BEGIN_MS + 1_800_000, stretch: 100, names: SELF_METRICS }),
  ];
  return all.sort((a, b) => compareLabels(a.labels, b.labels));
}

/** Compressed bodies of Remote Write 1.0, each a minute: of `series`, and of the values for patterns. */
export function corpusRequests(series: readonly WireSeries[]): Uint8Array[] {
  const all = [...series, ...patternSeries()].sort((a, b) => compareLabels(a.labels, b.labels));
  return requestsOf(all);
}

function requestsOf(series: readonly WireSeries[]): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  const next = series.map(() => ({ sample: 0, histogram: 0 }));
  for (let endMs = BEGIN_MS + SLICE_MS; endMs <= END_MS; endMs += SLICE_MS) {
    const part: WireSeries[] = [];
    series.forEach(({ labels, samples = [], histograms = [] }, at) => {
      const from = { ...next[at]! };
      while ((samples[next[at]!.sample]?.timestamp ?? endMs) < endMs) next[at]!.sample++;
      while ((histograms[next[at]!.histogram]?.timestamp ?? endMs) < endMs) next[at]!.histogram++;
      const slice = {
        labels,
        samples: samples.slice(from.sample, next[at]!.sample),
        histograms: histograms.slice(from.histogram, next[at]!.histogram),
      };
      if (slice.samples.length + slice.histograms.length > 0) part.push(slice);
    });
    if (part.length > 0) bodies.push(snappyCompress(encodeRequestV1(part)));
  }
  return bodies;
}

function nodeSeries(): WireSeries[] {
  const workload = { ...workloadOf("W2", "full"), hosts: HOSTS, rounds: ROUNDS };
  const recording = loadRecording();
  const values = new DataView(recording.values.buffer, recording.values.byteOffset);
  const wanted = recording.series
    .map((_, at) => at)
    .filter((at) => NODE_METRICS.test(recording.series[at]!.name));
  return Array.from({ length: HOSTS }, (_, host) => host).flatMap((host) =>
    wanted.map((series) => {
      const samples = Array.from({ length: ROUNDS }, (_, round) => ({
        value: values.getFloat64(sampleValueOffset(recording, series, host, round), true),
        timestamp: sampleTimeMs(workload, BEGIN_MS, host, round),
      }));
      const { labels } = hostLabels(recording, series, host);
      return { labels, samples: samples.filter(({ timestamp }) => timestamp < END_MS) };
    }),
  );
}

/** For `info()`: one per host, whose version changes half way on one of them. */
function targetInfo(): WireSeries[] {
  const half = ROUNDS / 2;
  const hosts = Array.from({ length: HOSTS }, (_, host) => hostLabels(loadRecording(), 0, host).labels);
  return hosts.flatMap((labels, host) => {
    const { instance, job } = Object.fromEntries(labels) as Record<string, string>;
    const of = (version: string, from: number, to: number): WireSeries =>
      seriesOf(
        { __name__: "target_info", instance: instance!, job: job!, version, "k8s.cluster": `c${host % 2}` },
        (round) => (round >= from && round < to ? 1 : null),
      );
    return host === 1 ? [of("1.0", 0, half), of("1.1", half, ROUNDS)] : [of("1.0", 0, ROUNDS)];
  });
}

const SELF_METRICS =
  /^prometheus_(http_request_duration_seconds|http_response_size_bytes|tsdb_compaction_).*$/;

interface Placement {
  /** Where the recording's begin comes to lie, and how many times as long it becomes. */
  readonly atMs: number;
  readonly stretch: number;
  readonly testid?: string;
  readonly names?: RegExp;
}

function captureSeries(capture: (typeof CAPTURES)[number], placement: Placement): WireSeries[] {
  const found = new Map<string, WireSeries & { samples: Sample[]; histograms: WireHistogram[] }>();
  let firstMs = Number.POSITIVE_INFINITY;
  for (const { body } of readCapture(capture)) {
    const message = messages.writeRequestV1.decode(snappyUncompress(body));
    const { timeseries = [] } = messages.writeRequestV1.toObject(message, {
      longs: Number,
    }) as DecodedRequest;
    for (const { labels: pairs, samples = [], histograms = [] } of timeseries) {
      const labels = Object.fromEntries(pairs.map(({ name, value }) => [name, value]));
      if (placement.names !== undefined && !placement.names.test(labels["__name__"] ?? "")) continue;
      if (placement.testid !== undefined) labels["testid"] = placement.testid;
      const key = JSON.stringify(sortedPairs(labels));
      const series = found.get(key) ?? { labels: sortedPairs(labels), samples: [], histograms: [] };
      found.set(key, series);
      series.samples.push(...samples);
      series.histograms.push(...histograms);
      for (const { timestamp = 0 } of [...samples, ...histograms]) firstMs = Math.min(firstMs, timestamp);
    }
  }
  const placed = (timestamp: number): number => placement.atMs + (timestamp - firstMs) * placement.stretch;
  return [...found.values()].map(({ labels, samples, histograms }) => ({
    labels,
    samples: samples.map(({ value = 0, timestamp }) => ({ value, timestamp: placed(timestamp) })),
    histograms: histograms.map((histogram) => ({
      ...histogram,
      timestamp: placed(histogram.timestamp ?? 0),
    })),
  }));
}

interface Sample {
  value: number;
  timestamp: number;
}

interface DecodedRequest {
  timeseries?: {
    labels: { name: string; value: string }[];
    samples?: Sample[];
    histograms?: WireHistogram[];
  }[];
}

function compareLabels(a: WireSeries["labels"], b: WireSeries["labels"]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    for (const part of [0, 1] as const) {
      const order = Buffer.compare(Buffer.from(a[i]![part]), Buffer.from(b[i]![part]));
      if (order !== 0) return order;
    }
  }
  return a.length - b.length;
}
