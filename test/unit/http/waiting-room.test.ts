import * as assert from "node:assert/strict";
import { test } from "node:test";
import { SLOT_WAIT_BYTES_MAX, SLOT_WAIT_MS_MAX, SLOT_WAIT_TICK_MS } from "../../../dist/base/limits.js";
import { PASSES } from "../../../dist/base/short-first-queue.js";
import { type Waiter, WaitingRoom } from "../../../dist/http/waiting-room.js";
import type { IngestSlot } from "../../../dist/workers/contract.js";

class FakeWaiter implements Waiter {
  readonly startMs = 0;
  readonly client: string;
  readonly cost: number;
  readonly name: string;
  keptBytes = 0;
  private readonly room: WaitingRoom;
  private readonly left: string[];

  constructor(room: WaitingRoom, left: string[], client: string, name: string, cost: number) {
    this.room = room;
    this.left = left;
    this.client = client;
    this.name = `${client}${name}`;
    this.cost = cost;
  }

  keep(bytes: number): boolean {
    const kept = this.room.keep(this, bytes);
    if (kept) this.keptBytes += bytes;
    return kept;
  }

  wake(): void {
    this.gone(this.name);
  }

  expire(): void {
    this.gone(`-${this.name}`);
  }

  tell(): void {
    this.left.push(`!${this.name}`);
  }

  private gone(what: string): void {
    this.room.leave(this);
    this.keptBytes = 0;
    this.left.push(what);
  }
}

/** A room, and the names of those who left it: awake, or with a "-" refused. */
function openRoom() {
  let slots = 0;
  const left: string[] = [];
  const slot = { release: () => void slots++ } as unknown as IngestSlot;
  const room: WaitingRoom = new WaitingRoom(
    () => (slots-- > 0 ? slot : null),
    () => 0,
  );
  const enter = (client: string, name: string, cost: number): FakeWaiter => {
    const waiter = new FakeWaiter(room, left, client, name, cost);
    room.enter(waiter);
    return waiter;
  };
  const serve = (count: number): string[] => {
    slots = count;
    room.serve();
    return left.splice(0);
  };
  return { room, enter, serve, left };
}

test("a client with one request goes before the many of another", () => {
  const { room, enter, serve } = openRoom();
  for (let i = 0; i < 5; i++) enter("a", String(i), 100);
  assert.deepEqual(serve(2), ["a0", "a1"]);
  enter("b", "0", 100);
  assert.deepEqual(serve(2), ["b0", "a2"]);
  for (let i = 1; i < 4; i++) enter("b", String(i), 100);
  assert.deepEqual(serve(9), ["b1", "a3", "b2", "a4", "b3"], "then they take turns");
  assert.deepEqual([room.count, room.clientCount, room.keptBytes], [0, 0, 0]);
});

test("clients share by bytes, not by requests", () => {
  const { enter, serve } = openRoom();
  for (let i = 0; i < 4; i++) enter("a", String(i), 400);
  for (let i = 0; i < 8; i++) enter("b", String(i), 100);
  const first = serve(6);
  assert.equal(first.filter((name) => name.startsWith("b")).length, 4, first.join());
  serve(9);
});

test("a small request passes large ones of its own client, which are served all the same", () => {
  const { enter, serve } = openRoom();
  for (let i = 0; i < 3; i++) enter("a", `large${i}`, 100);
  enter("a", "small", 10);
  assert.deepEqual(serve(1), ["asmall"]);
  let served = 0;
  for (; !serve(1).includes("alarge0"); served++) enter("a", `small${served}`, 10);
  assert.ok(served * 10 <= PASSES * 100, `${served} small ones before a large one`);
  serve(9);
});

test("a small request passes large ones that came together, also when some of them are through", () => {
  const { enter, serve } = openRoom();
  for (let i = 0; i < 20; i++) enter("a", `large${i}`, 1000);
  for (let i = 0; i < 20; i++) {
    enter("a", "small", 10);
    assert.deepEqual(serve(2), ["asmall", `alarge${i}`]);
  }
});

test("who is refused early is told when its time is over", async () => {
  let nowMs = 0;
  const told: string[] = [];
  const room = new WaitingRoom(
    () => null,
    () => nowMs,
  );
  const waiter = new FakeWaiter(room, told, "a", "full", 1);
  room.refuse(waiter);
  await new Promise((resolve) => setTimeout(resolve, 3 * SLOT_WAIT_TICK_MS));
  assert.deepEqual(told, []);
  nowMs = SLOT_WAIT_MS_MAX;
  await new Promise((resolve) => setTimeout(resolve, 3 * SLOT_WAIT_TICK_MS));
  assert.deepEqual(told, ["!afull"]);
});

test("what is kept is bounded, and who keeps most leaves first", () => {
  const { room, enter, serve, left } = openRoom();
  const [large, middle, small] = [enter("a", "large", 1), enter("b", "middle", 1), enter("c", "small", 1)];
  assert.ok(large.keep(SLOT_WAIT_BYTES_MAX - 2000) && middle.keep(2000));
  assert.ok(small.keep(10), "room is made");
  assert.deepEqual(left.splice(0), ["-alarge"]);
  assert.equal(room.keptBytes, 2010);
  const greedy = enter("d", "greedy", 1);
  assert.equal(greedy.keep(SLOT_WAIT_BYTES_MAX), false, "the largest of all is refused itself");
  greedy.expire();
  assert.deepEqual(left.splice(0), ["-dgreedy"]);
  assert.deepEqual(serve(9), ["bmiddle", "csmall"]);
  assert.equal(room.keptBytes, 0);
});
