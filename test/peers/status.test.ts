/** `/api/v1/status/tsdb` here and in Prometheus, on the same series. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { peerOrSkip } from "../support/peers.js";
import { startPrometheus } from "../support/prometheus-blocks.js";
import type { WireSeries } from "../support/remote-write.js";
import { startServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

interface Entry {
  readonly name: string;
  readonly value: number;
}

interface Status {
  readonly headStats: Readonly<Record<string, number>>;
  readonly seriesCountByMetricName: readonly Entry[];
  readonly labelValueCountByLabelName: readonly Entry[];
  readonly memoryInBytesByLabelName: readonly Entry[];
  readonly seriesCountByLabelValuePair: readonly Entry[];
}

async function statusOf(url: string): Promise<unknown> {
  const response = await fetch(`${url}/api/v1/status/tsdb?limit=10000`);
  const { data } = (await response.json()) as { data: Status };
  const sorted = (entries: readonly Entry[]) =>
    [...entries].sort((a, b) => b.value - a.value || (a.name < b.name ? -1 : 1));
  const { numSeries, numLabelPairs, minTime, maxTime } = data.headStats;
  return {
    head: { numSeries, numLabelPairs, minTime, maxTime },
    metrics: sorted(data.seriesCountByMetricName),
    values: sorted(data.labelValueCountByLabelName),
    bytes: sorted(data.memoryInBytesByLabelName),
    pairs: sorted(data.seriesCountByLabelValuePair),
  };
}

test("the same statistics as Prometheus", { timeout: 60_000 }, async (t) => {
  const command = peerOrSkip(t, "prometheus");
  if (command === null) return;
  const folder = mkdtempSync(join(tmpdir(), "varve-status-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [prometheus, server] = [await startPrometheus(t, command, folder), await startServer(t)];
  const now = Date.now();
  const series: WireSeries[] = Array.from({ length: 500 }, (_, i) => ({
    labels: [
      ["__name__", `metric_${i % 7}`],
      ["größe", `größe-${i % 13}`],
      ["host", `host-${i}`],
      ...(i % 3 === 0 ? [["rare", "🦀".repeat(i % 5)] as [string, string]] : []),
    ],
    samples: Array.from({ length: 5 }, (_, k) => ({ timestamp: now - 60_000 + 1000 * k + i, value: k })),
  }));
  for (const url of [prometheus.url, server.url]) {
    const { status, text } = await postV1(url, series);
    assert(status < 300, text);
  }
  assert.deepEqual(await statusOf(server.url), await statusOf(prometheus.url));
});
