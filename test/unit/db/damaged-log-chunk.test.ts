import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as L from "../../../dist/kernel/assembly/layout.js";
import {
  RECORD_HEADER_BYTES,
  RecordType,
  recordBytes,
  recordPayloadBytesAt,
  recordTypeAt,
  SEGMENT_HEADER_BYTES,
} from "../../../dist/wal/record-format.js";
import { DATA_DIR, LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const LABELS = [["__name__", "m"]] as const;

test("a late sample is taken where the chunk that may hold it is damaged in the log, and that is counted", async () => {
  const clock = new FakeClock();
  const disk = new MemFileSystem();
  const baseMs = clock.nowMs() - 600_000;
  const local = new LocalDatabase(disk, clock, { chunkSamplesMax: 4, headMemoryLimitBytes: 1_100_000 });
  for (let i = 0; i < 12; i++) {
    const samples = [{ timestamp: baseMs + 2000 * i, value: i }];
    await local.writeSeries([{ labels: LABELS, samples }]);
  }
  const { kernel } = local.database;
  kernel.exports.evict(0);
  const [segment = ""] = disk.list(`${DATA_DIR}/varve-wal`);
  const path = `${DATA_DIR}/varve-wal/${segment}`;
  disk.put(path, new Uint8Array(disk.readFile(path).length));
  const samples = [{ timestamp: baseMs + 4500, value: 7 }];
  const { status, outcome } = await local.writeSeries([{ labels: LABELS, samples }]);
  assert.deepEqual([status, outcome.samples, outcome.outOfOrder], [204, 1, 1]);
  assert.equal(kernel.u32()[(L.CTRL + L.C_DAMAGED_CHUNKS) >>> 2], 1);
  // A deletion does not stop there either: what cannot be read goes with it.
  const sets = [[{ name: "__name__", op: "=", value: "m" } as const]];
  await local.deleteSeries({ sets, mint: baseMs, maxt: baseMs + 1000 });
  assert.equal(kernel.u32()[(L.CTRL + L.C_DAMAGED_CHUNKS) >>> 2], 2);
  await local.close();
});

/** Changes a byte in every CHUNK record of the log. */
function damageChunkRecords(disk: MemFileSystem, logDir: string): number {
  let damaged = 0;
  for (const segment of disk.list(logDir).filter((name) => /^\d{8}$/.test(name))) {
    const bytes = disk.readFile(`${logDir}/${segment}`).slice();
    for (
      let at = SEGMENT_HEADER_BYTES;
      at < bytes.length;
      at += recordBytes(recordPayloadBytesAt(bytes, at))
    ) {
      if (recordTypeAt(bytes, at) !== RecordType.CHUNK) continue;
      const last = at + RECORD_HEADER_BYTES + recordPayloadBytesAt(bytes, at) - 1;
      bytes[last] = (bytes[last] as number) ^ 1;
      damaged++;
    }
    disk.put(`${logDir}/${segment}`, bytes);
  }
  return damaged;
}

test("a head whose chunks are damaged in the log becomes blocks all the same, and a restart brings back what they lack", async () => {
  const clock = new FakeClock();
  const disk = new MemFileSystem();
  const rangeMs = 60_000;
  const baseMs = Math.floor(clock.nowMs() / rangeMs) * rangeMs - 3 * rangeMs;
  const options = { chunkSamplesMax: 4, segmentBytesMax: 1000, blockRangeMs: rangeMs };
  const local = new LocalDatabase(disk, clock, options);
  for (let i = 0; i < 90; i++) {
    const samples = [{ timestamp: baseMs + 2000 * i, value: i }];
    await local.writeSeries([{ labels: LABELS, samples }]);
  }
  const before = local.contents();
  local.database.kernel.exports.evict(0);
  const segments = (): number => disk.list(local.database.logDir).filter((name) => /^\d+$/.test(name)).length;
  const segmentsBefore = segments();
  assert.ok(damageChunkRecords(disk, local.database.logDir) > 10);
  local.maintain(baseMs + rangeMs);
  local.maintain(baseMs + 2 * rangeMs);
  assert.equal(segments(), segmentsBefore, "the log has what the blocks lack");
  await local.close();
  const again = new LocalDatabase(disk, clock, options);
  assert.deepEqual(again.contents(), before);
  await again.close();
});
