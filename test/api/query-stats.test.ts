/** `stats` of an answer: Prometheus counts the same (util/stats/query_stats.go; seen to agree on random queries). */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { startServer, type TestServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

const START = 1_700_000_000;

interface Samples {
  readonly totalQueryableSamples: number;
  readonly totalQueryableSamplesPerStep?: readonly [number, number][];
  readonly samplesRead: number;
  readonly samplesReadPerStep?: readonly [number, number][];
  readonly peakSamples: number;
}

async function statsOf(
  server: TestServer,
  path: string,
  params: Record<string, string>,
): Promise<{ timings: Record<string, number>; samples: Samples } | undefined> {
  const response = await fetch(`${server.url}/api/v1/${path}?${new URLSearchParams(params)}`);
  const body = (await response.json()) as {
    data: { stats?: { timings: Record<string, number>; samples: Samples } };
  };
  return body.data.stats;
}

test("stats=all counts samples by step as Prometheus does", async (t) => {
  const server = await startServer(t, {
    flags: ["--enable-feature=promql-per-step-stats", "--storage.tsdb.retention.time=100y"],
  });
  const samples = Array.from({ length: 61 }, (_, i) => ({ value: i, timestamp: (START + 10 * i) * 1000 }));
  const series = ["a", "b"].map((job) => ({
    labels: [
      ["__name__", "m"],
      ["job", job],
    ] as [string, string][],
    samples,
  }));
  await postV1(server.url, series);
  const range = { start: String(START + 100), end: String(START + 160), step: "30", stats: "all" };
  const at = [100, 130, 160].map((seconds) => START + seconds);

  const selected = (await statsOf(server, "query_range", { ...range, query: "m" }))?.samples;
  assert.deepEqual(selected?.totalQueryableSamplesPerStep, [
    [at[0], 2],
    [at[1], 2],
    [at[2], 2],
  ]);
  assert.deepEqual([selected?.totalQueryableSamples, selected?.samplesRead], [6, 6]);

  // Windows of six samples, three of them new at each step behind the first.
  const sum = (await statsOf(server, "query_range", { ...range, query: "sum(sum_over_time(m[1m]))" }))
    ?.samples;
  assert.deepEqual(sum?.totalQueryableSamplesPerStep, [
    [at[0], 12],
    [at[1], 12],
    [at[2], 12],
  ]);
  assert.deepEqual(sum?.samplesReadPerStep, [
    [at[0], 12],
    [at[1], 6],
    [at[2], 6],
  ]);
  assert.deepEqual([sum?.totalQueryableSamples, sum?.samplesRead], [36, 24]);

  const once = (await statsOf(server, "query_range", { ...range, query: `m @ ${START}` }))?.samples;
  assert.deepEqual(
    [once?.totalQueryableSamples, once?.samplesReadPerStep?.map(([, count]) => count)],
    [6, [2, 0, 0]],
  );

  const inner = (
    await statsOf(server, "query", { ...range, time: range.end, query: "max_over_time(m[1m:20s])" })
  )?.samples;
  assert.deepEqual([inner?.totalQueryableSamples, inner?.samplesRead], [6, 6]);
});

test("any stats gives sums and times, none gives no field, and steps need their feature", async (t) => {
  const server = await startServer(t);
  const query = { query: "vector(1)", time: String(START) };
  assert.equal(await statsOf(server, "query", query), undefined);
  const stats = await statsOf(server, "query", { ...query, stats: "true" });
  assert.deepEqual(Object.keys(stats?.timings ?? {}), [
    "evalTotalTime",
    "resultSortTime",
    "queryPreparationTime",
    "innerEvalTime",
    "execQueueTime",
    "execTotalTime",
  ]);
  for (const seconds of Object.values(stats?.timings ?? {})) assert.ok(seconds >= 0 && seconds < 60);
  const { peakSamples, ...samples } = stats?.samples ?? { peakSamples: 0 };
  assert.deepEqual(samples, { totalQueryableSamples: 0, samplesRead: 0 });
  assert.ok(peakSamples > 0);
  const all = await statsOf(server, "query", { ...query, stats: "all" });
  assert.equal(all?.samples.totalQueryableSamplesPerStep, undefined);
});
