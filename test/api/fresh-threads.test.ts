/**
 * Two ingest threads in a process that has just begun, where the kernel still runs in the engine's baseline code and
 * the threads meet at every new series: each label set is made once, whoever comes first.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WireSeries } from "../support/remote-write.js";
import { startServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

const PROCESSES = 8;
const SENDERS = 4;
const REQUESTS = 12;
const SERIES = 50;

function seriesOf(sender: number, request: number, timestamp: number): WireSeries[] {
  return Array.from({ length: SERIES }, (_, i) => ({
    labels: [
      ["__name__", "fresh"],
      ["i", String(i)],
      ["request", String(request)],
      ["sender", String(sender)],
    ],
    samples: [{ value: i, timestamp }],
  }));
}

async function send(url: string, sender: number, reversed: boolean, timestamp: number): Promise<void> {
  for (let k = 0; k < REQUESTS; k++) {
    const series = seriesOf(sender, reversed ? REQUESTS - 1 - k : k, timestamp);
    assert.equal((await postV1(url, reversed ? series.reverse() : series)).status, 204);
  }
}

test("no label set is made twice while the first threads meet", async (t) => {
  for (let process = 0; process < PROCESSES; process++) {
    const server = await startServer(t, { flags: ["--ingest.workers=2", "--storage.durability=memory"] });
    const senders = [...Array(SENDERS).keys()];
    const nowMs = Date.now();
    await Promise.all(senders.map((sender) => send(server.url, sender, false, nowMs - 60_000)));
    await Promise.all(senders.map((sender) => send(server.url, sender, true, nowMs)));
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const created = /^varve_head_series_created_total (\d+)$/m.exec(metrics)?.[1];
    assert.equal(Number(created), SENDERS * REQUESTS * SERIES);
    await server.stop();
  }
});
