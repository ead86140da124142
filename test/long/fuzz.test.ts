import * as assert from "node:assert/strict";
import { test } from "node:test";
import { runFuzz } from "../fuzz/remote-write.fuzz.js";
import { startServer } from "../support/server.js";

const COUNT = Number(process.env["FUZZ_COUNT"] ?? 100_000);

test(`${COUNT} hostile requests: no crash, no hang, flat memory, every answer clear and true`, async (t) => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`SEED=${seed}`);
  // A bound on series, as a careful operator sets it: hostile label values cannot grow memory for ever then.
  const server = await startServer(t, { flags: ["--limits.series=50000"] });
  const report = await runFuzz({ url: server.url, count: COUNT, seed, nowMs: Date.now(), pid: server.pid });
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(report.violations, [], server.output().slice(-4000));
  assert.ok(report.judged > COUNT / 50, `only ${report.judged} answers of 204 could be judged`);
  await server.restart();
  const again = await runFuzz({ url: server.url, count: 100, seed: seed + 1, nowMs: Date.now() });
  assert.deepEqual(again.violations, [], "serving after a restart on what was stored");
  assert.equal(await server.stop(), 0);
});
