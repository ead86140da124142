import * as assert from "node:assert/strict";
import { test } from "node:test";
import { ThreadSlots } from "../../../dist/workers/thread-slots.js";

test("the numbers of threads that ended are given out again", () => {
  const slots = ThreadSlots.create(3);
  const seenByThread = new ThreadSlots(slots.buffer);
  assert.deepEqual(
    [11, 12, 13, 14].map((thread) => seenByThread.take(thread)),
    [0, 1, 2, -1],
  );
  const freed: number[] = [];
  slots.sweep(new Set([11, 13]), (index) => freed.push(index));
  assert.deepEqual(freed, [1]);
  assert.equal(seenByThread.take(14), 1);
});
