import * as assert from "node:assert/strict";
import { test } from "node:test";
import { checkReopened, DatabaseWorkload } from "../support/database-workload.js";
import { FaultFileSystem, type FileOperation, WRITING_OPERATIONS } from "../support/fault-file-system.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const SYNCS: readonly FileOperation[] = [
  "fdatasyncAsync",
  "fsyncDirectoryAsync",
  "fsyncDirectory",
  "fdatasync",
];
const SEED = Number(process.env["SEED"] ?? 22);
/** In `long/every-call.test.ts`; else a part of the places at which blocks are written. */
const EVERY_CALL = process.env["VARVE_EVERY_CALL"] === "1";
const CHANGES_STEP = EVERY_CALL ? 1 : 3;
const CALLS_STEP = EVERY_CALL ? 1 : 7;

test("a power cut before any sync loses no acknowledged sample", async () => {
  const disk = new MemFileSystem();
  const fs = new FaultFileSystem(disk);
  const cuts: { disk: MemFileSystem; acknowledged: number }[] = [];
  let workload: DatabaseWorkload | null = null;
  fs.before = (operation) => {
    if (!SYNCS.includes(operation)) return;
    const acknowledged = workload?.acknowledged.length ?? 0;
    for (const cut of [disk.crashClone(), disk.crashClone({ seed: cuts.length }), disk.clone()]) {
      cuts.push({ disk: cut, acknowledged });
    }
  };
  workload = new DatabaseWorkload(fs, SEED);
  await workload.run(120, 4);
  assert.ok(cuts.length > 100, `${cuts.length} cuts`);
  for (const cut of cuts) {
    await checkReopened(cut.disk, workload.acknowledged.slice(0, cut.acknowledged), workload.submitted);
  }
  await checkReopened(disk, workload.acknowledged, workload.submitted);
});

for (const [code, failures, partial] of [
  ["ENOSPC", 1, 0.5],
  ["EIO", 3, 0],
] as const) {
  test(`the n-th call fails with ${code}, ${failures} in a row: refused, then served again, nothing lost`, async () => {
    let reached = true;
    let refusals = 0;
    for (let failAt = 1; reached; failAt++) {
      assert.ok(failAt < 1000, "the workload never ends without a failure");
      const disk = new MemFileSystem();
      disk.mkdir("/data/varve-wal");
      const fs = new FaultFileSystem(disk);
      const workload = new DatabaseWorkload(fs, SEED + failAt);
      fs.rule = { operations: [...WRITING_OPERATIONS, "open"], failAt, failures, code, partial };
      await workload.run(16, 3);
      reached = fs.failed > 0;
      refusals += workload.refusals;
      await checkReopened(disk.crashClone(), workload.acknowledged, workload.submitted);
      await checkReopened(disk.crashClone({ seed: failAt }), workload.acknowledged, workload.submitted);
      await checkReopened(disk, workload.acknowledged, workload.submitted);
    }
    assert.ok(refusals > 0);
  });
}

/** Everything that changes the disk: blocks are written with the synchronous calls. */
const CHANGES: readonly FileOperation[] = [...WRITING_OPERATIONS, "open", "removeTree"];

test("a power cut at any change while blocks are written and the log is cut loses nothing", async () => {
  const disk = new MemFileSystem();
  const fs = new FaultFileSystem(disk);
  const cuts: { disk: MemFileSystem; acknowledged: number }[] = [];
  let workload: DatabaseWorkload | null = null;
  let changes = 0;
  fs.before = (operation) => {
    if (!CHANGES.includes(operation) || changes++ % CHANGES_STEP !== 0) return;
    const acknowledged = workload?.acknowledged.length ?? 0;
    const cut = cuts.length % 2 === 0 ? disk.crashClone({ seed: changes }) : disk.crashClone();
    cuts.push({ disk: cut, acknowledged });
  };
  workload = new DatabaseWorkload(fs, SEED);
  await workload.runWithBlocks(5, 25, 3);
  fs.before = () => {};
  assert.ok(
    disk.list("/data").some((name) => name.length === 26),
    "there are blocks",
  );
  assert.ok(
    disk.list("/data/varve-wal").some((name) => name.startsWith("checkpoint.")),
    "the log was cut",
  );
  for (const cut of cuts) {
    await checkReopened(cut.disk, workload.acknowledged.slice(0, cut.acknowledged), workload.submitted);
  }
  await checkReopened(disk, workload.acknowledged, workload.submitted);
});

test("the n-th call fails while blocks are written and the log is cut: nothing is lost", async () => {
  let reached = true;
  let failedRounds = 0;
  for (let failAt = 1; reached; failAt += CALLS_STEP) {
    assert.ok(failAt < 5000, "the workload never ends without a failure");
    const disk = new MemFileSystem();
    disk.mkdir("/data/varve-wal");
    const fs = new FaultFileSystem(disk);
    const workload = new DatabaseWorkload(fs, SEED + 1);
    fs.rule = { operations: CHANGES, failAt, code: failAt % 2 === 0 ? "EIO" : "ENOSPC", partial: 0.5 };
    await workload.runWithBlocks(3, 16, 2);
    reached = fs.failed > 0;
    failedRounds += workload.failedRounds;
    await checkReopened(disk.crashClone(), workload.acknowledged, workload.submitted);
    await checkReopened(disk, workload.acknowledged, workload.submitted);
  }
  assert.ok(failedRounds > 0, "some failures hit the maintenance");
});
