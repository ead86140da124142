/**
 * The cases of the official receiver compliance suite (prometheus/compliance, `remotewrite/receiver`), each under
 * the name it has there, against the real server on both transports.
 */
import * as assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { TRANSPORTS } from "../support/front-end.js";
import {
  encodeRequestV1,
  encodeRequestV2,
  snappyCompress,
  type WireHistogram,
  type WireMetadata,
  type WireSeries,
} from "../support/remote-write.js";
import { startServer } from "../support/server.js";
import { HEADERS_V1, HEADERS_V2, postBody, postV2, type WriteResult } from "../support/write-client.js";

const HOUR_MS = 3_600_000;
const Type = {
  unspecified: 0,
  counter: 1,
  gauge: 2,
  histogram: 3,
  gaugeHistogram: 4,
  summary: 5,
  info: 6,
  stateset: 7,
};

type LabelMap = Readonly<Record<string, string>>;
type Sample = { labels: LabelMap; value?: number; offsetMs?: number; createdMs?: number };
type HistogramSample = { labels: LabelMap; histogram: WireHistogram; createdMs?: number };
type ExemplarOf = { labels: LabelMap; exemplarLabels: LabelMap; value: number; offsetMs?: number };
type MetadataOf = { labels: LabelMap } & WireMetadata;

interface Case {
  readonly name: string;
  readonly samples?: readonly Sample[];
  readonly histograms?: readonly HistogramSample[];
  readonly exemplars?: readonly ExemplarOf[];
  readonly metadata?: readonly MetadataOf[];
  /** 400 with at most the written counts below; else 204 with exactly them. */
  readonly refused?: true;
  readonly written: { samples?: number; histograms?: number; exemplars?: number };
}

const labelsOf = (map: LabelMap): [string, string][] => Object.entries(map);
const sameLabels = (a: LabelMap, b: LabelMap): boolean =>
  JSON.stringify(labelsOf(a).sort()) === JSON.stringify(labelsOf(b).sort());

/** As the suite puts a request together: an entry a sample, what belongs to it beside it, orphans behind. */
function seriesOf(one: Case, nowMs: number): WireSeries[] {
  const exemplarsLeft = [...(one.exemplars ?? [])];
  const exemplarsOf = (labels: LabelMap) => {
    const mine = exemplarsLeft.filter((exemplar) => sameLabels(exemplar.labels, labels));
    for (const exemplar of mine) exemplarsLeft.splice(exemplarsLeft.indexOf(exemplar), 1);
    return mine.map((e) => ({
      labels: labelsOf(e.exemplarLabels),
      value: e.value,
      timestamp: nowMs + (e.offsetMs ?? 0),
    }));
  };
  const named = new Set<string | undefined>();
  const metadataOf = (labels: LabelMap): { metadata?: WireMetadata } => {
    const metadata = one.metadata?.findLast((m) => m.labels["__name__"] === labels["__name__"]);
    named.add(labels["__name__"]);
    return metadata === undefined ? {} : { metadata };
  };
  const series: WireSeries[] = [];
  for (const { labels, value = 1, offsetMs = 0, createdMs } of one.samples ?? []) {
    const start = createdMs === undefined ? {} : { startTimestamp: nowMs + createdMs };
    const samples = [{ value, timestamp: nowMs + offsetMs, ...start }];
    series.push({ labels: labelsOf(labels), samples, exemplars: exemplarsOf(labels), ...metadataOf(labels) });
  }
  for (const { labels, histogram } of one.histograms ?? []) {
    const histograms = [{ ...histogram, timestamp: nowMs }];
    series.push({
      labels: labelsOf(labels),
      histograms,
      exemplars: exemplarsOf(labels),
      ...metadataOf(labels),
    });
  }
  for (const { labels } of [...exemplarsLeft]) {
    series.push({ labels: labelsOf(labels), exemplars: exemplarsOf(labels) });
  }
  for (const metadata of one.metadata ?? []) {
    const name = metadata.labels["__name__"] ?? "";
    if (name !== "" && !named.has(name)) series.push({ labels: labelsOf(metadata.labels), metadata });
  }
  return series;
}

