import * as assert from "node:assert/strict";
import { test } from "node:test";
import { RefusalError } from "../../../dist/base/errors.js";
import {
  GroupCommit,
  type GroupCommitOptions,
  type LogStatus,
  type Prologue,
} from "../../../dist/wal/group-commit.js";
import { decodeSegmentHeader, encodeRecord, RecordType } from "../../../dist/wal/record-format.js";
import { type LogPlace, listSegments, RecordReader } from "../../../dist/wal/segments.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FaultFileSystem } from "../../support/fault-file-system.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const DIR = "/data/wal";

function record(text: string): Uint8Array {
  return encodeRecord(RecordType.SAMPLES, new TextEncoder().encode(text));
}

interface Answer {
  readonly place: LogPlace | null;
  readonly error: Error | null;
}

function submit(log: GroupCommit, ...texts: string[]): Promise<Answer> {
  return new Promise((resolve) => log.submit(texts.map(record), (place, error) => resolve({ place, error })));
}

function setUp(options: Partial<GroupCommitOptions> = {}): {
  mem: MemFileSystem;
  fs: FaultFileSystem;
  clock: FakeClock;
  statuses: LogStatus[];
  log: GroupCommit;
} {
  const mem = new MemFileSystem();
  mem.mkdir("/data");
  mem.syncAll();
  const fs = new FaultFileSystem(mem);
  const clock = new FakeClock();
  const statuses: LogStatus[] = [];
  const log = new GroupCommit(fs, DIR, {
    durability: "fsync",
    clock,
    onStatus: (status) => statuses.push(status),
    ...options,
  });
  return { mem, fs, clock, statuses, log };
}

function textAt(mem: MemFileSystem, place: LogPlace | null): string {
  assert.ok(place !== null);
  const reader = new RecordReader(mem, DIR);
  const payload = reader.readRecord(place.segment, place.offset, RecordType.SAMPLES);
  reader.close();
  return new TextDecoder().decode(payload);
}

test("what is submitted together becomes durable in one group, each at its place", async () => {
  const { mem, fs, log } = setUp();
  let syncs = 0;
  fs.before = (operation) => {
    if (operation === "fdatasyncAsync") syncs++;
  };
  const answers = await Promise.all(["a", "bb", "ccc"].map((text) => submit(log, text)));
  const survived = mem.crashClone();
  assert.deepEqual(
    answers.map(({ place }) => textAt(survived, place)),
    ["a", "bb", "ccc"],
  );
  assert.equal(syncs, 1);
  assert.equal(log.commits, 1);
  assert.equal(log.submissions, 3);
  assert.equal(log.bytes, 3 * 24);
  assert.equal(
    log.syncMsCounts.reduce((a, b) => a + b),
    1,
  );
  assert.deepEqual(decodeSegmentHeader(mem.readFile(`${DIR}/00000001`)), {
    segment: 1,
    createdMs: Date.UTC(2026, 10, 22, 14),
  });
});

test("what arrives while a group is in flight goes out as the next group", async () => {
  const { fs, log } = setUp();
  const later: Promise<Answer>[] = [];
  fs.before = (operation) => {
    if (operation === "fdatasyncAsync" && later.length === 0) later.push(submit(log, "x"), submit(log, "y"));
  };
  await submit(log, "first");
  await Promise.all(later);
  assert.equal(log.commits, 2);
  assert.equal(log.submissions, 3);
});

test("a new segment begins where the old one would grow too long, and after a restart", async () => {
  const { mem, log } = setUp({ segmentBytesMax: 32 + 3 * 24 });
  const places: (LogPlace | null)[] = [];
  for (const text of ["1", "2", "3", "4"]) places.push((await submit(log, text)).place);
  assert.deepEqual(places, [
    { segment: 1, offset: 32 },
    { segment: 1, offset: 56 },
    { segment: 1, offset: 80 },
    { segment: 2, offset: 32 },
  ]);
  assert.equal(textAt(mem.crashClone(), places[3]), "4");
  await log.close();
  assert.equal(mem.openCount, 0);
  const again = new GroupCommit(mem, DIR, { durability: "fsync", clock: new FakeClock() });
  assert.deepEqual((await submit(again, "5")).place, { segment: 3, offset: 32 });
  assert.deepEqual(listSegments(mem, DIR), [1, 2, 3]);
});

test("a group longer than a segment gets one of its own", async () => {
  const { mem, log } = setUp({ segmentBytesMax: 100 });
  await submit(log, "small");
  const { place } = await submit(log, "x".repeat(500));
  assert.deepEqual(place, { segment: 2, offset: 32 });
  assert.equal(textAt(mem, place), "x".repeat(500));
});

test("a submission of nothing is a barrier", async () => {
  const { log } = setUp();
  const order: string[] = [];
  log.submit([record("a")], () => order.push("a"));
  log.submit([], (_place, error) => order.push(String(error)));
  log.submit([record("b")], () => order.push("b"));
  await log.close();
  assert.deepEqual(order, ["a", "null", "b"]);
});

