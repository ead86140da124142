import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as L from "../../../dist/kernel/assembly/layout.js";
import { createSharedMemory, type SharedMemoryOptions } from "../../../dist/kernel/shared-memory.js";

const GIB = 2 ** 30;

const OPTIONS: SharedMemoryOptions = {
  ingestThreads: 8,
  queryThreads: 6,
  seriesMax: 16 << 20,
  seriesLimit: 8 << 20,
  memoryLimitBytes: 3 * GIB,
  labelsPerSeriesMax: 64,
  labelNameBytesMax: 1024,
  labelValueBytesMax: 4096,
  outOfOrderWindowMs: 86_400_000,
  chunkSamplesMax: 240,
  blockRangeSeconds: 7200,
  slots: [{ bytes: 65_536, count: 4 }],
  mergeBytes: 1024,
  hashSeed: [1, 2],
};

test("the head's limit is no more than the fixed regions leave room for", () => {
  const shared = createSharedMemory(OPTIONS);
  const control = new DataView(shared.memory.buffer, L.CTRL, 0x1000);
  const room = control.getUint32(L.C_HEAP_END, true) - control.getUint32(L.C_HEAP_TOP, true);
  assert.ok(shared.memoryLimitBytes < room, "chunks are evicted before the heap is full");
  assert.equal(control.getBigInt64(L.C_MEMORY_LIMIT, true), BigInt(shared.memoryLimitBytes));
  assert.equal(createSharedMemory({ ...OPTIONS, memoryLimitBytes: GIB / 8 }).memoryLimitBytes, GIB / 8);
});

test("regions do not overlap", () => {
  const { slotRegions, ingestScratch, queryScratch, mainLists } = createSharedMemory(OPTIONS);
  const regions = [
    ...slotRegions.map(({ at, bytes, count }) => ({ at, bytes: bytes * count })),
    ...ingestScratch.map((at) => ({ at, bytes: L.SCRATCH_BYTES })),
    ...queryScratch.map((at) => ({ at, bytes: L.Q_BYTES })),
    { at: mainLists, bytes: 4 * L.FREE_CLASSES },
  ].sort((a, b) => a.at - b.at);
  regions.reduce((before, next) => {
    assert.ok(before.at + before.bytes <= next.at, `${before.at} + ${before.bytes} > ${next.at}`);
    return next;
  });
  assert.ok((regions[0]?.at ?? 0) >= L.CTRL + 0x1000);
});