/** The suite's histogram: which parts it has. Counts: positive 1 3 4 7 8, negative 1 2, zero 1. */
function histogram(
  sum: number,
  parts: { positive?: boolean; negative?: boolean; zero?: boolean; custom?: boolean; badCount?: boolean },
): WireHistogram {
  const { positive = false, negative = false, zero = false, custom = false, badCount = false } = parts;
  if (custom) {
    return {
      countInt: badCount ? 99 : 30,
      sum,
      schema: -53,
      customValues: [0.1, 0.5, 1, 2.5, 5, 10],
      positiveSpans: [{ offset: 0, length: 6 }],
      positiveDeltas: [2, 1, 2, 3, -1, -2],
    };
  }
  const count = (positive ? 23 : 0) + (negative ? 3 : 0) + (zero ? 1 : 0);
  return {
    countInt: badCount ? 99 : count,
    sum,
    ...(positive
      ? { positiveSpans: [{ length: 3 }, { offset: 2, length: 2 }], positiveDeltas: [1, 2, 1, 3, 1] }
      : {}),
    ...(negative ? { negativeSpans: [{ length: 2 }], negativeDeltas: [1, 1] } : {}),
    ...(zero ? { zeroCountInt: 1 } : {}),
  };
}

const metric = (name: string, more: LabelMap = {}): LabelMap => ({ __name__: name, ...more });
const ALL = { positive: true, negative: true, zero: true };
const UP = metric("up", { job: "testjob", instance: "localhost:9090" });

function sampleCases(): Case[] {
  const staleNaN = new Float64Array(new BigUint64Array([0x7ff0000000000002n]).buffer)[0] as number;
  const values: [string, number][] = [
    ["1.0", 1],
    ["StaleNaN", staleNaN],
    ["NaN", Number.NaN],
    ["Inf", Number.POSITIVE_INFINITY],
    ["-Inf", Number.NEGATIVE_INFINITY],
  ];
  const up = (port: number): LabelMap => ({ ...UP, instance: `localhost:${port}` });
  const nameless = (port: number): LabelMap => ({ job: "testjob", instance: `localhost:${port}` });
  return values.flatMap(([spelling, value]): Case[] => {
    const single = (name: string, labels: LabelMap): Case => ({
      name: `TestSingleMetric/${spelling}/${name}`,
      samples: [{ labels, value }],
      written: { samples: 1 },
    });
    const many = (name: string, labelSets: LabelMap[], samples: number): Case => ({
      name: `TestMultipleMetrics/${spelling}/${name}`,
      samples: labelSets.map((labels) => ({ labels, value })),
      written: { samples },
    });
    return [
      single("simple metric", metric("up")),
      single("with multiple labels", UP),
      single("with newlines", { ...UP, job: "test\njob\n" }),
      single(
        "with dots",
        metric("resource.cpu.usage", { "job.name": "testjob", "instance.name": "localhost:9090" }),
      ),
      single(
        "with spaces",
        metric("resource cpu usage", { "job name": "testjob", "instance name": "localhost:9090" }),
      ),
      { ...single("without name label", nameless(9090)), refused: true, written: {} },
      { ...single("empty metric", {}), refused: true, written: {} },
      many("all good", [up(9090), up(9091), up(9092), up(9093)], 4),
      { ...many("without name label", [9090, 9091, 9092, 9093].map(nameless), 0), refused: true },
      { ...many("1 without name label", [nameless(9090), up(9091), up(9092), up(9093)], 3), refused: true },
    ];
  });
}

function createdCases(): Case[] {
  const labels = metric("http_requests_total", { job: "api" });
  const sample = { labels, value: 100, createdMs: -HOUR_MS };
  return [
    { name: "TestCounterWithCreatedTimestamp", samples: [sample], written: { samples: 1 } },
    {
      name: "TestCounterMetadataWithCreatedTimestamp",
      samples: [{ ...sample, value: 150 }],
      metadata: [
        { labels: metric("http_requests_total"), type: Type.counter, help: "Total", unit: "requests" },
      ],
      written: { samples: 1 },
    },
    {
      name: "TestExemplarWithCreatedTimestamp",
      samples: [{ ...sample, value: 250, createdMs: -2 * HOUR_MS }],
      exemplars: [{ labels, exemplarLabels: { trace_id: "abc123", span_id: "span456" }, value: 250 }],
      written: { samples: 1, exemplars: 1 },
    },
    {
      name: "TestHistogramWithCreatedTimestamp",
      histograms: [
        { labels: metric("request_duration_seconds", { job: "api" }), histogram: histogram(1.5, ALL) },
      ],
      written: { histograms: 1 },
    },
  ];
}

