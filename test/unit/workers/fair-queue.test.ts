import * as assert from "node:assert/strict";
import { test } from "node:test";
import { FairQueue } from "../../../dist/workers/fair-queue.js";

const anyone = (): boolean => true;

function drain(queue: FairQueue<string>, may: (client: string) => boolean = anyone): string[] {
  const all: string[] = [];
  for (let next = queue.shift(may); next !== null; next = queue.shift(may)) all.push(next);
  return all;
}

test("clients take turns, each with its oldest entry", () => {
  const queue = new FairQueue<string>(10);
  for (const item of ["a1", "a2", "a3", "b1", "c1", "b2"]) assert.equal(queue.push(item[0]!, item), null);
  assert.deepEqual(drain(queue), ["a1", "b1", "c1", "a2", "b2", "a3"]);
  assert.equal(queue.size, 0);
});

test("who may not have a turn now is passed over and keeps its place", () => {
  const queue = new FairQueue<string>(10);
  for (const item of ["a1", "b1", "a2"]) queue.push(item[0]!, item);
  assert.deepEqual(
    drain(queue, (client) => client !== "a"),
    ["b1"],
  );
  assert.deepEqual(drain(queue), ["a1", "a2"]);
});

test("a full queue drops the newest entry of the client that has most, for one that has fewer", () => {
  const queue = new FairQueue<string>(3);
  for (const item of ["a1", "a2", "a3"]) queue.push("a", item);
  assert.equal(queue.push("a", "a4"), "a4");
  assert.equal(queue.push("b", "b1"), "a3");
  assert.equal(queue.push("b", "b2"), "b2");
  assert.equal(queue.push("c", "c1"), "a2");
  assert.equal(queue.push("d", "d1"), "d1");
  assert.deepEqual(drain(queue), ["a1", "b1", "c1"]);
});

test("an entry can be taken out before its turn, once", () => {
  const queue = new FairQueue<string>(3);
  queue.push("a", "a1");
  queue.push("a", "a2");
  assert.equal(queue.remove("a", "a1"), true);
  assert.equal(queue.remove("a", "a1"), false);
  assert.equal(queue.remove("b", "a2"), false);
  assert.equal(queue.size, 1);
  assert.deepEqual(drain(queue), ["a2"]);
});
