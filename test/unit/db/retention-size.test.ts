/** The bound on bytes counts what lies on the disk, and is never passed by more than one block. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { listBlocks, treeBytes } from "../../../dist/block/block-folder.js";
import { logFolderBytes } from "../../../dist/wal/segments.js";
import { DATA_DIR, LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FaultFileSystem } from "../../support/fault-file-system.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/random.js";

const RANGE_MS = 60_000;
const LOG_DIR = `${DATA_DIR}/varve-wal`;

interface Sizes {
  readonly total: number;
  readonly largestBlock: number;
}

/** Everything below the data folder, drafts of blocks included. */
function sizes(disk: MemFileSystem): Sizes {
  const blocks = disk.list(DATA_DIR).filter((name) => /^[0-9A-Z]{26}/.test(name));
  const bytes = blocks.map((name) => treeBytes(disk, `${DATA_DIR}/${name}`));
  const log = logFolderBytes(disk, LOG_DIR);
  return { total: bytes.reduce((sum, one) => sum + one, log), largestBlock: Math.max(0, ...bytes) };
}

test("blocks, log and checkpoints stay below the bound, but for one block that is being written", async () => {
  const disk = new MemFileSystem();
  const fs = new FaultFileSystem(disk);
  const clock = new FakeClock();
  const random = seededRandom(5);
  const retentionBytes = 60_000;
  const options = { blockRangeMs: RANGE_MS, chunkSamplesMax: 30, segmentBytesMax: 4000, retentionBytes };
  const db = new LocalDatabase(fs, clock, options);
  let largest = 0;
  let deleted = 0;
  const known = new Set<string>();
  fs.before = (operation) => {
    if (operation !== "rename" && operation !== "fsync") return;
    const { total, largestBlock } = sizes(disk);
    largest = Math.max(largest, largestBlock);
    const { metas } = listBlocks(disk, DATA_DIR);
    for (const { ulid } of metas) known.add(ulid);
    if (known.size > metas.length) deleted = known.size - metas.length;
    assert.ok(total <= retentionBytes + largest, `${total} bytes, the largest block has ${largest}`);
  };
  const startMs = Math.floor(clock.nowMs() / RANGE_MS) * RANGE_MS - 60 * RANGE_MS;
  let t = startMs;
  for (let round = 0; round < 8; round++) {
    const before = fs.before;
    fs.before = () => {}; // the log alone may grow: only a check of the bound removes blocks for it
    for (; t < startMs + (round + 1) * 5 * RANGE_MS; t += 2000) {
      const series = ["a", "b", "c"].map((name) => ({
        labels: [["__name__", name]] as [string, string][],
        samples: [{ timestamp: t, value: random() }],
      }));
      assert.equal((await db.writeSeries(series)).status, 204);
    }
    while (db.maintenance.maintain(db.database.newestMs).kind !== "idle");
    fs.before = before;
    db.maintain(Math.floor(t / RANGE_MS) * RANGE_MS);
    assert.ok(sizes(disk).total <= retentionBytes, "afterwards nothing is beyond it");
  }
  assert.ok(deleted > 5, `${deleted} blocks were removed`);
  assert.ok(listBlocks(disk, DATA_DIR).metas.length > 0, "and some are left");
  await db.close();
});

test("a damaged segment that is kept aside counts once", () => {
  const disk = new MemFileSystem();
  disk.put(`${LOG_DIR}/00000001`, new Uint8Array(100));
  disk.mkdir(`${LOG_DIR}/damaged`);
  disk.link(`${LOG_DIR}/00000001`, `${LOG_DIR}/damaged/00000001`);
  disk.put(`${LOG_DIR}/checkpoint.00000000/00000001`, new Uint8Array(30));
  assert.equal(logFolderBytes(disk, LOG_DIR), 130);
  disk.unlink(`${LOG_DIR}/00000001`);
  assert.equal(logFolderBytes(disk, LOG_DIR), 130, "now the second name has the bytes");
});