test("the prologue comes first in its group and hears what became of it", async () => {
  const heard: string[] = [];
  let series = 0;
  const prologue: Prologue = {
    take: () => [record(`series ${series}`)],
    durable: () => {
      heard.push(`durable ${series++}`);
    },
    failed: () => {
      heard.push(`failed ${series}`);
    },
  };
  const { mem, fs, clock, log } = setUp({ prologue, retryIntervalMs: 100 });
  const first = await submit(log, "a");
  assert.equal(textAt(mem, { segment: 1, offset: 32 }), "series 0");
  assert.deepEqual(first.place, { segment: 1, offset: 56 });
  fs.rule = { operations: ["fdatasyncAsync"], failAt: 1, code: "EIO" };
  assert.ok((await submit(log, "b")).error instanceof RefusalError);
  clock.advance(100);
  const third = await submit(log, "c");
  assert.deepEqual(third.place, { segment: 2, offset: 56 });
  assert.equal(textAt(mem, { segment: 2, offset: 32 }), "series 1");
  assert.deepEqual(heard, ["durable 0", "failed 1", "durable 1"]);
});

test("a prologue that cannot be made refuses its group alone", async () => {
  let memory = false;
  let failed = 0;
  const prologue: Prologue = {
    take: () => {
      if (!memory) throw new RangeError("no memory");
      return [];
    },
    durable: () => {},
    failed: () => {
      failed++;
    },
  };
  const { log } = setUp({ prologue });
  const { error } = await submit(log, "a");
  assert.ok(error instanceof RefusalError && error.message.includes("no memory"));
  assert.equal(failed, 1);
  memory = true;
  assert.deepEqual((await submit(log, "b")).place, { segment: 1, offset: 32 });
});

test("a failed group is refused as a whole and taken back; the log recovers in a new segment", async () => {
  const { mem, fs, clock, statuses, log } = setUp({ retryIntervalMs: 1000 });
  await submit(log, "kept");
  fs.rule = { operations: ["writevAsync"], failAt: 1, failures: 2, code: "ENOSPC", partial: 0.7 };
  const refused = await Promise.all([submit(log, "lost 1"), submit(log, "lost 2")]);
  for (const { place, error } of refused) {
    assert.equal(place, null);
    assert.ok(error instanceof RefusalError);
    assert.equal(error.code, "storage_failed");
    assert.match(error.message, /ENOSPC/);
  }
  assert.equal(log.status.state, "degraded");
  assert.match((await submit(log, "too soon")).error?.message ?? "", /cannot be written/);
  assert.equal(fs.calls, 1, "nothing touched the disk before the retry interval was over");
  clock.advance(1000);
  assert.notEqual((await submit(log, "probe that fails")).error, null);
  clock.advance(1000);
  const { place, error } = await submit(log, "again");
  assert.equal(error, null);
  assert.equal(textAt(mem.crashClone(), place), "again");
  assert.deepEqual(
    statuses.map(({ state }) => state),
    ["degraded", "degraded", "ok"],
  );
  assert.equal(mem.readFile(`${DIR}/00000001`).length, 32 + 24);
  await log.close();
  assert.equal(mem.openCount, 0);
});

test("only one submission at a time probes a failed disk; a timer may, too", async () => {
  const { fs, clock, log } = setUp({ retryIntervalMs: 10 });
  fs.rule = { operations: ["fdatasyncAsync"], failAt: 1, code: "EIO" };
  await submit(log, "a");
  clock.advance(10);
  const probe = submit(log, "probe");
  let second: Error | null = null;
  log.submit([record("b")], (_place, error) => {
    second = error;
  });
  assert.ok(second !== null, "refused before submit returned");
  assert.equal((await probe).error, null);
  fs.rule = { operations: ["fdatasyncAsync"], failAt: 1 + fs.calls, code: "EIO" };
  await submit(log, "c");
  log.probe();
  clock.advance(10);
  log.probe();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(log.status.state, "ok");
});

test("a segment whose sync failed is never written again", async () => {
  const { fs, clock, log } = setUp({ retryIntervalMs: 1 });
  assert.deepEqual((await submit(log, "a")).place, { segment: 1, offset: 32 });
  fs.rule = { operations: ["fdatasyncAsync"], failAt: 1, code: "EIO" };
  await submit(log, "b");
  clock.advance(1);
  assert.deepEqual((await submit(log, "c")).place, { segment: 2, offset: 32 });
});

test("close commits what waits, then refuses", async () => {
  const { mem, log } = setUp();
  const pending = submit(log, "last");
  await log.close();
  assert.equal(textAt(mem.crashClone(), (await pending).place), "last");
  const { error } = await submit(log, "late");
  assert.ok(error instanceof RefusalError && error.code === "unavailable");
  await log.close();
});

test("durability write skips the sync, memory skips the disk", async () => {
  const written = setUp({ durability: "write" });
  const { place } = await submit(written.log, "a");
  assert.equal(textAt(written.mem, place), "a");
  assert.equal(written.mem.unsyncedFiles(), 1);
  await written.log.close();
  assert.equal(written.mem.unsyncedFiles(), 0);
  const nowhere = setUp({ durability: "memory" });
  assert.deepEqual(await submit(nowhere.log, "a"), { place: null, error: null });
  assert.deepEqual(nowhere.mem.list(DIR), []);
});
