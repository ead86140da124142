/** Programs that take data from here: Prometheus (remote read, federation), vmctl, promtool. Data must be equal. */
import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { corpusRequests, corpusSeries } from "../differential/corpus.js";
import { BEGIN_MS, END_MS } from "../differential/span.js";
import { type PeerProcess, peerOrSkip, startPeer, until, untilOk } from "../support/peers.js";
import { assertSameSeries, rawSeries } from "../support/prometheus-api.js";
import { trickySeries, wireSeries } from "../support/prometheus-blocks.js";
import type { WireHistogram } from "../support/remote-write.js";
import { freePort, startServer, type TestServer } from "../support/server.js";
import { HEADERS_V1, postBody, postV1 } from "../support/write-client.js";

const FOREVER = "--storage.tsdb.retention.time=0s";
const SPAN_MS = END_MS - BEGIN_MS + 60_000;

async function startWithCorpus(t: TestContext): Promise<TestServer> {
  const server = await startServer(t, { flags: [FOREVER] });
  for (const body of corpusRequests(corpusSeries())) {
    assert.equal((await postBody(server.url, HEADERS_V1, body)).status, 204);
  }
  return server;
}

async function startPrometheus(
  t: TestContext,
  command: string,
  config: string,
): Promise<PeerProcess & { url: string }> {
  const folder = mkdtempSync(join(tmpdir(), "varve-reading-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "prometheus.yml"), config);
  const url = `http://127.0.0.1:${await freePort()}`;
  const peer = startPeer(t, command, [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=${url.slice("http://".length)}`,
    "--enable-feature=native-histograms",
  ]);
  await untilOk(`${url}/-/ready`, peer);
  return { ...peer, url };
}

test("Prometheus reads from here: both answer the same", async (t) => {
  const prometheus = peerOrSkip(t, "prometheus");
  if (prometheus === null) return;
  const server = await startWithCorpus(t);
  const config = `remote_read: [{ url: "${server.url}/api/v1/read", read_recent: true }]\n`;
  const { url } = await startPrometheus(t, prometheus, config);
  for (const selector of [
    '{__name__=~"node_.+"}',
    '{__name__=~"k6_.+"}',
    '{__name__=~".+",__name__!~"node_.+|k6_.+"}',
  ]) {
    const own = await rawSeries(server.url, selector, END_MS, SPAN_MS);
    const read = await rawSeries(url, selector, END_MS, SPAN_MS);
    assert.ok(read.size > 20, `${selector} has ${read.size} series`);
    assertSameSeries(own, read);
  }
});

test("vmctl copies everything from here into VictoriaMetrics", async (t) => {
  const vmctl = peerOrSkip(t, "vmctl");
  const victoria = vmctl === null ? null : peerOrSkip(t, "victoria-metrics");
  if (vmctl === null || victoria === null) return;
  const server = await startWithCorpus(t);
  for (const stream of [true, false]) {
    const folder = mkdtempSync(join(tmpdir(), "varve-vm-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const address = `127.0.0.1:${await freePort()}`;
    const peer = startPeer(t, victoria, [
      `-storageDataPath=${folder}`,
      `-httpListenAddr=${address}`,
      "-retentionPeriod=100y",
      "-search.latencyOffset=0",
    ]);
    await untilOk(`http://${address}/health`, peer);
    const copied: { status: number | null; stdout: string; stderr: string } = spawnSync(
      vmctl,
      [
        "remote-read",
        `--remote-read-src-addr=${server.url}`,
        `--remote-read-filter-time-start=${new Date(BEGIN_MS).toISOString()}`,
        `--remote-read-filter-time-end=${new Date(END_MS + 60_000).toISOString()}`,
        "--remote-read-step-interval=hour",
        `--remote-read-use-stream=${stream}`,
        "--remote-read-filter-label=__name__",
        "--remote-read-filter-label-value=node_.+|k6_.+",
        `--vm-addr=http://${address}`,
        "--disable-progress-bar",
        "-s",
      ],
      { encoding: "utf8" },
    );
    assert.equal(copied.status, 0, copied.stdout + copied.stderr);
    await fetch(`http://${address}/internal/force_flush`);
    for (const metric of [
      "node_cpu_seconds_total",
      "node_load1",
      "k6_http_reqs_total",
      "node_filesystem_avail_bytes",
    ]) {
      const own = await exported(server.url, metric);
      assert.ok(own.size > 0, `${metric} is here`);
      assert.deepEqual(await victoriaExport(`http://${address}`, metric), own, `${metric}, stream ${stream}`);
    }
  }
});

/** Series as text to time/value pairs as text. */
async function exported(url: string, metric: string): Promise<Map<string, string[]>> {
  const found = await rawSeries(url, metric, END_MS, SPAN_MS);
  return new Map(
    [...found.entries()]
      .sort()
      .map(([key, { samples }]) => [key, [...samples].map(([t, v]) => `${t} ${Number(v)}`)]),
  );
}

async function victoriaExport(url: string, metric: string): Promise<Map<string, string[]>> {
  const response = await fetch(`${url}/api/v1/export?match[]=${metric}`);
  const found = new Map<string, string[]>();
  for (const line of (await response.text()).split("\n").filter((text) => text !== "")) {
    const {
      metric: labels,
      values,
      timestamps,
    } = JSON.parse(line) as {
      metric: Record<string, string>;
      values: (number | null)[];
      timestamps: number[];
    };
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const list = found.get(key) ?? [];
    values.forEach((value, i) => {
      if (value !== null) list.push(`${timestamps[i]} ${value}`);
    });
    found.set(key, list);
  }
  return new Map([...found.entries()].sort());
}

const SCRAPES_MS = 6000;

function federationConfig(address: string, protocols: string): string {
  return `
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: federate
    honor_labels: true
    metrics_path: /federate
    params: { "match[]": ['{job=~".+"}'] }
    scrape_protocols: [${protocols}]
    static_configs: [{ targets: ["${address}"] }]
`;
}

/** Floats of all shapes and native histograms, the newest sample of each a moment ago. */
async function writeRecent(url: string): Promise<void> {
  const nowMs = Date.now() - 500;
  const float = (labels: Record<string, string>, value: number) => ({
    labels: Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)),
    samples: [{ timestamp: nowMs, value }],
  });
  const values = [
    1,
    0,
    -1,
    123456789.5,
    1e21,
    1e-7,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  const series = [
    ...values.map((value, i) => float({ __name__: "shape", job: "a", i: String(i) }, value)),
    float({ __name__: "escaped", job: "a", instance: "x", path: 'a"b\\c\nd' }, 3),
    float({ __name__: "my.metric", job: "a", "läbel.x": "é" }, 5),
  ];
  assert.equal((await postV1(url, series)).status, 204);
  for (const one of trickySeries().filter(({ labels }) => labels.get("__name__") === "histogram")) {
    const { labels, histograms = [] } = wireSeries(one);
    const last = histograms.at(-1) as WireHistogram;
    if (Number.isNaN(last.sum)) continue;
    const withJob = [...labels, ["job", "a"] as const].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.equal(
      (await postV1(url, [{ labels: withJob, histograms: [{ ...last, timestamp: nowMs }] }])).status,
      204,
    );
  }
}

for (const [name, protocols] of [
  ["protobuf", "PrometheusProto"],
  ["text", "PrometheusText1.0.0, PrometheusText0.0.4"],
] as const) {
  test(`Prometheus federates from here (${name}): both answer the same`, async (t) => {
    const prometheus = peerOrSkip(t, "prometheus");
    if (prometheus === null) return;
    const server = await startServer(t);
    await writeRecent(server.url);
    const config = federationConfig(server.url.slice("http://".length), protocols);
    const { url } = await startPrometheus(t, prometheus, config);
    // With protobuf Prometheus asks for underscores in names.
    const selector = `{__name__=~"shape|escaped|histogram${name === "text" ? "|my.metric" : ""}"}`;
    const wanted = async () => rawSeries(server.url, selector, Date.now() + 1000, 120_000);
    const scraped = async () => rawSeries(url, selector, Date.now() + 1000, 120_000);
    await until(
      async () => (await scraped()).size > 0,
      SCRAPES_MS * 3,
      () => "Prometheus has scraped",
    );
    await sleep(500);
    const expected = await wanted();
    const found = await scraped();
    // Text has no native histograms, and those with bounds of their own come as classic ones in either format.
    let histograms = 0;
    for (const [key, series] of expected) {
      if (series.histograms.size === 0) continue;
      if (found.has(key)) histograms++;
      else expected.delete(key);
    }
    assert.equal(histograms >= 20, name === "protobuf", `${histograms} native histograms`);
    assert.ok(expected.size >= 10, `${expected.size} series`);
    assertSameSeries(found, expected);
  });
}

test("promtool queries and checks this server", async (t) => {
  const promtool = peerOrSkip(t, "promtool");
  const prometheus = promtool === null ? null : peerOrSkip(t, "prometheus");
  if (promtool === null || prometheus === null) return;
  const varve = await startWithCorpus(t);
  const twin = await startPrometheus(
    t,
    prometheus,
    `remote_read: [{ url: "${varve.url}/api/v1/read", read_recent: true }]\n`,
  );
  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: "utf8" });
    assert.equal(status, 0, `promtool ${args.join(" ")}: ${stderr}`);
    return stdout === "" ? stderr : stdout;
  };
  assert.match(run("check", "healthy", `--url=${varve.url}`), /SUCCESS/);
  assert.match(run("check", "ready", `--url=${varve.url}`), /SUCCESS/);
  const [start, end] = [BEGIN_MS + 1_200_000, BEGIN_MS + 3_000_000].map((ms) => (ms / 1000).toFixed(0));
  const commands: readonly (readonly string[])[] = [
    ["query", "instant", `--time=${end}`, "{url}", "sum by (instance) (node_load1)"],
    ["query", "instant", `--time=${end}`, "{url}", "rate(node_cpu_seconds_total{cpu='0'}[5m])"],
    ["query", "range", `--start=${start}`, `--end=${end}`, "--step=60s", "{url}", "node_load1"],
    ["query", "series", "--match=node_load1", `--start=${start}`, `--end=${end}`, "{url}"],
  ];
  for (const command of commands) {
    const at = (url: string): string => run(...command.map((part) => part.replace("{url}", url)));
    const own = at(varve.url);
    assert.ok(own.split("\n").length > 3, `${command.join(" ")} gives something: ${own}`);
    assert.equal(own, at(twin.url), command.join(" "));
  }
  // Remote read gives no names: the twin has none.
  const labels = run("query", "labels", `--start=${start}`, `--end=${end}`, varve.url, "job");
  const jobs = new Set(corpusSeries().flatMap(({ labels: all }) => all.filter(([name]) => name === "job")));
  const known = new Set([...jobs].map(([, value]) => value));
  const listed = labels.trim().split("\n");
  assert.ok(listed.length > 1 && listed.every((job) => known.has(job)), labels);
  const analysis = run(
    "query",
    "analyze",
    `--server=${varve.url}`,
    "--type=histogram",
    `--time=${end}`,
    "--duration=1h",
    "--match=prometheus_http_request_duration_seconds_bucket",
  );
  assert.match(analysis, /bucket/i);
});