function exemplarCases(): Case[] {
  const one = (name: string, labels: LabelMap, exemplarLabels: LabelMap, value: number): Case => ({
    name: `TestExemplars/${name}`,
    samples: [{ labels, value }],
    exemplars: [{ labels, exemplarLabels, value }],
    written: { samples: 1, exemplars: 1 },
  });
  const trace = { trace_id: "abc123def456" };
  const special: [string, number][] = [
    ["zero", 0],
    ["negative", -123.456],
    ["large", 1e10],
    ["small", 1e-10],
    ["nan", Number.NaN],
    ["inf", Number.POSITIVE_INFINITY],
    ["-inf", Number.NEGATIVE_INFINITY],
  ];
  const timed = [-HOUR_MS, -60_000, 0];
  const latency = metric("latency_hist");
  return [
    one("basic", metric("http_requests_total", { job: "api" }), trace, 1),
    one("span id", metric("request_duration_seconds", { method: "GET" }), { ...trace, span_id: "s" }, 0.125),
    one("without trace id", metric("cpu_usage", { instance: "host1" }), { user_id: "user123" }, 0.85),
    one(
      "multiple labels",
      metric("request_latency", { service: "a" }),
      { ...trace, user: "a", endpoint: "/" },
      0.05,
    ),
    one("no labels", metric("simple_counter"), {}, 1),
    one("special characters", metric("test_metric"), { trace_id: "with-dashes_and.123" }, 42),
    one("unicode", metric("unicode_test", { region: "🌍" }), { trace_id: "unicode_测试" }, 100),
    ...special.map(([name, value]) => one(`special values/${name}`, metric("test_metric"), trace, value)),
    { ...one("validation/without name", { job: "test" }, trace, 1), refused: true, written: {} },
    { ...one("validation/empty name", metric(""), trace, 1), refused: true, written: {} },
    one("validation/valid name", metric("valid_metric"), trace, 1),
    {
      name: "TestMultipleExemplars",
      samples: ["GET", "POST", "PUT"].map((method) => ({ labels: metric("request_duration", { method }) })),
      exemplars: ["GET", "POST", "PUT"].map((method) => ({
        labels: metric("request_duration", { method }),
        exemplarLabels: { trace_id: method },
        value: 1,
      })),
      written: { samples: 3, exemplars: 3 },
    },
    {
      name: "TestExemplarTimestamps",
      samples: timed.map((offsetMs, i) => ({ labels: latency, value: i, offsetMs })),
      exemplars: timed.map((offsetMs) => ({
        labels: latency,
        exemplarLabels: { trace_id: `t${offsetMs}` },
        value: 1,
        offsetMs,
      })),
      written: { samples: 3, exemplars: 3 },
    },
  ];
}

function histogramCases(): Case[] {
  const one = (name: string, labels: LabelMap, parts: Parameters<typeof histogram>[1], sum = 1): Case => ({
    name,
    histograms: [{ labels, histogram: histogram(sum, parts) }],
    written: { histograms: 1 },
  });
  const labels = metric("http_request_duration_seconds", { method: "GET" });
  const metadata = {
    labels: metric("http_request_duration_seconds"),
    type: Type.histogram,
    help: "h",
    unit: "s",
  };
  const exemplar = { labels, exemplarLabels: { trace_id: "abc", span_id: "789" }, value: 1.23 };
  const custom = metric("custom_latency_hist", { version: "v2" });
  return [
    one("TestHistograms/basic", metric("test_histogram"), ALL),
    one("TestHistograms/custom buckets", metric("test_histogram"), { custom: true }),
    one("TestHistograms/positive only", metric("test_histogram", { job: "test" }), {
      positive: true,
      zero: true,
    }),
    one("TestHistograms/negative only", metric("test_histogram", { instance: "localhost" }), {
      negative: true,
    }),
    one("TestHistograms/minimal", metric("minimal_hist"), { zero: true }),
    {
      ...one("TestHistograms/bad count", metric("minimal_hist"), { positive: true, badCount: true }),
      refused: true,
      written: {},
    },
    one("TestEmptyHistogram", metric("empty_hist"), {}, 0),
    {
      name: "TestMultipleHistograms",
      histograms: [
        {
          labels: metric("hist1", { job: "test" }),
          histogram: histogram(10.5, { positive: true, zero: true }),
        },
        { labels: metric("hist2", { job: "test" }), histogram: histogram(5.2, { negative: true }) },
      ],
      written: { histograms: 2 },
    },
    { ...one("TestHistogramWithMetadata", labels, ALL), metadata: [metadata] },
    {
      ...one("TestHistogramWithExemplar", labels, ALL),
      exemplars: [exemplar],
      written: { histograms: 1, exemplars: 1 },
    },
    {
      ...one("TestHistogramWithMetadataAndExemplar", labels, ALL),
      metadata: [metadata],
      exemplars: [exemplar],
      written: { histograms: 1, exemplars: 1 },
    },
    {
      ...one("TestCustomBucketsHistogramWithExemplar", custom, { custom: true }, 0.05),
      exemplars: [{ labels: custom, exemplarLabels: { trace_id: "c", bucket: "0.1" }, value: 0.05 }],
      written: { histograms: 1, exemplars: 1 },
    },
  ];
}

