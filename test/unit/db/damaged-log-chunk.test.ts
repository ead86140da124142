import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as L from "../../../dist/kernel/assembly/layout.js";
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
