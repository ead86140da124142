/** vmagent scrapes node_exporter. It offers zstd first, is told 415, and goes on with snappy: nothing may be lost. */
import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertHolds } from "../support/expected.js";
import { collectWritten, type WrittenSeries } from "../support/naive-remote-write.js";
import { peerOrSkip, startPeer, until, untilOk } from "../support/peers.js";
import type { SeriesKey } from "../support/prometheus-api.js";
import { startRecordingProxy } from "../support/recording-proxy.js";
import { freePort, startServer } from "../support/server.js";

test("vmagent falls back from zstd and everything it sent is there", async (t) => {
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
  ]);
  const accepted = (): number => proxy.requests.filter(({ status }) => status === 204).length;
  await until(
    () => accepted() >= 8,
    40_000,
    () => `8 requests accepted; vmagent said:\n${agent.output()}`,
  );
  // SIGTERM: it sends what it still has.
  await agent.stop("SIGTERM");

  const offered = proxy.requests.map(({ headers, status }) => `${headers["content-encoding"]} ${status}`);
  const unlike = offered.filter((line) => line !== "snappy 204");
  assert.ok(unlike.length > 0, "it offered something else first");
  for (const line of unlike) assert.equal(line, "zstd 415");
  const written = new Map<SeriesKey, WrittenSeries>();
  for (const { status, body } of proxy.requests) if (status === 204) collectWritten(written, body, 1);
  assert.ok(written.size > 200, `${written.size} series`);
  await assertHolds(server.url, '{__name__=~".+"}', written);
});
