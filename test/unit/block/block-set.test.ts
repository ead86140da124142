import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  listBlocks,
  quarantineBlock,
  removeLeftovers,
  supersededBlocks,
} from "../../../dist/block/block-folder.js";
import { parseMeta, printMeta } from "../../../dist/block/block-meta.js";
import { BlockSet } from "../../../dist/block/block-set.js";
import { writeBlock } from "../../../dist/block/block-writer.js";
import { PageCache } from "../../../dist/block/page-cache.js";
import { compactBlocks, TombstonesChangedError } from "../../../dist/compact/compactor.js";
import { maintainOnce } from "../../../dist/compact/maintenance.js";
import type { FileSystem } from "../../../dist/io/file-system.js";
import { nodeFileSystem } from "../../../dist/io/node-file-system.js";
import { Labels } from "../../../dist/model/labels.js";
import { dump, type PlainSeries, sourceOf } from "../../support/block-fixtures.js";
import { FaultFileSystem } from "../../support/fault-file-system.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const DIR = "/data";
const A = "01ARZ3NDEKTSV4RRFFQ69G5FAA";
const B = "01ARZ3NDEKTSV4RRFFQ69G5FAB";
const C = "01ARZ3NDEKTSV4RRFFQ69G5FAC";
const HOUR = 3_600_000;

function seriesFrom(startMs: number): PlainSeries[] {
  return ["x", "y"].map((name) => ({
    labels: Labels.fromObject({ __name__: name }),
    samples: Array.from({ length: 100 }, (_, i) => [startMs + i * 15_000, i] as const),
  }));
}

function folderWith(...ulids: string[]): MemFileSystem {
  const fs = new MemFileSystem();
  fs.mkdir(DIR);
  ulids.forEach((ulid, i) => {
    const minTime = i * 2 * HOUR;
    writeBlock(fs, DIR, sourceOf(seriesFrom(minTime)), { ulid, minTime, maxTime: minTime + 2 * HOUR });
  });
  return fs;
}

const open = (fs: MemFileSystem): BlockSet => new BlockSet(fs, DIR, new PageCache(1 << 20));
const ulids = (set: BlockSet): string[] => set.blocks.map((block) => block.meta.ulid);

test("serves the others where blocks are damaged or incomplete, and names those", () => {
  const fs = folderWith(A, B, C);
  fs.put(`${DIR}/${A}/meta.json`, new TextEncoder().encode("{"));
  fs.unlink(`${DIR}/${B}/index`);
  fs.mkdir(`${DIR}/01ARZ3NDEKTSV4RRFFQ69G5FAD.tmp-for-creation/chunks`);
  fs.mkdir(`${DIR}/wal`);
  const set = open(fs);
  assert.deepEqual(ulids(set), [C]);
  assert.deepEqual(
    set.damaged.map(({ ulid }) => ulid),
    [A, B],
  );
  assert.match(set.damaged[0].reason, /meta\.json.*not JSON/);
  assert.deepEqual(removeLeftovers(fs, DIR), ["01ARZ3NDEKTSV4RRFFQ69G5FAD.tmp-for-creation"]);
  assert.equal(quarantineBlock(fs, DIR, A), `${DIR}/quarantine/${A}`);
  assert.deepEqual(listBlocks(fs, DIR).damaged, []);
  set.close();
  assert.equal(fs.openCount, 0);
});

test("takes up new, removed and deleted-from blocks on reload", () => {
  const fs = folderWith(A, B);
  const set = open(fs);
  const other = open(fs);
  const first = set.blocks[0];
  other.blocks[0].deleteSeries([{ name: "__name__", op: "=", value: "x" }], 0, HOUR);
  fs.removeTree(`${DIR}/${B}`);
  writeBlock(fs, DIR, sourceOf(seriesFrom(0)), { ulid: C, minTime: 0, maxTime: 2 * HOUR });
  assert.equal(Object.keys(dump(first)).length, 2);
  set.reload();
  assert.deepEqual(ulids(set), [A, C]);
  assert.equal(set.blocks[0], first);
  assert.deepEqual(Object.keys(dump(first)), ["y"]);
  assert.deepEqual(set.overlapping(3 * HOUR, 4 * HOUR), []);
});