function metadataCases(): Case[] {
  const one = (name: string, labels: LabelMap, type: number, help: string, unit: string): Case => ({
    name: `TestMetadata/${name}`,
    ...(type === Type.histogram
      ? { histograms: [{ labels, histogram: histogram(1, ALL) }], written: { histograms: 1 } }
      : { samples: [{ labels }], written: { samples: 1 } }),
    metadata: [{ labels, type, help, unit }],
  });
  const gauge = (name: string, more: LabelMap = {}) => metric(name, more);
  const three = [gauge("cpu_usage"), gauge("memory_usage"), gauge("disk_usage", { device: "sda1" })];
  return [
    one("counter", metric("http_requests_total"), Type.counter, "Total number of HTTP requests", "requests"),
    one("gauge", metric("cpu_usage_percent"), Type.gauge, "Current CPU usage percentage", "percent"),
    one("histogram", metric("request_duration_seconds"), Type.histogram, "Request duration", "seconds"),
    one("no help, no unit", metric("simple_counter"), Type.counter, "", ""),
    one(
      "special characters",
      metric("test_metric", { job: "test" }),
      Type.gauge,
      'with\nnewlines and "quotes"',
      "b/s",
    ),
    one("unspecified", metric("unknown_metric"), Type.unspecified, "Unknown metric type", ""),
    one("info", metric("build_info"), Type.info, "Build information", ""),
    one("stateset", metric("node_state"), Type.stateset, "Node state information", ""),
    one("summary", metric("request_latency_summary"), Type.summary, "Request latency summary", "seconds"),
    one("gauge histogram", metric("temperature_histogram"), Type.gaugeHistogram, "Distribution", "celsius"),
    {
      ...one("validation/without name", { job: "test" }, Type.counter, "h", "u"),
      refused: true,
      written: {},
    },
    { ...one("validation/empty name", metric(""), Type.gauge, "h", "u"), refused: true, written: {} },
    one("validation/valid name", metric("valid_metric_name"), Type.counter, "h", "u"),
    {
      name: "TestMultipleMetadata",
      samples: three.map((labels) => ({ labels, value: 85.5 })),
      metadata: three.map((labels) => ({ labels, type: Type.gauge, help: "usage", unit: "bytes" })),
      written: { samples: 3 },
    },
    one(
      "with complex labels",
      metric("http_request_duration_seconds", {
        job: "api-server",
        instance: "localhost:8080",
        method: "GET",
        status: "200",
        endpoint: "/api/v1/users",
      }),
      Type.histogram,
      "HTTP request duration in seconds",
      "seconds",
    ),
  ];
}

