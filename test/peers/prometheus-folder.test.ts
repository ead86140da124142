/**
 * Data folders of a Prometheus that was sent recorded traffic of real senders and hours of a node's metrics: its blocks
 * and its log, served in place and after `varve import`, with the answers that it gave itself.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readCapture } from "../support/capture.js";
import { peerOrSkip } from "../support/peers.js";
import { dumpOf, type RunningPrometheus, startPrometheus } from "../support/prometheus-blocks.js";
import type { WireSeries } from "../support/remote-write.js";
import { startServer } from "../support/server.js";
import { varve } from "../support/varve-command.js";
import { postV1 } from "../support/write-client.js";

const START_MS = 1_700_006_400_000;
const HOUR_MS = 3_600_000;

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "varve-folder-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Eight hours of 300 series, with ends, gaps and stale markers. */
async function sendHours(prometheus: RunningPrometheus): Promise<void> {
  const stale = new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer)[0] as number;
  for (let hour = 0; hour < 8; hour++) {
    const series: WireSeries[] = Array.from({ length: 300 }, (_, i) => ({
      labels: [
        ["__name__", `node_${i % 10}_total`],
        ["cpu", String(i)],
        ["instance", `host-${i % 12}`],
      ],
      samples: Array.from({ length: 240 }, (_, k) => {
        const value = i % 50 === 7 && k % 100 === 99 ? stale : Math.floor((hour * 240 + k) * (1 + i / 7)) / 8;
        return { timestamp: START_MS + hour * HOUR_MS + k * 15_000 + i, value };
      }).filter((_, k) => !(i % 20 === 3 && k > 100 && k < 130)),
    }));
    const { status, text } = await postV1(prometheus.url, series);
    assert(status < 300, text);
  }
}

async function sendCapture(prometheus: RunningPrometheus, name: string): Promise<void> {
  for (const { headers, body } of readCapture(name)) {
    await fetch(`${prometheus.url}/api/v1/write`, { method: "POST", headers, body: new Uint8Array(body) });
  }
}

async function ask(url: string, path: string, params: Record<string, string>): Promise<unknown> {
  const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(params)}`);
  const body = (await response.json()) as { data?: { result: unknown[] }; error?: string };
  // An error is an answer, too.
  return body.data?.result.map((row) => JSON.stringify(row)).sort() ?? body.error;
}

async function answers(url: string, mintMs: number, maxtMs: number): Promise<unknown[]> {
  const [start, end] = [String(mintMs / 1000), String(maxtMs / 1000)];
  const step = String(Math.max(15, Math.ceil((maxtMs - mintMs) / 1000 / 100)));
  const all = '{__name__=~".+"}';
  const window = `[${Math.ceil((maxtMs - mintMs) / 1000) + 60}s]`;
  return Promise.all([
    ask(url, "query", { query: `${all}${window}`, time: end }),
    ask(url, "query_range", { query: `count by (__name__) (${all})`, start, end, step }),
    ask(url, "query_range", { query: `sum by (__name__) (rate(${all}[5m]))`, start, end, step }),
    ask(url, "query_range", { query: `histogram_quantile(0.9, sum(rate(${all}[1m])))`, start, end, step }),
  ]);
}

async function compare(
  t: TestContext,
  send: (prometheus: RunningPrometheus) => Promise<void>,
): Promise<void> {
  const [prometheus, tool] = [peerOrSkip(t, "prometheus"), peerOrSkip(t, "promtool")];
  if (prometheus === null || tool === null) return;
  const folder = temporaryFolder(t);
  const theirs = await startPrometheus(t, prometheus, folder);
  await send(theirs);
  const stats = (await (await fetch(`${theirs.url}/api/v1/status/tsdb`)).json()) as {
    data: { headStats: { minTime: number; maxTime: number } };
  };
  const { minTime, maxTime } = stats.data.headStats;
  const expected = await answers(theirs.url, minTime, maxTime);
  assert((expected[0] as unknown[]).length > 10, "something to compare");
  const snapshot = (await (
    await fetch(`${theirs.url}/api/v1/admin/tsdb/snapshot`, { method: "POST" })
  ).json()) as { data: { name: string } };
  await theirs.stop();
  const blocks = join(folder, "blocks");
  cpSync(join(theirs.dataFolder, "snapshots", snapshot.data.name), blocks, { recursive: true });
  rmSync(join(theirs.dataFolder, "snapshots"), { recursive: true });
  const dump = dumpOf(tool, blocks).sort();

  for (const [what, source] of [
    ["blocks", blocks],
    ["log", theirs.dataFolder],
  ] as const) {
    const inPlace = await startServer(t, {
      dataDirectory: source,
      flags: ["--storage.read-only", "--storage.tsdb.retention.time=0s"],
    });
    assert.deepEqual(await answers(inPlace.url, minTime, maxTime), expected, `${what}, in place`);
    await inPlace.stop();
    const ours = join(folder, `imported-${what}`);
    mkdirSync(ours);
    const { status, stderr } = varve("import", `--storage.tsdb.path=${ours}`, source);
    assert.equal(status, 0, stderr);
    assert.equal(varve("verify", ours).status, 0);
    assert.deepEqual(dumpOf(tool, ours).sort(), dump, `${what}: every sample`);
    rmSync(join(ours, "wal"), { recursive: true, force: true });
    const server = await startServer(t, {
      dataDirectory: ours,
      flags: ["--storage.tsdb.retention.time=0s"],
    });
    assert.deepEqual(await answers(server.url, minTime, maxTime), expected, `${what}, imported`);
    await server.stop();
  }
  assert(readdirSync(blocks).some((name) => name.length === 26));
}

test("eight hours of node metrics", { timeout: 180_000 }, (t) => compare(t, sendHours));
for (const name of ["k6-trend-stats", "k6-native-histogram", "prometheus-3.5-rw1", "prometheus-3.5-rw2"]) {
  test(`recorded traffic: ${name}`, { timeout: 180_000 }, (t) =>
    compare(t, (prometheus) => sendCapture(prometheus, name)),
  );
}