test("leaves out what an open block replaces, and nothing that a broken one claims to", () => {
  const fs = folderWith(A, B);
  const parents = listBlocks(fs, DIR).metas;
  const more = {
    level: 2,
    sources: [A, B],
    parents: parents.map(({ ulid, minTime, maxTime }) => ({ ulid, minTime, maxTime })),
  };
  writeBlock(fs, DIR, sourceOf(seriesFrom(0)), { ulid: C, minTime: 0, maxTime: 4 * HOUR, ...more });
  const set = open(fs);
  assert.deepEqual(ulids(set), [C]);
  assert.deepEqual(
    set.superseded.map(({ ulid }) => ulid),
    [A, B],
  );
  fs.put(`${DIR}/${C}/index`, new Uint8Array(100));
  const again = open(fs);
  assert.deepEqual(ulids(again), [A, B]);
  assert.deepEqual(
    again.damaged.map(({ ulid }) => ulid),
    [C],
  );
  const options = {
    fs,
    dir: DIR,
    newUlid: () => C,
    retentionMs: 0,
    retentionBytes: 0,
    newestMs: 0,
    otherBytes: 0,
  };
  assert.equal(maintainOnce(options).kind, "quarantined");
  assert.equal(maintainOnce(options).kind, "idle");
  assert.deepEqual(ulids(open(fs)), [A, B]);
});

test("keeps the sample that was there before a late block brought another one for its time", () => {
  const fs = folderWith(A);
  const name = Labels.fromObject({ __name__: "x" });
  const late = [
    {
      labels: name,
      samples: [
        [0, 99],
        [1, 98],
      ] as const,
    },
  ];
  writeBlock(fs, DIR, sourceOf(late), { ulid: B, minTime: 0, maxTime: 2 * HOUR });
  // The merged block has a newer name than the late one, and older content.
  const [first] = listBlocks(fs, DIR).metas;
  compactBlocks([first], { fs, dir: DIR, newUlid: () => C });
  assert.deepEqual(ulids(open(fs)), [C, B]);
  const options = {
    fs,
    dir: DIR,
    newUlid: () => `${C.slice(0, -1)}D`,
    retentionMs: 0,
    retentionBytes: 0,
    newestMs: 0,
    otherBytes: 0,
  };
  assert.equal(maintainOnce(options).kind, "compacted");
  const rows = dump(open(fs).blocks[0], 0, 1)[name.toString()];
  assert.deepEqual(rows, [
    [0, "0:0"],
    [1, "40588000:0"],
  ]);
});

test("sees the child when its parents go while it looks", () => {
  const mem = folderWith(A, B);
  const fs = new FaultFileSystem(mem);
  const metas = listBlocks(mem, DIR).metas;
  fs.before = (operation) => {
    if (operation !== "open") return;
    fs.before = () => {};
    compactBlocks(metas, { fs: mem, dir: DIR, newUlid: () => C });
  };
  const set = new BlockSet(fs, DIR, new PageCache(1 << 20));
  assert.deepEqual(ulids(set), [C]);
  assert.deepEqual(set.damaged, []);
  set.close();
  assert.equal(mem.openCount, 0);
});

for (const isKnown of [true, false]) {
  test(`what is deleted stays so when blocks go before their tombstones are read; known: ${isKnown}`, () => {
    const mem = folderWith(A, B);
    const fs = new FaultFileSystem(mem);
    const known = isKnown ? new BlockSet(fs, DIR, new PageCache(1 << 20)) : null;
    for (const block of open(mem).blocks) {
      block.deleteSeries([{ name: "__name__", op: "=", value: "x" }], 0, 4 * HOUR);
    }
    const metas = listBlocks(mem, DIR).metas;
    fs.before = (operation) => {
      if (operation !== "exists") return;
      fs.before = () => {};
      compactBlocks(metas, { fs: mem, dir: DIR, newUlid: () => C });
    };
    known?.reload();
    const set = known ?? new BlockSet(fs, DIR, new PageCache(1 << 20));
    assert.deepEqual(ulids(set), [C]);
    assert.deepEqual(Object.keys(dump(set.blocks[0])), ["y"]);
  });
}

test("opens many blocks with a few small reads each", () => {
  const names = Array.from({ length: 50 }, (_, i) => `01ARZ3NDEKTSV4RRFFQ69G${String(i).padStart(4, "0")}`);
  const fs = new FaultFileSystem(folderWith(...names));
  const calls = new Map<string, number>();
  fs.before = (operation) => void calls.set(operation, (calls.get(operation) ?? 0) + 1);
  const cache = new PageCache(1 << 20);
  const set = new BlockSet(fs, DIR, cache);
  assert.equal(set.blocks.length, 50);
  assert((calls.get("read") ?? 0) <= 3 * 50, `${calls.get("read")} reads`);
  assert.equal(calls.get("open"), 2 * 50, "index and one chunk file");
  assert.equal(cache.bytes, 0, "no page is loaded before the first question");
  set.close();
});