function combinedCases(): Case[] {
  const fifty = Array.from({ length: 50 }, (_, i) => i);
  const counter = (i: number) => metric(`counter_metric_${i}`, { series: `series_${i}` });
  const buckets = (i: number) => metric(`histogram_metric_${i}`, { bucket: `bucket_${i}` });
  const post = metric("http_requests_total", { job: "api", method: "POST" });
  const emoji = metric("test_metric", {
    job: "test-job_with.special@chars",
    instance: "localhost:9090",
    environment: "test🚀",
  });
  const exemplarOf = (labels: LabelMap, value = 1): ExemplarOf => ({
    labels,
    exemplarLabels: { trace_id: "trace_äöü-123", user_id: "user789" },
    value,
  });
  return [
    {
      name: "TestSamplesWithMetadataAndExemplars",
      samples: [{ labels: post }],
      metadata: [{ labels: post, type: Type.counter, help: "Total", unit: "requests" }],
      exemplars: [exemplarOf(post)],
      written: { samples: 1, exemplars: 1 },
    },
    {
      name: "TestManySamples",
      samples: fifty.map((i) => ({ labels: counter(i), value: i * 100 })),
      metadata: fifty.map((i) => ({
        labels: metric(`counter_metric_${i}`),
        type: Type.counter,
        help: `n ${i}`,
      })),
      exemplars: fifty.map((i) => exemplarOf(counter(i), i * 100)),
      written: { samples: 50, exemplars: 50 },
    },
    {
      name: "TestManyHistograms",
      histograms: fifty.map((i) => ({
        labels: buckets(i),
        histogram: histogram(i / 10, { positive: true, negative: i % 2 === 0, zero: true }),
      })),
      exemplars: fifty.map((i) => exemplarOf(buckets(i), i / 10)),
      written: { histograms: 50, exemplars: 50 },
    },
    {
      name: "TestSpecialCharactersCombined",
      samples: [{ labels: emoji, value: 42 }],
      metadata: [
        { labels: metric("test_metric"), type: Type.gauge, help: 'äöü\n"quotes"', unit: "special/units" },
      ],
      exemplars: [exemplarOf(emoji, 42)],
      written: { samples: 1, exemplars: 1 },
    },
    {
      name: "TestEdgeCaseCombinations/metadata_without_data",
      metadata: [{ labels: metric("orphan_metric"), type: Type.counter, help: "Orphaned", unit: "count" }],
      written: {},
    },
    {
      name: "TestEdgeCaseCombinations/exemplars_without_data",
      exemplars: [exemplarOf(metric("orphan_metric"), 42)],
      written: { exemplars: 1 },
    },
    {
      name: "TestEdgeCaseCombinations/mixed_timestamp_data",
      samples: [
        { labels: metric("old_metric"), offsetMs: -HOUR_MS },
        { labels: metric("new_metric"), value: 2 },
      ],
      exemplars: [{ ...exemplarOf(metric("old_metric")), offsetMs: -HOUR_MS / 2 }],
      written: { samples: 2, exemplars: 1 },
    },
  ];
}

const CASES: readonly Case[] = [
  ...sampleCases(),
  ...createdCases(),
  ...exemplarCases(),
  ...histogramCases(),
  ...metadataCases(),
  ...combinedCases(),
];

function check(one: Case, result: WriteResult): void {
  const { samples = 0, histograms = 0, exemplars = 0 } = one.written;
  const expected = { samples, histograms, exemplars };
  if (one.refused === true) {
    assert.equal(result.status, 400, `${one.name}: ${result.text}`);
    assert.ok(result.text.length > 0, one.name);
  } else assert.equal(result.status, 204, `${one.name}: ${result.text}`);
  assert.deepEqual(result.written, expected, one.name);
}

for (const transport of TRANSPORTS) {
  const start = (t: TestContext) => startServer(t, { flags: [`--web.transport=${transport}`] });

  test(`${transport}: receiver compliance, Remote Write 2.0`, async (t) => {
    const { url } = await start(t);
    // The suite sends at the present; a millisecond apart, since the same series come back with other values.
    let nowMs = Date.now() - CASES.length;
    for (const one of CASES) check(one, await postV2(url, seriesOf(one, nowMs++)));
  });

  test(`${transport}: receiver compliance, requests that are wrong as a whole`, async (t) => {
    const { url } = await start(t);
    const nowMs = Date.now();
    const series = seriesOf({ name: "", samples: [{ labels: metric("up") }], written: {} }, nowMs);
    const corrupt = snappyCompress(encodeRequestV2(series));
    corrupt[0] = 0x30;
    for (const type of ["application/json", "image/png"]) {
      assert.equal((await postBody(url, { ...HEADERS_V2, "Content-Type": type }, corrupt)).status, 415);
    }
    for (const encoding of ["gzip", "deflate"]) {
      const { status } = await postBody(url, { ...HEADERS_V2, "Content-Encoding": encoding }, corrupt);
      assert.equal(status, 415);
    }
    assert.equal((await postBody(url, HEADERS_V2, corrupt)).status, 400);
  });

  test(`${transport}: receiver compliance, Remote Write 1.0`, async (t) => {
    const { url } = await start(t);
    const nowMs = Date.now();
    const samples = [{ labels: UP }, { labels: metric("http_requests_total"), value: 100 }];
    const body = snappyCompress(encodeRequestV1(seriesOf({ name: "", samples, written: {} }, nowMs)));
    const { "X-Prometheus-Remote-Write-Version": _, ...headers } = HEADERS_V1;
    const good = await postBody(url, headers, body);
    assert.deepEqual([good.status, good.text], [204, ""]);
    assert.deepEqual(good.written, { samples: null, histograms: null, exemplars: null });
    body[0] = 0xff;
    assert.equal((await postBody(url, headers, body)).status, 400);
  });
}
