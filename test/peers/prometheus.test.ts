/** Prometheus scrapes itself and node_exporter and writes everything here. Both must then answer the same. */
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { peerOrSkip, startPeer, until, untilOk } from "../support/peers.js";
import { assertSameSeries, rawSeries } from "../support/prometheus-api.js";
import { freePort, startServer } from "../support/server.js";

const SCRAPE_SECONDS = 12;

function configOf(ownPort: number, nodePort: number, target: string, message: string): string {
  return `
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: prometheus
    static_configs: [{ targets: ["127.0.0.1:${ownPort}"] }]
  - job_name: node
    static_configs: [{ targets: ["127.0.0.1:${nodePort}"] }]
remote_write:
  - url: ${target}/api/v1/write
    protobuf_message: ${message}
    send_exemplars: true
    send_native_histograms: true
    metadata_config: { send: true, send_interval: 2s }
    queue_config: { batch_send_deadline: 500ms }
`;
}

interface Rig {
  readonly prometheusUrl: string;
  readonly varveUrl: string;
}

async function startRig(t: TestContext, message: string): Promise<Rig | null> {
  const prometheus = peerOrSkip(t, "prometheus");
  const nodeExporter = prometheus === null ? null : peerOrSkip(t, "node_exporter");
  if (prometheus === null || nodeExporter === null) return null;
  const server = await startServer(t);
  const [ownPort, nodePort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), "varve-prometheus-"));
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  const node = startPeer(t, nodeExporter, [`--web.listen-address=127.0.0.1:${nodePort}`]);
  await untilOk(`http://127.0.0.1:${nodePort}/metrics`, node);
  const configPath = join(folder, "prometheus.yml");
  writeFileSync(configPath, configOf(ownPort, nodePort, server.url, message));
  const sender = startPeer(t, prometheus, [
    `--config.file=${configPath}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${ownPort}`,
    "--enable-feature=native-histograms,exemplar-storage,metadata-wal-records",
  ]);
  const prometheusUrl = `http://127.0.0.1:${ownPort}`;
  await untilOk(`${prometheusUrl}/-/ready`, sender);
  return { prometheusUrl, varveUrl: server.url };
}

/** Both hold the same in a closed range that both have passed. */
async function assertSameAsSender({ prometheusUrl, varveUrl }: Rig): Promise<void> {
  await sleep(SCRAPE_SECONDS * 1000);
  const endMs = Date.now();
  const rangeMs = (SCRAPE_SECONDS - 2) * 1000;
  // Everything up to the end has arrived once each job shows a sample behind it.
  const hasPassed = async (): Promise<boolean> => {
    const latest = await rawSeries(varveUrl, "up", Date.now() + 1000, 60_000);
    const times = [...latest.values()].map(({ samples }) => Math.max(...samples.keys()));
    return times.length === 2 && times.every((timeMs) => timeMs > endMs + 1000);
  };
  await until(hasPassed, 30_000, () => "samples behind the range have arrived");
  const selector = '{__name__=~".+"}';
  const expected = await rawSeries(prometheusUrl, selector, endMs, rangeMs);
  const actual = await rawSeries(varveUrl, selector, endMs, rangeMs);
  assert.ok(expected.size > 800, `${expected.size} series`);
  const samples = [...expected.values()].reduce((sum, series) => sum + series.samples.size, 0);
  assert.ok(samples > 5000, `${samples} samples`);
  assertSameSeries(actual, expected);
  await assertNothingRefused(prometheusUrl);
}

/** The sender's own counters. */
async function assertNothingRefused(prometheusUrl: string): Promise<void> {
  const text = await (await fetch(`${prometheusUrl}/metrics`)).text();
  for (const kind of ["samples", "histograms", "exemplars", "metadata"]) {
    for (const fate of ["failed", "dropped", "retried"]) {
      const lines =
        text.match(new RegExp(`^prometheus_remote_storage_${kind}_${fate}_total\\{.*$`, "gm")) ?? [];
      for (const line of lines) assert.match(line, / 0$/, line);
    }
  }
}

test("Prometheus over Remote Write 1.0: both answer the same", async (t) => {
  const rig = await startRig(t, "prometheus.WriteRequest");
  if (rig === null) return;
  await assertSameAsSender(rig);
  const metadata = await (await fetch(`${rig.varveUrl}/api/v1/metadata?metric=node_load1`)).json();
  const { data } = metadata as { data: Record<string, { type: string; help: string }[]> };
  assert.deepEqual(data["node_load1"], [{ type: "gauge", help: "1m load average.", unit: "" }]);
});

test("Prometheus over Remote Write 2.0: both answer the same", async (t) => {
  const rig = await startRig(t, "io.prometheus.write.v2.Request");
  if (rig === null) return;
  await assertSameAsSender(rig);
});
