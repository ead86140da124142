import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { removeLeftovers, snapshotBlocks } from "../../dist/block/block-folder.js";
import { isBlockName } from "../../dist/block/block-format.js";
import { openBlock } from "../../dist/block/block-reader.js";
import { BlockSet } from "../../dist/block/block-set.js";
import { PageCache } from "../../dist/block/page-cache.js";
import { verifyBlock } from "../../dist/block/verify-block.js";
import { writeHeadBlock } from "../../dist/compact/compactor.js";
import { type MaintenanceOptions, maintainOnce } from "../../dist/compact/maintenance.js";
import type { FileSystem } from "../../dist/io/file-system.js";
import { Labels } from "../../dist/model/labels.js";
import { dump, dumpPlain, type PlainSeries, sourceOf } from "../support/block-fixtures.js";
import { FaultFileSystem, WRITING_OPERATIONS } from "../support/fault-file-system.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const DIR = "/data";
const RANGE_MS = 600_000;
const NODE = [{ name: "job", op: "=", value: "node" }] as const;

/** Two series of k6 and one of a node over three block ranges, a sample every 10 s. */
const series: PlainSeries[] = ["k6-a", "k6-b", "node"].map((job) => ({
  labels: Labels.fromObject({ __name__: "up", job }),
  samples: Array.from({ length: 180 }, (_, i) => [i * 10_000, Math.sqrt(i)] as const),
}));
/** After the deletion that all these folders have behind them. */
const expected = dumpPlain(
  series.map(({ labels, samples }) => ({
    labels,
    samples: samples.filter(([t]) => labels.get("job") !== "node" || t < 300_000 || t > 900_000),
  })),
);

let counter = 0;
function newUlid(): string {
  return `01ARZ3NDEKTSV4RRFFQ6${String(counter++).padStart(6, "0")}`;
}

function maintenance(fs: FileSystem, more: Partial<MaintenanceOptions> = {}): MaintenanceOptions {
  const retention = { retentionMs: 0, retentionBytes: 0, newestMs: 0, otherBytes: 0 };
  return { fs, dir: DIR, newUlid, ...retention, blockRangeMs: RANGE_MS, ...more };
}

function runToIdle(options: MaintenanceOptions): void {
  for (let i = 0; i < 10; i++) if (maintainOnce(options).kind === "idle") return;
  assert.fail("maintenance finds no end");
}

/** A folder with three head blocks, one deletion in them, everything durable. */
function prepared(): MemFileSystem {
  const fs = new MemFileSystem();
  fs.mkdir(DIR);
  for (let i = 0; i < 3; i++)
    writeHeadBlock(sourceOf(series), i * RANGE_MS, (i + 1) * RANGE_MS, { fs, dir: DIR, newUlid });
  const set = new BlockSet(fs, DIR, new PageCache(1 << 20));
  for (const block of set.blocks) block.deleteSeries(NODE, 300_000, 900_000);
  set.close();
  fs.syncAll();
  return fs;
}

/** All samples that are served, the blocks one behind the other. */
function served(fs: FileSystem, dir = DIR): Record<string, unknown[]> {
  const set = new BlockSet(fs, dir, new PageCache(1 << 20));
  assert.deepEqual(set.damaged, []);
  const all: Record<string, unknown[]> = {};
  for (const block of set.blocks) {
    for (const [labels, rows] of Object.entries(dump(block))) all[labels] = [...(all[labels] ?? []), ...rows];
  }
  set.close();
  return all;
}

function assertServed(fs: FileSystem, what: string): void {
  assert(isDeepStrictEqual(served(fs), expected), `${what}: lost, doubled or undeleted samples`);
}

function blockNames(fs: FileSystem): string[] {
  return fs.list(DIR).filter(isBlockName);
}

/** Runs `act` and hands out what a power cut would leave before every call and at the end. */
function atEveryCall(
  fs: MemFileSystem,
  act: (fs: FileSystem) => void,
  look: (after: MemFileSystem, done: boolean) => void,
): number {
  const faulty = new FaultFileSystem(fs);
  let calls = 0;
  faulty.before = (operation) => {
    if (operation === "read") return;
    calls++;
    look(fs.crashClone(), false);
    look(fs.crashClone({ seed: calls }), false);
  };
  act(faulty);
  look(fs.crashClone(), true);
  return calls;
}

test("a power cut at any moment of a compaction loses, doubles and revives nothing", () => {
  let merged = 0;
  const calls = atEveryCall(
    prepared(),
    (fs) => runToIdle(maintenance(fs)),
    (after, done) => {
      assertServed(after, "after the cut");
      if (done) assert.equal(blockNames(after).length, 1);
      removeLeftovers(after, DIR);
      runToIdle(maintenance(after));
      assertServed(after, "after the compaction was tried again");
      const [name, ...others] = blockNames(after);
      assert.deepEqual(others, []);
      assert.deepEqual(verifyBlock(after, `${DIR}/${name}`).problems, []);
      merged++;
    },
  );
  assert(calls > 30 && merged > 60, `${calls} calls`);
});

