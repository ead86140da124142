import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlockMeta } from "../../../dist/block/block-meta.js";
import { compactionRanges, planCompaction } from "../../../dist/compact/plan.js";
import { blocksBeyondRetention } from "../../../dist/compact/retention.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function block(
  fromHour: number,
  toHour: number,
  more: { failed?: boolean; numSeries?: number } = {},
): BlockMeta {
  const ulid = `01ARZ3NDEKTSV4RRFF${String(fromHour).padStart(4, "0")}${String(toHour).padStart(4, "0")}`;
  const stats = { numSamples: 0, numFloatSamples: 0, numHistogramSamples: 0, numChunks: 0, numTombstones: 0 };
  return {
    ulid,
    minTime: fromHour * HOUR,
    maxTime: toHour * HOUR,
    stats: { ...stats, numSeries: more.numSeries ?? 100 },
    compaction: { level: 1, sources: [ulid], parents: [], hints: [], failed: more.failed ?? false },
  };
}

function plan(
  blocks: BlockMeta[],
  tombstones: Record<string, number> = {},
  ranges = compactionRanges(365 * DAY),
): string[] {
  const planned = blocks.map((meta) => ({ meta, tombstones: tombstones[hours(meta)] ?? 0 }));
  return planCompaction(planned, ranges).map(hours);
}

const hours = (meta: BlockMeta): string => `${meta.minTime / HOUR}-${meta.maxTime / HOUR}`;

test("grows ranges threefold up to a tenth of the retention and 31 days", () => {
  assert.deepEqual(
    compactionRanges(15 * DAY).map((ms) => ms / HOUR),
    [2, 6, 18],
  );
  assert.deepEqual(
    compactionRanges(365 * DAY).map((ms) => ms / HOUR),
    [2, 6, 18, 54, 162, 486],
  );
  assert.equal(compactionRanges(10_000 * DAY).at(-1), 486 * HOUR);
  assert.deepEqual(
    compactionRanges(HOUR).map((ms) => ms / HOUR),
    [2],
  );
});

test("merges a range that is complete", () => {
  assert.deepEqual(plan([block(0, 2), block(2, 4)]), []);
  assert.deepEqual(plan([block(0, 2), block(2, 4), block(4, 6)]), ["0-2", "2-4", "4-6"]);
  assert.deepEqual(
    plan([block(2, 4), block(4, 6), block(6, 8)]),
    ["2-4", "4-6"],
    "gap, but behind the newest block",
  );
  assert.deepEqual(plan([block(0, 6), block(6, 12), block(12, 18)]), ["0-6", "6-12", "12-18"]);
  assert.deepEqual(plan([block(0, 6), block(6, 8), block(8, 10)]), []);
});

test("merges blocks that overlap, before anything else", () => {
  const blocks = [
    block(0, 2),
    block(2, 4),
    block(4, 6),
    block(10, 14),
    block(12, 13),
    block(13, 15),
    block(15, 16),
  ];
  assert.deepEqual(plan(blocks), ["10-14", "12-13", "13-15"]);
});

test("leaves blocks alone whose merge failed", () => {
  assert.deepEqual(plan([block(0, 2), block(2, 4, { failed: true }), block(4, 6)]), ["0-2", "4-6"]);
});

test("writes a block anew when much of it is deleted", () => {
  const large = block(0, 162);
  assert.deepEqual(plan([large], { "0-162": 6 }), ["0-162"]);
  assert.deepEqual(plan([large], { "0-162": 5 }), []);
  assert.deepEqual(plan([block(0, 2)], { "0-2": 50 }), [], "a small one will be merged soon");
  assert.deepEqual(plan([block(0, 2)], { "0-2": 100 }), ["0-2"], "unless nothing is left of it");
});

test("applies retention by time and by size", () => {
  const blocks = [block(0, 2), block(2, 4), block(4, 6)].map((meta) => ({ meta, bytes: 100 }));
  const limits = { retentionMs: 0, retentionBytes: 0, newestMs: 7 * HOUR, otherBytes: 50 };
  const beyond = (more: Partial<typeof limits>): string[] =>
    blocksBeyondRetention(blocks, { ...limits, ...more }).map(hours);
  assert.deepEqual(beyond({}), []);
  assert.deepEqual(beyond({ retentionMs: 3 * HOUR }), ["0-2", "2-4"]);
  assert.deepEqual(beyond({ retentionMs: 3 * HOUR + 1 }), ["0-2"]);
  assert.deepEqual(beyond({ retentionBytes: 349 }), ["0-2"]);
  assert.deepEqual(beyond({ retentionBytes: 350 }), []);
  assert.deepEqual(beyond({ retentionBytes: 60 }), ["0-2", "2-4", "4-6"]);
});
