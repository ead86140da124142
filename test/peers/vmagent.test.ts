/** vmagent scrapes node_exporter and sends with zstd, or, where it is told to, with snappy: nothing may be lost. */
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { zstdUncompressOrNull } from "../../dist/encoding/zstd.js";
import { loadZstd } from "../../dist/workers/load-zstd.js";
import { assertHolds } from "../support/expected.js";
import { collectWritten, type WrittenSeries } from "../support/naive-remote-write.js";
import { peerOrSkip, startPeer, until, untilOk } from "../support/peers.js";
import type { SeriesKey } from "../support/prometheus-api.js";
import { startRecordingProxy } from "../support/recording-proxy.js";
import { snappyCompress } from "../support/remote-write.js";
import { freePort, startServer } from "../support/server.js";

async function runVmagent(
  t: TestContext,
  flags: readonly string[],
  encoding: "zstd" | "snappy",
): Promise<void> {
  const vmagent = peerOrSkip(t, "vmagent");
  const nodeExporter = vmagent === null ? null : peerOrSkip(t, "node_exporter");
  if (vmagent === null || nodeExporter === null) return;
  const server = await startServer(t);
  const proxy = await startRecordingProxy(t, server.url);
  const [ownPort, nodePort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), "varve-vmagent-"));
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  const node = startPeer(t, nodeExporter, [`--web.listen-address=127.0.0.1:${nodePort}`]);
  await untilOk(`http://127.0.0.1:${nodePort}/metrics`, node);
  const configPath = join(folder, "scrape.yml");
  writeFileSync(
    configPath,
    `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: node
    static_configs: [{ targets: ["127.0.0.1:${nodePort}"] }]
`,
  );
  const agent = startPeer(t, vmagent, [
    `-httpListenAddr=127.0.0.1:${ownPort}`,
    `-promscrape.config=${configPath}`,
    `-remoteWrite.url=${proxy.url}/api/v1/write`,
    `-remoteWrite.tmpDataPath=${join(folder, "queue")}`,
    "-remoteWrite.flushInterval=1s",
    ...flags,
  ]);
  const accepted = (): number => proxy.requests.filter(({ status }) => status === 204).length;
  await until(
    () => accepted() >= 8,
    40_000,
    () => `8 requests accepted; vmagent said:\n${agent.output()}`,
  );
  // SIGTERM: it sends what it still has.
  await agent.stop("SIGTERM");

  const written = new Map<SeriesKey, WrittenSeries>();
  await loadZstd();
  for (const { headers, status, body } of proxy.requests) {
    assert.deepEqual([headers["content-encoding"], status], [encoding, 204]);
    const message = encoding === "zstd" ? zstdUncompressOrNull(body, 1 << 25) : null;
    collectWritten(written, message === null ? body : snappyCompress(message), 1);
  }
  assert.ok(written.size > 200, `${written.size} series`);
  await assertHolds(server.url, '{__name__=~".+"}', written);
}

test("vmagent sends with zstd, and everything it sent is there", (t) => runVmagent(t, [], "zstd"));

test("vmagent sends as Prometheus does, and everything it sent is there", (t) =>
  runVmagent(t, ["-remoteWrite.forcePromProto"], "snappy"));
