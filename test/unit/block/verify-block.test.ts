import assert from "node:assert/strict";
import { test } from "node:test";
import { readMeta, writeMeta } from "../../../dist/block/block-meta.js";
import { writeBlock } from "../../../dist/block/block-writer.js";
import { verifyBlock } from "../../../dist/block/verify-block.js";
import { verifyFolder } from "../../../dist/block/verify-folder.js";
import { crc32c } from "../../../dist/encoding/crc32c.js";
import { Labels } from "../../../dist/model/labels.js";
import { type PlainSeries, sourceOf } from "../../support/block-fixtures.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const DIR = `/data/${ULID}`;

function folder(): MemFileSystem {
  const fs = new MemFileSystem();
  fs.mkdir("/data");
  const series: PlainSeries[] = Array.from({ length: 30 }, (_, i) => ({
    labels: Labels.fromObject({ __name__: `m${i % 3}`, i: String(i) }),
    samples: Array.from({ length: 200 }, (_, k) => [k * 1000, Math.sqrt(k * i)] as const),
  }));
  writeBlock(fs, "/data", sourceOf(series, 100), { ulid: ULID, minTime: 0, maxTime: 200_000 });
  return fs;
}

function damage(fs: MemFileSystem, file: string, change: (bytes: Uint8Array) => void): void {
  const bytes = fs.readFile(file).slice();
  change(bytes);
  fs.put(file, bytes);
}

test("finds nothing wrong in a good block and counts what is in it", () => {
  const { problems, series, chunks, samples } = verifyBlock(folder(), DIR);
  assert.deepEqual(problems, []);
  assert.deepEqual([series, chunks, samples], [30, 60, 6000]);
});

test("names the file, the place and the times of a damaged chunk", () => {
  const fs = folder();
  damage(fs, `${DIR}/chunks/000001`, (bytes) => {
    bytes[20] ^= 1;
  });
  const { problems, chunks } = verifyBlock(fs, DIR);
  assert.equal(problems.length, 1);
  assert.equal(chunks, 59);
  const [{ file, offset, reason, mint, maxt }] = problems;
  assert.deepEqual([file, offset, mint, maxt], [`${DIR}/chunks/000001`, 8, 0, 99_000]);
  assert.match(reason, /checksum/);
});

test("goes on behind a damaged series entry", () => {
  const fs = folder();
  const index = fs.readFile(`${DIR}/index`);
  const start = new DataView(index.buffer, index.byteOffset).getUint32(index.length - 52 + 12);
  damage(fs, `${DIR}/index`, (bytes) => {
    bytes[start + 3] ^= 4;
  });
  const { problems, series, samples } = verifyBlock(fs, DIR);
  assert.equal(problems[0].offset, start);
  assert.match(problems[0].reason, /series entry: checksum mismatch/);
  assert.deepEqual([series, samples], [30, 5800]);
});

test("notices postings whose checksum is right and whose content is not", () => {
  const fs = folder();
  const index = fs.readFile(`${DIR}/index`);
  const view = new DataView(index.buffer, index.byteOffset);
  // The postings of all series come first; behind them those of the first label pair, __name__="m0".
  const all = Math.ceil(view.getUint32(index.length - 52 + 36) / 4) * 4;
  const list = all + 4 + 4 + 30 * 4 + 4;
  assert.equal(view.getUint32(list + 4), 10, "m0 has ten series");
  damage(fs, `${DIR}/index`, (bytes) => {
    const changed = new DataView(bytes.buffer, bytes.byteOffset);
    changed.setUint32(list + 8, changed.getUint32(list + 8) + 1);
    changed.setUint32(list + 8 + 40, crc32c(bytes, list + 4, list + 8 + 40));
  });
  const { problems } = verifyBlock(fs, DIR);
  assert.match(
    problems.map(({ reason }) => reason).join(),
    /postings of __name__="m0" are not the series that have it/,
  );
});

test("notices counts and times that are not those of the chunks", () => {
  const fs = folder();
  const meta = readMeta(fs, DIR);
  writeMeta(fs, DIR, { ...meta, stats: { ...meta.stats, numSamples: 6001 } });
  assert.match(verifyBlock(fs, DIR).problems[0].reason, /numSamples is 6001, counted 6000/);
  writeMeta(fs, DIR, { ...meta, maxTime: 150_000 });
  const { problems } = verifyBlock(fs, DIR);
  assert.equal(problems.length, 30);
  assert.match(problems[0].reason, /outside of the block's range/);
});

test("says so where a block does not even open", () => {
  const fs = folder();
  damage(fs, `${DIR}/index`, (bytes) => {
    bytes[bytes.length - 1] ^= 1;
  });
  assert.match(verifyBlock(fs, DIR).problems[0].reason, /table of contents/);
  fs.unlink(`${DIR}/index`);
  assert.match(verifyBlock(fs, DIR).problems[0].reason, /ENOENT/);
});

test("looks over a whole folder", () => {
  const fs = folder();
  const [second, third] = ["01ARZ3NDEKTSV4RRFFQ69G5FAW", "01ARZ3NDEKTSV4RRFFQ69G5FAX"];
  const source = (from: number) =>
    sourceOf([
      {
        labels: Labels.fromObject({ a: "b" }),
        samples: [
          [from, 1],
          [from + 1000, 2],
        ],
      },
    ]);
  writeBlock(fs, "/data", source(150_000), { ulid: second, minTime: 150_000, maxTime: 250_000 });
  writeBlock(fs, "/data", source(250_000), { ulid: third, minTime: 250_000, maxTime: 350_000 });
  fs.mkdir("/data/01ARZ3NDEKTSV4RRFFQ69G5FAY");
  damage(fs, `/data/${third}/chunks/000001`, (bytes) => {
    bytes[12] ^= 1;
  });
  const visited: string[] = [];
  const { blocks, damaged, overlapping } = verifyFolder(fs, "/data", (meta) => visited.push(meta.ulid));
  assert.deepEqual(visited, [ULID, second, third]);
  assert.deepEqual(
    blocks.map(({ verification }) => verification.problems.length),
    [0, 0, 1],
  );
  assert.deepEqual(
    damaged.map(({ ulid }) => ulid),
    ["01ARZ3NDEKTSV4RRFFQ69G5FAY"],
  );
  assert.deepEqual(overlapping, [[ULID, second]]);
});
