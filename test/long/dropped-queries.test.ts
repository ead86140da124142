import * as assert from "node:assert/strict";
import { test } from "node:test";
import { dropAfter, heavyRequests } from "../support/dropped-queries.js";
import { writeHostileData } from "../support/hostile-queries.js";
import { seededRandom } from "../support/random.js";
import { startServer } from "../support/server.js";

const MANY = Number(process.env["SERIES"] ?? 200_000);
const ROUNDS = Number(process.env["ROUNDS"] ?? 5);

test("clients that go away leave the query thread to others, whatever they asked for", async (t) => {
  const seed = Number(process.env["SEED"] ?? 1);
  const random = seededRandom(seed);
  const server = await startServer(t, {
    flags: [
      "--query.max-concurrency=1",
      "--query.timeout=60s",
      "--enable-feature=promql-experimental-functions",
      "--storage.durability=memory",
    ],
  });
  const endMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
  await writeHostileData(server.url, MANY, endMs);
  const drops = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const request of heavyRequests(endMs)) {
      const drop = await dropAfter(server.url, request, 5 + random() * 600);
      if (!drop.answered) drops.push(drop);
      // What was dropped after its answer was complete may still be on its way.
      await (await fetch(`${server.url}/api/v1/query?query=vector(1)`)).text();
    }
  }
  const held = drops.map(({ heldMs }) => heldMs).sort((a, b) => a - b);
  const at = (part: number): string =>
    held[Math.min(held.length - 1, Math.floor(part * held.length))]!.toFixed(1);
  t.diagnostic(
    `SEED=${seed}: ${held.length} dropped, the thread was held for p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms`,
  );
  for (const { name, afterMs, heldMs } of [...drops].sort((a, b) => b.heldMs - a.heldMs).slice(0, 12)) {
    t.diagnostic(`${name}, dropped after ${afterMs.toFixed(0)} ms: ${heldMs.toFixed(1)} ms`);
  }
  assert.ok(held.length >= 0.3 * ROUNDS * heavyRequests(endMs).length, "most requests were under way");
  const list = await fetch(`${server.url}/api/v1/status/active_queries`);
  assert.match(await list.text(), /"data":\[\]|"activeQueries":\[\]|"data":\{/);
  assert.equal(await server.stop(), 0);
});
