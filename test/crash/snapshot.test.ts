/** Power cuts and failing calls while a snapshot of blocks and head is taken. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { DATA_DIR, LocalDatabase } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { FaultFileSystem, type FileOperation, WRITING_OPERATIONS } from "../support/fault-file-system.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const RANGE_MS = 60_000;
const OPTIONS = { chunkSamplesMax: 6, blockRangeMs: RANGE_MS };
const CHANGES: readonly FileOperation[] = [...WRITING_OPERATIONS, "open", "removeTree"];
const SNAPSHOT = `${DATA_DIR}/snapshots/s`;

const clock = new FakeClock();
const startMs = Math.floor(clock.nowMs() / RANGE_MS) * RANGE_MS - 5 * RANGE_MS;

/** Two ranges in blocks, two in the head, a late sample among them. */
async function filled(fs: FaultFileSystem): Promise<LocalDatabase> {
  const db = new LocalDatabase(fs, clock, OPTIONS);
  for (let i = 0; i < 48; i++) {
    const timestamp = startMs + i * 5000;
    const series = ["a", "b"].map((name) => ({
      labels: [["__name__", name]] as const,
      samples: [{ timestamp, value: i }],
    }));
    assert.equal((await db.writeSeries(series)).status, 204);
  }
  db.maintain(startMs + 2 * RANGE_MS);
  const late = [{ timestamp: startMs + 2500, value: -1 }];
  assert.equal((await db.writeSeries([{ labels: [["__name__", "a"]], samples: late }])).status, 204);
  return db;
}

function copyTree(from: MemFileSystem, source: string, to: MemFileSystem, target: string): void {
  to.mkdir(target);
  for (const name of from.list(source)) {
    const path = `${source}/${name}`;
    if (from.stat(path).directory) copyTree(from, path, to, `${target}/${name}`);
    else to.put(`${target}/${name}`, from.readFile(path));
  }
}

/** What a server finds that is pointed at the snapshot. */
async function restored(disk: MemFileSystem): Promise<ReturnType<LocalDatabase["contents"]>> {
  const fresh = new MemFileSystem();
  copyTree(disk, SNAPSHOT, fresh, DATA_DIR);
  const db = new LocalDatabase(fresh, clock, OPTIONS);
  const contents = db.contents();
  await db.close();
  return contents;
}

test("whenever the power fails, a snapshot is whole or not there, and the database is what it was", async () => {
  const disk = new MemFileSystem();
  const fs = new FaultFileSystem(disk);
  const db = await filled(fs);
  const before = db.contents();
  const cuts: MemFileSystem[] = [];
  fs.before = (operation) => {
    if (CHANGES.includes(operation)) cuts.push(disk.crashClone({ seed: cuts.length }));
  };
  db.maintenance.snapshot("s", db.database.sideRecords());
  fs.before = () => {};
  cuts.push(disk.crashClone());
  await db.close();
  assert.ok(cuts.length > 40, `${cuts.length} cuts`);
  let whole = 0;
  for (const cut of cuts) {
    if (cut.exists(SNAPSHOT)) {
      whole++;
      assert.deepEqual(await restored(cut), before);
    }
    if (cut.exists(`${DATA_DIR}/lock`)) cut.unlink(`${DATA_DIR}/lock`);
    const again = new LocalDatabase(cut, clock, OPTIONS);
    assert.deepEqual(again.contents(), before);
    await again.close();
  }
  assert.ok(whole >= 1 && whole < cuts.length, `${whole} of ${cuts.length} have the snapshot`);
});

test("the n-th call fails while a snapshot is taken: the database serves on, and the next attempt is whole", async () => {
  for (let n = 1, failed = true; failed; n++) {
    const disk = new MemFileSystem();
    const fs = new FaultFileSystem(disk);
    const db = await filled(fs);
    const before = db.contents();
    fs.rule = { operations: CHANGES, failAt: n, code: "EIO" };
    failed = false;
    try {
      db.maintenance.snapshot("s", db.database.sideRecords());
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "EIO");
      failed = true;
    }
    fs.rule = null;
    assert.deepEqual(db.contents(), before, `call ${n}`);
    if (failed && !disk.exists(SNAPSHOT)) db.maintenance.snapshot("s", db.database.sideRecords());
    assert.deepEqual(await restored(disk), before, `call ${n}`);
    await db.close();
  }
});
