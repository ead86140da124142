/** What the server tells of its own data, over HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WireSeries } from "../support/remote-write.js";
import { startServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

async function data(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url);
  const answer = (await response.json()) as { status: string; data: Record<string, unknown> };
  assert.equal(answer.status, "success");
  return answer.data;
}

function seriesAt(now: number): WireSeries[] {
  return Array.from({ length: 20 }, (_, i) => ({
    labels: [
      ["__name__", i < 15 ? "a" : "b"],
      ["host", `h${i % 4}`],
      ["n", String(i)],
    ],
    samples: [
      { timestamp: now - 1000 * (i + 1), value: i },
      { timestamp: now, value: i },
    ],
  }));
}

test("the head's statistics, the blocks and the replay", async (t) => {
  const server = await startServer(t);
  const empty = await data(`${server.url}/api/v1/status/tsdb`);
  const nothing = { numSeries: 0, numLabelPairs: 0, chunkCount: 0, minTime: 0, maxTime: 0 };
  assert.deepEqual(empty["headStats"], nothing);
  assert.deepEqual(empty["seriesCountByMetricName"], []);

  const now = Date.now();
  assert.equal((await postV1(server.url, seriesAt(now))).status, 204);
  const status = await data(`${server.url}/api/v1/status/tsdb?limit=2`);
  const { chunkCount, ...head } = status["headStats"] as Record<string, number>;
  assert.deepEqual(head, { numSeries: 20, numLabelPairs: 26, minTime: now - 20_000, maxTime: now });
  assert(chunkCount !== undefined && chunkCount >= 20);
  assert.deepEqual(status["seriesCountByMetricName"], [
    { name: "a", value: 15 },
    { name: "b", value: 5 },
  ]);
  assert.deepEqual(status["labelValueCountByLabelName"], [
    { name: "n", value: 20 },
    { name: "host", value: 4 },
  ]);
  assert.deepEqual(status["memoryInBytesByLabelName"], [
    { name: "__name__", value: 20 * (9 + 2) },
    { name: "host", value: 20 * (5 + 3) },
  ]);
  assert.deepEqual(status["seriesCountByLabelValuePair"], [
    { name: "__name__=a", value: 15 },
    { name: "__name__=b", value: 5 },
  ]);
  assert.deepEqual(await data(`${server.url}/api/v1/status/tsdb/blocks`), {
    blocks: [],
    damaged: [],
    quarantined: [],
  });

  await server.restart();
  assert.deepEqual(await data(`${server.url}/api/v1/status/walreplay`), { min: 1, max: 1, current: 1 });
});

test("a limit that is none is refused in Prometheus' words", async (t) => {
  const server = await startServer(t);
  for (const [limit, error] of [
    ["0", "limit must be a positive number"],
    ["-3", "limit must be a positive number"],
    ["x", "limit must be a positive number"],
    ["10001", "limit must not exceed 10000"],
  ]) {
    const response = await fetch(`${server.url}/api/v1/status/tsdb?limit=${limit}`);
    assert.equal(response.status, 400);
    assert.deepEqual(await response.json(), { status: "error", errorType: "bad_data", error });
  }
});
