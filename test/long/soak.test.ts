import * as assert from "node:assert/strict";
import { test } from "node:test";
import { runSoak, SOAK_FLAGS } from "../soak/soak.js";
import { startServer } from "../support/server.js";

const SECONDS = Number(process.env["SOAK_SECONDS"] ?? 60);
const RSS_MB_MAX = 1000;

test(`${SECONDS} s of writes, queries, deletes and compaction: every answer as the model's`, async (t) => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`SEED=${seed}`);
  const server = await startServer(t, { flags: SOAK_FLAGS });
  const report = await runSoak(server, SECONDS, seed, (line) => t.diagnostic(line));
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(report.problems, [], server.output().slice(-4000));
  assert.ok(report.samplesCompared > 10_000, `${report.samplesCompared} samples compared`);
  assert.ok(report.rssMbMax < RSS_MB_MAX, `${report.rssMbMax} MB`);
  assert.equal(await server.stop(), 0);
});
