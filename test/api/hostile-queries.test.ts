/** The short form of `long/hostile-queries.test.ts`. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { runHostileCampaign } from "../support/hostile-campaign.js";
import { writeHostileData } from "../support/hostile-queries.js";
import { startServer } from "../support/server.js";

test("hostile queries of every kind end with an answer, and the server serves on", async (t) => {
  const server = await startServer(t, {
    flags: [
      "--query.max-concurrency=2",
      "--query.timeout=500ms",
      "--enable-feature=promql-experimental-functions,promql-per-step-stats",
    ],
  });
  const endMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  await writeHostileData(server.url, 2000, endMs);
  const outcomes = await runHostileCampaign(server, {
    seed: 1,
    count: 70,
    concurrency: 4,
    endMs,
    answerMsMax: 60_000,
  });
  t.diagnostic(JSON.stringify([...outcomes]));
  assert.ok(outcomes.size > 2, JSON.stringify([...outcomes]));
  const answer = await fetch(`${server.url}/api/v1/query?query=count(long_total@${endMs / 1000})`);
  assert.match(await answer.text(), /"10"/);
});
