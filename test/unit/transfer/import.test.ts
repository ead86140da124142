import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockSet } from "../../../dist/block/block-set.js";
import { PageCache } from "../../../dist/block/page-cache.js";
import { Labels } from "../../../dist/model/labels.js";
import { BlockSpool } from "../../../dist/transfer/block-spool.js";
import { planRanges } from "../../../dist/transfer/import-ranges.js";
import { dump } from "../../support/block-fixtures.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const HOUR_MS = 3_600_000;
const RANGE_MS = 2 * HOUR_MS;
const DAY_MS = 24 * HOUR_MS;

test("ranges are those of the compactor, and no more than have samples", () => {
  const near = planRanges([{ minTime: 5 * HOUR_MS, maxTime: 5 * HOUR_MS + 1 }], RANGE_MS);
  assert.deepEqual(near, { ranges: [{ minTime: 4 * HOUR_MS, maxTime: 6 * HOUR_MS }], level: 1 });
  const days = planRanges([{ minTime: 0, maxTime: 5 * DAY_MS }], RANGE_MS);
  assert.equal(days.level, 1);
  assert.equal(days.ranges.length, 60);
  const years = planRanges(
    [
      { minTime: 0, maxTime: 365 * DAY_MS },
      { minTime: 700 * DAY_MS, maxTime: 1000 * DAY_MS },
    ],
    RANGE_MS,
  );
  assert(years.level > 1 && years.ranges.length <= 120, `${years.ranges.length} ranges`);
  for (const { minTime, maxTime } of years.ranges) {
    assert(minTime % RANGE_MS === 0 && maxTime % RANGE_MS === 0 && maxTime > minTime);
    assert(maxTime <= 366 * DAY_MS || minTime >= 700 * DAY_MS - RANGE_MS, "nothing where nothing is");
  }
});

test("samples in any order, the first of one time stays, deletions reach what was written before", () => {
  const fs = new MemFileSystem();
  for (const dir of ["/work", "/data"]) fs.mkdir(dir);
  let next = 0;
  const newUlid = (): string => `01ARZ3NDEKTSV4RRFFQ6${String(next++).padStart(6, "0")}`;
  const spool = new BlockSpool({ fs, dir: "/work", newUlid, memoryBytesMax: 1 << 20 });
  const a = Labels.fromObject({ __name__: "up", job: "a" });
  const ab = Labels.fromObject({ __name__: "up", job: "a", more: "b" });
  const put = (labels: Labels, ...samples: [number, number][]): void => {
    for (const [t, v] of samples) spool.float(spool.series(labels), t, v);
  };
  put(a, [3000, 3], [1000, 1], [2000, 2], [1000, 99]);
  put(ab, [1000, 1], [2000, 2]);
  spool.spill();
  put(a, [2000, 98], [2500, 5], [500, Number.NaN]);
  spool.remove(a, 1500, 2200);
  put(a, [1700, 7]);
  spool.spill();
  assert.equal(spool.runNames.length, 2);
  assert.equal(spool.writeRange({ minTime: 0, maxTime: RANGE_MS }, newUlid(), "/data", 1), true);
  assert.equal(spool.writeRange({ minTime: RANGE_MS, maxTime: 2 * RANGE_MS }, newUlid(), "/data", 1), false);
  const set = new BlockSet(fs, "/data", new PageCache(1 << 20));
  const found = dump(set.blocks[0] as never) as Record<string, [number, string][]>;
  const times = (labels: Labels) => (found[labels.toString()] ?? []).map((row) => JSON.stringify(row));
  assert.equal(times(a).length, 5, String(times(a)));
  assert.equal(times(ab).length, 2);
  assert.match(times(a)[0] as string, /^\[500,.*7ff80000:1/);
  assert.match(times(a)[1] as string, /^\[1000,.*3ff00000:0/);
});
