import * as assert from "node:assert/strict";
import { test } from "node:test";
import { runHostileCampaign } from "../support/hostile-campaign.js";
import { writeHostileData } from "../support/hostile-queries.js";
import { startServer } from "../support/server.js";

const THREADS = 2;
const TIMEOUT_MS = 3000;
const MANY = 50_000;
/** docs/LIMITS.md, "Queries": what a thread may take, and what the rest of this server does. */
const RSS_BYTES_MAX: number = 2 ** 29 + THREADS * 2.5 * 2 ** 30;

test("500 hostile queries, eight at a time, each end in time with an answer; memory stays inside its bound", async (t) => {
  const seed = Number(process.env["SEED"] ?? 1);
  const count = Number(process.env["COUNT"] ?? 500);
  const server = await startServer(t, {
    flags: [
      `--query.max-concurrency=${THREADS}`,
      `--query.timeout=${TIMEOUT_MS}ms`,
      "--enable-feature=promql-experimental-functions,promql-per-step-stats",
      "--storage.durability=memory",
    ],
  });
  const endMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  await writeHostileData(server.url, MANY, endMs);
  const outcomes = await runHostileCampaign(server, {
    seed,
    count,
    concurrency: 8,
    endMs,
    // The wait for a thread is part of the timeout; what comes behind it is the way of the answer.
    answerMsMax: 5 * TIMEOUT_MS,
  });
  const peak = server.rssPeakBytes();
  t.diagnostic(`${JSON.stringify([...outcomes])}, peak RSS ${peak >> 20} MiB`);
  assert.ok(peak < RSS_BYTES_MAX, `peak RSS ${peak >> 20} MiB`);
  const answer = await fetch(`${server.url}/api/v1/query?query=count(long_total@${endMs / 1000})`);
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /"10"/);
  assert.equal(await server.stop(), 0);
});
