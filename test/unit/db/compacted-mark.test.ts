import assert from "node:assert/strict";
import { test } from "node:test";
import { readCompactedMark } from "../../../dist/db/compacted-mark.js";
import { openQueryable } from "../../../dist/db/database.js";
import { SampleColumns } from "../../../dist/storage/columns.js";
import { DATA_DIR, LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const RANGE_MS = 60_000;
const START_MS = 1_790_000_040_000;
const OPTIONS = { blockRangeMs: RANGE_MS, chunkSamplesMax: 8 };
const MARK = `${DATA_DIR}/varve-wal/compacted`;

async function write(db: LocalDatabase, timestamp: number, value: number): Promise<void> {
  const series = [{ labels: [["__name__", "m"]] as const, samples: [{ value, timestamp }] }];
  const { status, message } = await db.writeSeries(series);
  assert.equal(status, 204, message);
}

/** Timestamps that the head alone holds. */
function inHead(db: LocalDatabase, disk: MemFileSystem): number[] {
  const head = openQueryable(db.database.shared, 0, disk, db.database.logDir);
  const found = head.select([{ name: "__name__", op: "=", value: "m" }], 0, 8e15);
  const columns = new SampleColumns();
  if (found.count > 0) found.read(0, 0, 8e15, columns);
  return [...columns.timestamps.subarray(0, columns.count)];
}

test("a restart replays what blocks do not hold, late samples among it, and all of it where the mark is damaged", async () => {
  const disk = new MemFileSystem();
  const clock = new FakeClock(START_MS + 4 * RANGE_MS);
  let db = new LocalDatabase(disk, clock, OPTIONS);
  for (let i = 0; i < 40; i++) await write(db, START_MS + i * 5000, i);
  const endMs = START_MS + 2 * RANGE_MS;
  db.maintain(endMs);
  assert.equal(readCompactedMark(disk, `${DATA_DIR}/varve-wal`)?.endMs, endMs);
  const late = START_MS + 7500;
  await write(db, late, -1);
  const before = db.contents();
  assert.equal(before.get("m")?.size, 41);
  await db.close();

  db = new LocalDatabase(disk, clock, OPTIONS);
  assert.deepEqual(db.contents(), before);
  const newer = Array.from({ length: 16 }, (_, i) => endMs + i * 5000);
  assert.deepEqual(inHead(db, disk), [late, ...newer]);
  await db.close();

  const bytes = disk.readFile(MARK);
  for (let byte = 0; byte < bytes.length; byte++) {
    const damaged = bytes.slice();
    damaged[byte] = (damaged[byte] as number) ^ 0x10;
    const fd = disk.open(MARK, "w");
    disk.write(fd, damaged, 0);
    disk.close(fd);
    db = new LocalDatabase(disk, clock, OPTIONS);
    assert.deepEqual(db.contents(), before, `byte ${byte}`);
    assert.equal(inHead(db, disk).length, 41, `byte ${byte}`);
    await db.close();
  }
});