test("knows a grandparent that a crash kept", () => {
  const [a, b] = listBlocks(folderWith(A, B), DIR).metas;
  const grandchild = {
    ...a,
    ulid: C,
    maxTime: b.maxTime,
    compaction: { ...a.compaction, level: 3, sources: [A, B] },
  };
  assert.deepEqual(
    supersededBlocks([a, b, grandchild]).map(({ ulid }) => ulid),
    [A, B],
  );
  const sibling = { ...grandchild, compaction: { ...grandchild.compaction, level: 1 } };
  assert.deepEqual(supersededBlocks([a, b, sibling]), []);
});

test("throws a merge away while which samples were deleted", () => {
  const fs = folderWith(A, B);
  const set = open(fs);
  const options = {
    fs,
    dir: DIR,
    newUlid: () => C,
    checkpoint: () => void set.blocks[0].deleteSeries([{ name: "__name__", op: "=", value: "x" }], 0, HOUR),
  };
  assert.throws(() => compactBlocks(listBlocks(fs, DIR).metas, options), TombstonesChangedError);
  assert.deepEqual(
    listBlocks(fs, DIR).metas.map(({ ulid }) => ulid),
    [A, B],
  );
  const { checkpoint, ...quiet } = options;
  assert.equal(typeof checkpoint, "function");
  compactBlocks(listBlocks(fs, DIR).metas, quiet);
  const merged = open(fs);
  assert.deepEqual(ulids(merged), [C]);
  const rows = Object.entries(dump(merged.blocks[0])).map(([labels, samples]) => [labels, samples.length]);
  assert.deepEqual(rows, [
    ["x", 100],
    ["y", 200],
  ]);
  assert.deepEqual(
    merged.blocks[0].meta.compaction.parents.map(({ ulid }) => ulid),
    [A, B],
  );
  assert.equal(merged.blocks[0].meta.compaction.level, 2);
});

test("removes a block of which nothing is left", () => {
  const fs = folderWith(A);
  open(fs).blocks[0].deleteSeries([], 0, HOUR);
  const options = {
    fs,
    dir: DIR,
    newUlid: () => C,
    retentionMs: 0,
    retentionBytes: 0,
    newestMs: 0,
    otherBytes: 0,
  };
  assert.deepEqual(maintainOnce(options), { kind: "compacted", parents: [A], block: null });
  assert.deepEqual(fs.list(DIR), []);
});

test("reads meta.json of Prometheus and refuses one that was changed by accident", () => {
  const theirs = `{"ulid":"${A}","minTime":-5,"maxTime":10,"stats":{"numSamples":3},"compaction":{"level":1,"sources":["${A}"]},"version":1}`;
  const meta = parseMeta(theirs, "meta.json");
  assert.deepEqual(
    [meta.minTime, meta.maxTime, meta.stats.numSamples, meta.compaction.level],
    [-5, 10, 3, 1],
  );
  const ours = printMeta(meta);
  assert.deepEqual(parseMeta(ours, "meta.json"), meta);
  assert.throws(() => parseMeta(ours.replace('"maxTime": 10', '"maxTime": 11'), "m"), /checksum mismatch/);
  assert.throws(() => parseMeta(theirs.replace('"version":1', '"version":2'), "m"), /unknown version 2/);
  assert.throws(() => parseMeta(theirs.replace('"maxTime":10', '"maxTime":-9'), "m"), /after maxTime/);
  assert.throws(() => parseMeta("[]", "m"), /version/);
});

test("opens 200 blocks with a few small reads each", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "varve-blocks-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const count = 200;
  for (let i = 0; i < count; i++) {
    const minTime = i * 2 * HOUR;
    const ulid = `01ARZ3NDEKTSV4RRFFQ69${String(i).padStart(5, "0")}`;
    writeBlock(nodeFileSystem, folder, sourceOf(seriesFrom(minTime)), {
      ulid,
      minTime,
      maxTime: minTime + 2 * HOUR,
    });
  }
  let reads = 0;
  let bytes = 0;
  let descriptors = 0;
  const counting: FileSystem = {
    ...nodeFileSystem,
    open(path, flags) {
      descriptors++;
      return nodeFileSystem.open(path, flags);
    },
    close(fd) {
      descriptors--;
      nodeFileSystem.close(fd);
    },
    read(fd, target, offset, length, position) {
      reads++;
      bytes += length;
      return nodeFileSystem.read(fd, target, offset, length, position);
    },
  };
  const startedAt = performance.now();
  const set = new BlockSet(counting, folder, new PageCache(1 << 20));
  t.diagnostic(`${(performance.now() - startedAt).toFixed(1)} ms`);
  assert.equal(set.blocks.length, count);
  assert(reads <= 4 * count, `${reads} reads`);
  assert(bytes <= 128 * count, `${bytes} bytes`);
  assert.equal(descriptors, 2 * count, "an index and a file of chunks each");
  set.close();
  assert.equal(descriptors, 0);
});
