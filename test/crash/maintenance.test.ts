import * as assert from "node:assert/strict";
import { test } from "node:test";
import { listBlocks, supersededBlocks } from "../../dist/block/block-folder.js";
import { MaintenanceThread } from "../../dist/db/maintenance.js";
import { DATA_DIR, LocalDatabase } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { FaultFileSystem, type FileOperation } from "../support/fault-file-system.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import type { WireSeries } from "../support/remote-write.js";

const RANGE_MS = 7_200_000;
const START_MS = 1_790_000_000_000 - (1_790_000_000_000 % RANGE_MS);
const OPTIONS = { segmentBytesMax: 4 << 10, chunkSamplesMax: 20 };
/** Of what is compacted. */
const END_MS = START_MS + 2 * RANGE_MS;
const SYNCS: readonly FileOperation[] = ["fsync", "fsyncDirectory", "rename", "unlink", "removeTree"];

function series(name: string, samples: NonNullable<WireSeries["samples"]>): WireSeries {
  return { labels: [["__name__", name]], samples };
}

/** Five hours of five series, a minute apart, with a late sample now and then. */
async function fill(db: LocalDatabase): Promise<void> {
  for (let minute = 0; minute < 300; minute++) {
    const t = START_MS + minute * 60_000;
    const all = [0, 1, 2, 3, 4].map((i) => series(`m${i}`, [{ value: minute * i, timestamp: t }]));
    if (minute % 17 === 16) all.push(series("m0", [{ value: -minute, timestamp: t - 90_500 }]));
    const answer = await db.writeSeries(all);
    assert.equal(answer.status, 204, answer.message);
  }
}

function openMaintenance(db: LocalDatabase, fs: FaultFileSystem | MemFileSystem, clock: FakeClock) {
  return new MaintenanceThread(db.database.shared, {
    fs,
    clock,
    dir: DATA_DIR,
    logDir: db.database.logDir,
    blockRangeMs: RANGE_MS,
    retentionMs: 0,
    retentionBytes: 0,
    checkpoint: () => {},
  });
}

/** The whole of a maintenance run, as the server does it. Returns the segments that the log lost. */
function compact(db: LocalDatabase, fs: FaultFileSystem | MemFileSystem, clock: FakeClock): number {
  const maintenance = openMaintenance(db, fs, clock);
  const endMs = END_MS;
  const blocks = maintenance.compactHead(endMs, db.database.log.end);
  assert.equal(blocks.length, 2);
  maintenance.dropHead();
  assert.deepEqual(
    maintenance.compactHead(endMs, db.database.log.end),
    [],
    "what was dropped is not written again",
  );
  db.database.kernel.exports.sweepEvictionQueue();
  const last = db.database.lastSegmentBefore(endMs, db.database.log.segment);
  const deleted = last === 0 ? 0 : maintenance.truncateLog(last, db.database.sideRecords());
  db.database.forgetSegments(last);
  while (maintenance.maintain(db.database.newestMs).kind !== "idle");
  return deleted;
}

/** Samples of blocks that no other block replaces. */
function samplesInBlocks(fs: MemFileSystem): number {
  const { metas } = listBlocks(fs, DATA_DIR);
  const replaced = supersededBlocks(metas);
  return metas
    .filter((meta) => !replaced.includes(meta))
    .reduce((sum, { stats }) => sum + stats.numSamples, 0);
}

/** Readers show a sample once, however often it is stored: that it is stored once is seen in the blocks alone. */
function assertStoredOnce(db: LocalDatabase, disk: MemFileSystem, what: string): void {
  db.maintain(END_MS);
  const samples = [...db.contents().values()].flatMap((one) => [...one.keys()]).filter((t) => t < END_MS);
  assert.equal(samplesInBlocks(disk), samples.length, `${what}: samples in blocks`);
  const { head } = db;
  assert.equal(
    head.refs([], START_MS, END_MS - 1).length,
    0,
    `${what}: series with samples in head and block`,
  );
}

test("a power cut at any moment of head compaction and log truncation loses and doubles nothing", async () => {
  const disk = new MemFileSystem();
  const fs = new FaultFileSystem(disk);
  const clock = new FakeClock(START_MS + 3 * RANGE_MS);
  const db = new LocalDatabase(fs, clock, OPTIONS);
  await fill(db);
  const before = db.contents();
  assert.equal(before.get("m0")?.size, 300 + 17);
  const cuts: MemFileSystem[] = [];
  fs.before = (operation) => {
    if (SYNCS.includes(operation)) cuts.push(disk.crashClone(), disk.crashClone({ seed: cuts.length }));
  };
  assert.ok(compact(db, fs, clock) > 2, "segments were deleted");
  fs.before = () => {};
  assert.deepEqual(db.contents(), before);
  assertStoredOnce(db, disk, "without a cut");
  await db.close();
  assert.ok(cuts.length > 20, `${cuts.length} cuts`);
  for (const cut of [...cuts, disk]) {
    if (cut.exists(`${DATA_DIR}/lock`)) cut.unlink(`${DATA_DIR}/lock`); // its holder, this process, lives on
    const reopened = new LocalDatabase(cut, clock, OPTIONS);
    assert.deepEqual(reopened.contents(), before);
    const answer = await reopened.writeSeries([
      series("after", [{ value: 1, timestamp: START_MS + 3 * RANGE_MS }]),
    ]);
    assert.equal(answer.status, 204);
    await reopened.close();
    const again = new LocalDatabase(cut, clock, OPTIONS);
    assertStoredOnce(again, cut, "after a cut");
    assert.equal(again.contents().get("after")?.size, 1, "what is written after a truncation is replayed");
    assert.equal(again.contents().size, before.size + 1);
    await again.close();
  }
});

test("samples that arrive while the head is compacted are kept", async () => {
  const disk = new MemFileSystem();
  const clock = new FakeClock(START_MS + 3 * RANGE_MS);
  const db = new LocalDatabase(disk, clock, OPTIONS);
  await fill(db);
  const maintenance = openMaintenance(db, disk, clock);
  const endMs = START_MS + 2 * RANGE_MS;
  maintenance.compactHead(endMs, db.database.log.end);
  const late = START_MS + 30_500;
  await db.writeSeries([series("m1", [{ value: 99, timestamp: late }])]);
  maintenance.dropHead();
  const stored = db.contents().get("m1");
  assert.equal(stored?.size, 301);
  assert.ok(stored?.has(late));
  // and the next compaction puts them into a block that overlaps
  maintenance.compactHead(endMs, db.database.log.end);
  maintenance.dropHead();
  assert.equal(db.contents().get("m1")?.size, 301);
  await db.close();
});
