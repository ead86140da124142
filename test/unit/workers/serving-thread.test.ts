import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ServingThread } from "../../../dist/workers/serving-thread.js";
import { closePool, openPool } from "../../../dist/workers/thread-pool.js";

const filename = new URL("../../support/ordered-entry.js", import.meta.url).href;

function open(t: TestContext, hasBell: boolean) {
  const pool = openPool({ filename, minThreads: 1, maxThreads: 1, atomics: "disabled" });
  t.after(() => closePool(pool));
  const ended: unknown[] = [];
  const thread = new ServingThread<string, string>(pool, hasBell, (error) => ended.push(error));
  const ask = (request: string): Promise<string> =>
    new Promise((resolve, reject) => thread.ask(request, { resolve, reject }));
  return { pool, thread, ended, ask };
}

for (const hasBell of [true, false]) {
  const how = hasBell ? "told by a bell" : "told by its event loop";

  test(`${how}: answers come in the order of the requests, also where one takes long`, async (t) => {
    const { thread, ended, ask } = open(t, hasBell);
    const requests = ["a", "later b", "c", "later d", "later e", "f"];
    const answers = requests.map(ask);
    assert.equal(thread.asked, requests.length);
    assert.deepEqual(await Promise.all(answers), requests);
    assert.equal(thread.asked, 0);
    assert.equal(await ask("later g"), "later g");
    for (let i = 0; i < 1000; i++) assert.equal(await ask(String(i)), String(i));
    assert.deepEqual(ended, []);
  });

  test(`${how}: a thread that throws ends, and so does all that it was asked`, async (t) => {
    for (const how of ["throw", "later throw", "exit"]) {
      const { ended, ask } = open(t, hasBell);
      const answers = await Promise.allSettled(["a", how, "b"].map(ask));
      assert.deepEqual(
        answers.map(({ status }) => status),
        ["fulfilled", "rejected", "rejected"],
      );
      assert.equal(ended.length, 1);
    }
  });

  test(`${how}: a thread that shall end answers first, and the pool has it back`, async (t) => {
    const { pool, thread, ended, ask } = open(t, hasBell);
    const answers = ["a", "later b"].map(ask);
    thread.end();
    assert.deepEqual(await Promise.all(answers), ["a", "later b"]);
    const threadId = pool.threads[0]?.threadId;
    const next = new ServingThread<string, string>(pool, hasBell, () => {});
    const answer = await new Promise((resolve, reject) => next.ask("thread", { resolve, reject }));
    assert.equal(answer, String(threadId));
    assert.equal(ended.length, 1);
  });
}
