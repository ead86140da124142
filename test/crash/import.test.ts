/** An import that is cut off anywhere and begun again ends in the same data, and serves no half of a block. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { isBlockName } from "../../dist/block/block-format.js";
import { BlockSet } from "../../dist/block/block-set.js";
import { PageCache } from "../../dist/block/page-cache.js";
import { verifyBlock } from "../../dist/block/verify-block.js";
import { mergeQueryables } from "../../dist/db/merged-queryable.js";
import type { FileSystem } from "../../dist/io/file-system.js";
import { ImportJob } from "../../dist/transfer/import-job.js";
import { openTextImport } from "../../dist/transfer/text-import.js";
import { dump } from "../support/block-fixtures.js";
import { FakeClock } from "../support/fake-clock.js";
import { FaultFileSystem, WRITING_OPERATIONS } from "../support/fault-file-system.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const DIR = "/data";
const HOUR_MS = 3_600_000;
const PIECE_BYTES = 700;
/** So little that several runs are written. */
const MEMORY_BYTES = 6_000;

/** Three series over seven hours, newest first, so that every run overlaps the others in time. */
const TEXT = new TextEncoder().encode(
  Array.from({ length: 300 }, (_, i) => `up{n="${i % 3}"} ${i} ${7 * HOUR_MS - i * 80_000}\n`).join(""),
);

function runImport(fs: FileSystem): void {
  fs.mkdir(DIR);
  const clock = new FakeClock();
  const job = new ImportJob({
    fs,
    clock,
    dir: DIR,
    key: "test",
    memoryBytesMax: MEMORY_BYTES,
    blockRangeMs: 2 * HOUR_MS,
  });
  if (!job.isRead) {
    const { bytes = 0, lines = 0 } = job.place;
    const text = openTextImport("prometheus", job.spool, lines, (line, reason) =>
      assert.fail(`${line}: ${reason}`),
    );
    for (let at = bytes; at < TEXT.length; at += PIECE_BYTES) {
      text.lines.push(TEXT.subarray(at, at + PIECE_BYTES));
      if (job.spool.full) job.checkpoint({ bytes: bytes + text.lines.bytes, lines: text.lines.count });
    }
    text.finish();
  }
  job.finish(() => {});
}

/** Every sample that is served. */
function served(fs: FileSystem): Record<string, unknown[]> {
  const set = new BlockSet(fs, DIR, new PageCache(1 << 20));
  assert.deepEqual(set.damaged, []);
  for (const block of set.blocks) assert.deepEqual(verifyBlock(fs, block.dir).problems, []);
  const all = dump(mergeQueryables(set.blocks));
  set.close();
  return all;
}

function imported(): Record<string, unknown[]> {
  const fs = new MemFileSystem();
  runImport(fs);
  const all = served(fs);
  assert.equal(Object.values(all).flat().length, 300);
  assert.deepEqual(
    fs.list(DIR).filter((name) => !isBlockName(name)),
    [],
  );
  return all;
}

const expected = imported();

test("a power cut at any moment of an import", () => {
  const fs = new MemFileSystem();
  fs.mkdir(DIR);
  fs.syncAll();
  const faulty = new FaultFileSystem(fs);
  let cuts = 0;
  faulty.before = (operation) => {
    if (operation === "read") return;
    for (const after of [fs.crashClone(), fs.crashClone({ seed: cuts++ })]) {
      for (const [labels, rows] of Object.entries(served(after))) {
        assert(rows.every((row) => (expected[labels] ?? []).some((known) => isDeepStrictEqual(row, known))));
      }
      runImport(after);
      assert(isDeepStrictEqual(served(after), expected), `cut ${cuts}`);
      assert.deepEqual(
        after.list(DIR).filter((name) => !isBlockName(name)),
        [],
      );
    }
  };
  runImport(faulty);
  assert(cuts > 100, `${cuts} cuts`);
});

test("a failing call at any moment of an import", () => {
  for (let n = 1; ; n++) {
    const fs = new MemFileSystem();
    const faulty = new FaultFileSystem(fs, {
      operations: WRITING_OPERATIONS,
      failAt: n,
      code: n % 2 === 0 ? "EIO" : "ENOSPC",
      partial: 0.5,
    });
    try {
      runImport(faulty);
    } catch (error) {
      assert.match(String((error as NodeJS.ErrnoException).code), /EIO|ENOSPC/);
    }
    if (faulty.failed === 0) {
      assert(n > 50, `only ${n} calls`);
      return;
    }
    assert.equal(fs.openCount, 0, `call ${n}: descriptors left open`);
    runImport(fs);
    assert(isDeepStrictEqual(served(fs), expected), `call ${n}`);
  }
});
