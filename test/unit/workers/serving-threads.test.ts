import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ServingThreads } from "../../../dist/workers/serving-threads.js";
import { closePool, openPool } from "../../../dist/workers/thread-pool.js";

const filename = new URL("../../support/serving-entry.js", import.meta.url).href;
const NEVER_MS = 60_000;

interface Answer {
  readonly request: string;
  readonly threadId: number;
}

function open(t: TestContext, idleMs: number) {
  const pool = openPool({ filename, minThreads: 1, maxThreads: 3, atomics: "disabled" });
  t.after(() => closePool(pool));
  return { pool, threads: new ServingThreads<string, Answer>(pool, idleMs) };
}

test("each request gets its answer; one thread is enough for one at a time", async (t) => {
  const { pool, threads } = open(t, NEVER_MS);
  const first = await threads.ask("a");
  assert.equal(first.request, "a");
  for (const request of ["b", "c"]) {
    assert.deepEqual(await threads.ask(request), { request, threadId: first.threadId });
  }
  assert.equal(pool.threads.length, 1);
  const together = await Promise.all(["d", "e", "f"].map((request) => threads.ask(request)));
  assert.deepEqual(
    together.map(({ request }) => request),
    ["d", "e", "f"],
  );
  assert.equal(new Set(together.map(({ threadId }) => threadId)).size, 3);
});

for (const end of ["exit", "throw"]) {
  test(`a thread that ends (${end}) takes its request with it and no other`, async (t) => {
    const { threads } = open(t, NEVER_MS);
    const before = await threads.ask("a");
    const [ended, other] = await Promise.allSettled([threads.ask(end), threads.ask("b")]);
    assert.equal(ended.status, "rejected");
    assert.equal(other.status, "fulfilled");
    const after = await Promise.all([threads.ask("c"), threads.ask("d")]);
    assert.ok(after.every(({ threadId }) => threadId !== before.threadId));
  });
}

test("threads with nothing to do end, but for one", async (t) => {
  const { pool, threads } = open(t, 50);
  await Promise.all([threads.ask("a"), threads.ask("b"), threads.ask("c")]);
  assert.equal(pool.threads.length, 3);
  for (let waitedMs = 0; pool.threads.length > 1 && waitedMs < 5000; waitedMs += 10) await sleep(10);
  assert.equal(pool.threads.length, 1);
  await sleep(100);
  assert.equal(pool.threads.length, 1);
  assert.equal((await threads.ask("d")).threadId, pool.threads[0]!.threadId);
});

test("closing the pool rejects what is asked", async (t) => {
  const { pool, threads } = open(t, NEVER_MS);
  const rejected = assert.rejects(threads.ask("wait"));
  await closePool(pool);
  await rejected;
});
