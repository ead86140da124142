import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ServingThreads } from "../../../dist/workers/serving-threads.js";
import { AREA_BYTES_MAX } from "../../../dist/workers/shared-area.js";
import { closePool, openPool } from "../../../dist/workers/thread-pool.js";
import type { Answer } from "../../support/serving-entry.js";

const filename = new URL("../../support/serving-entry.js", import.meta.url).href;
const NEVER_MS = 60_000;

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
    const next = await threads.ask(request);
    assert.deepEqual([next.request, next.threadId], [request, first.threadId]);
  }
  assert.equal(pool.threads.length, 1);
  const together = await Promise.all(["d", "e", "f"].map((request) => threads.ask(request)));
  assert.deepEqual(
    together.map(({ request }) => request),
    ["d", "e", "f"],
  );
  assert.equal(new Set(together.map(({ threadId }) => threadId)).size, 3);
});

const SIZES = [10, 0, 300_000, 5, AREA_BYTES_MAX, AREA_BYTES_MAX + 1, 300_000];

function assertFilled({ body }: Answer, byte: number, length: number): void {
  assert.equal(body.length, length);
  assert.ok(
    body.every((one) => one === byte),
    `${length} times ${byte}`,
  );
}

test("bodies that nobody released stay as they are", async (t) => {
  const { threads } = open(t, NEVER_MS);
  const answers: Answer[] = [];
  for (const [i, size] of SIZES.entries()) answers.push(await threads.ask(`fill ${i + 1} ${size}`));
  for (const [i, size] of SIZES.entries()) assertFilled(answers[i]!, i + 1, size);
});

test("a released body's memory is used again, a larger one's is not", async (t) => {
  const { threads } = open(t, NEVER_MS);
  const buffers = new Set<ArrayBufferLike>();
  for (const [i, size] of SIZES.entries()) {
    const answer = await threads.ask(`fill ${i + 1} ${size}`);
    assertFilled(answer, i + 1, size);
    buffers.add(answer.body.buffer);
    answer.release?.();
  }
  // 256 KiB, 512 KiB, the largest, and the one that was handed over.
  assert.equal(buffers.size, 4);
});

test("a late release is no release of what lies there by then", async (t) => {
  const { threads } = open(t, NEVER_MS);
  const first = await threads.ask("fill 1 10");
  first.release?.();
  const second = await threads.ask("fill 2 10");
  assert.equal(second.body.buffer, first.body.buffer);
  first.release?.();
  const third = await threads.ask("fill 3 10");
  assertFilled(second, 2, 10);
  assertFilled(third, 3, 10);
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