test("a failing call at any moment of a compaction leaves the old blocks or the new one", () => {
  for (let n = 1; ; n++) {
    const fs = prepared();
    const faulty = new FaultFileSystem(fs, {
      operations: WRITING_OPERATIONS,
      failAt: n,
      code: n % 2 === 0 ? "EIO" : "ENOSPC",
      partial: 0.5,
    });
    try {
      runToIdle(maintenance(faulty));
    } catch (error) {
      assert.match(String((error as NodeJS.ErrnoException).code), /EIO|ENOSPC/);
    }
    if (faulty.failed === 0) {
      assert(n > 15, `only ${n} calls`);
      break;
    }
    assertServed(fs, `call ${n} failed`);
    assertServed(fs.crashClone(), `call ${n} failed, then the power`);
    assert.equal(fs.openCount, 0, `call ${n}: descriptors left open`);
    removeLeftovers(fs, DIR);
    runToIdle(maintenance(fs));
    assertServed(fs, "when tried again");
    assert.equal(blockNames(fs).length, 1);
  }
});

test("a power cut while the head is written leaves no block or the whole one", () => {
  const empty = new MemFileSystem();
  empty.mkdir(DIR);
  empty.syncAll();
  const whole = dumpPlain(series);
  let withBlock = 0;
  atEveryCall(
    empty,
    (fs) => writeHeadBlock(sourceOf(series), 0, 3 * RANGE_MS, { fs, dir: DIR, newUlid }),
    (after, done) => {
      const names = blockNames(after);
      if (names.length > 0) {
        assert(isDeepStrictEqual(served(after), whole), "a half block is served");
        withBlock++;
      } else assert(!done, "the block is there when the call returned");
      removeLeftovers(after, DIR);
      assert.deepEqual(after.list(DIR), names);
    },
  );
  assert(withBlock > 0);
});

test("a deletion is durable when it returns, and whole or not there before", () => {
  const fs = new MemFileSystem();
  fs.mkdir(DIR);
  const meta = writeHeadBlock(sourceOf(series), 0, 3 * RANGE_MS, { fs, dir: DIR, newUlid });
  fs.syncAll();
  const before = dumpPlain(series);
  atEveryCall(
    fs,
    (faulty) => {
      const block = openBlock(faulty, `${DIR}/${meta?.ulid}`, new PageCache(1 << 20));
      assert.equal(block.deleteSeries(NODE, 300_000, 900_000), 1);
      block.close();
    },
    (after, done) => {
      const now = served(after);
      assert(isDeepStrictEqual(now, expected) || (!done && isDeepStrictEqual(now, before)));
    },
  );
});

test("retention after a power cut goes on where it was", () => {
  const options = { retentionMs: RANGE_MS, newestMs: 3 * RANGE_MS, blockRangeMs: 100 * RANGE_MS };
  const newest = Object.fromEntries(
    Object.entries(expected).map(([labels, rows]) => [
      labels,
      rows.filter((row) => (row as number[])[0] >= 2 * RANGE_MS),
    ]),
  );
  atEveryCall(
    prepared(),
    (fs) => runToIdle(maintenance(fs, options)),
    (after, done) => {
      if (!done) runToIdle(maintenance(after, options));
      assert(isDeepStrictEqual(served(after), newest));
    },
  );
});

test("a snapshot is whole or not there, and lives on when its blocks go", () => {
  const fs = prepared();
  const target = "/snapshots/one";
  fs.mkdir("/snapshots");
  fs.syncAll();
  let whole = 0;
  atEveryCall(
    fs,
    (faulty) => snapshotBlocks(faulty, DIR, blockNames(fs), target),
    (after, done) => {
      if (after.exists(target)) {
        assert.equal(Object.keys(served(after, target)).length, 3);
        whole++;
      } else assert(!done);
      assertServed(after, "the original");
    },
  );
  assert(whole > 0);
  runToIdle(maintenance(fs));
  new BlockSet(fs, DIR, new PageCache(0)).blocks[0].deleteSeries([], 0, 3 * RANGE_MS);
  assert(isDeepStrictEqual(served(fs, target), expected));
  for (let n = 1; n < 50; n++) {
    const again = prepared();
    again.mkdir("/snapshots");
    const faulty = new FaultFileSystem(again, {
      operations: [...WRITING_OPERATIONS],
      failAt: n,
      code: "ENOSPC",
    });
    try {
      snapshotBlocks(faulty, DIR, blockNames(again), target);
      assert.equal(faulty.failed, 0);
      return;
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
    }
    assert.deepEqual(
      again.list("/snapshots").filter((name) => name !== "one"),
      [],
    );
  }
  assert.fail("never got through");
});
