/** A block that Prometheus wrote (data/blocks): read bit for bit, and written again byte for byte. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { gunzipSync } from "node:zlib";
import { BlockSet } from "../../dist/block/block-set.js";
import { writeBlock } from "../../dist/block/block-writer.js";
import { PageCache } from "../../dist/block/page-cache.js";
import { verifyBlock } from "../../dist/block/verify-block.js";
import { decodeChunk } from "../../dist/chunk/chunk.js";
import { encodeHistogramChunks } from "../../dist/chunk/histogram-chunk.js";
import { encodeXorChunk } from "../../dist/chunk/xor-chunk.js";
import { nodeFileSystem } from "../../dist/io/node-file-system.js";
import type { Histogram } from "../../dist/model/histogram.js";
import { ChunkEncoding, type EncodedChunk } from "../../dist/storage/chunk-series.js";
import { SampleColumns } from "../../dist/storage/columns.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const folder = fileURLToPath(new URL("../../data/blocks", import.meta.url));

function openGolden() {
  const set = new BlockSet(nodeFileSystem, folder, new PageCache(1 << 22));
  assert.deepEqual(set.damaged, []);
  assert.equal(set.blocks.length, 1);
  return set.blocks[0];
}

function allChunks(): EncodedChunk[] {
  const chunks: EncodedChunk[] = [];
  const series = openGolden().chunkSeries().series();
  for (let next = series.next(); next.done !== true; next = series.next()) chunks.push(...next.value.chunks);
  return chunks;
}

/** `{a="b"} value timestamp` of the floats, `{a="b"} {count:…, sum:…, …} timestamp` of the histograms. */
const DUMP_LINE = /^(\{.*?[^\\]"\}) (?:(\S+)|\{count:(\S+), sum:(\S+?)(?:, .*)?\}) (-?\d+)$/;

/**
 * promtool prints a series in three loops, for floats, float histograms and integer histograms; each loop that
 * does not fit has taken a sample before it notices.
 */
function lostByPromtool(columns: SampleColumns): number {
  const first = columns.histograms?.[0];
  return first === undefined ? 0 : first.float ? 1 : 2;
}

test("holds what promtool dumps", () => {
  const block = openGolden();
  assert.deepEqual(verifyBlock(nodeFileSystem, block.dir).problems, []);
  const lines = gunzipSync(readFileSync(`${folder}/dump.txt.gz`))
    .toString()
    .trimEnd()
    .split("\n");
  const set = block.select([], -1e15, 1e15);
  const columns = new SampleColumns();
  let at = 0;
  for (let i = 0; i < set.count; i++) {
    set.read(i, -1e15, 1e15, columns);
    const pairs = [...set.labels(i)].map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ");
    for (let k = 0; k < columns.count; k++) {
      const histogram = columns.histograms?.[k];
      if (k < lostByPromtool(columns)) continue;
      const match = DUMP_LINE.exec(lines[at]);
      assert(match !== null, lines[at]);
      const [, labels, value, count, sum, timestamp] = match;
      assert.equal(labels, `{${pairs}}`);
      assert.equal(Number(timestamp), columns.timestamps[k]);
      const numbers = histogram === undefined ? [columns.values[k]] : [histogram.count, histogram.sum];
      const dumped = histogram === undefined ? [value] : [count, sum];
      assert.deepEqual(
        numbers,
        dumped.map((text) => Number(text.replace("Inf", "Infinity"))),
        lines[at],
      );
      at++;
    }
  }
  assert.equal(at, lines.length);
});

test("has chunks that our encoders give back byte for byte", () => {
  const compared = {
    [ChunkEncoding.XOR]: 0,
    [ChunkEncoding.HISTOGRAM]: 0,
    [ChunkEncoding.FLOAT_HISTOGRAM]: 0,
  };
  for (const chunk of allChunks()) {
    const columns = new SampleColumns();
    decodeChunk(chunk.bytes, chunk.encoding, columns);
    if (chunk.encoding === ChunkEncoding.XOR) {
      assert.deepEqual(encodeXorChunk(columns.timestamps, columns.valueWords, 0, columns.count), chunk.bytes);
    } else {
      const again = encodeHistogramChunks(columns.timestamps, columns.histograms as Histogram[], {
        samplesMax: 65535,
      });
      assert.equal(again.length, 1);
      // What came before the chunk decides the counter reset header, and that is not in the chunk.
      const expected = chunk.bytes.slice();
      expected[2] = again[0].bytes[2];
      assert.deepEqual(again[0].bytes, expected);
    }
    compared[chunk.encoding]++;
  }
  for (const count of Object.values(compared)) assert(count > 10, "all encodings are there");
});

test("has the symbols, series, chunks and tombstones that we write, byte for byte", () => {
  const block = openGolden();
  const { ulid, minTime, maxTime } = block.meta;
  const fs = new MemFileSystem();
  fs.mkdir("/data");
  writeBlock(fs, "/data", block.chunkSeries(), { ulid, minTime, maxTime });
  const read = (file: string): [Uint8Array, Uint8Array] => [
    fs.readFile(`/data/${ulid}/${file}`).slice(),
    new Uint8Array(readFileSync(`${folder}/${ulid}/${file}`)),
  ];
  for (const file of ["chunks/000001", "tombstones"]) {
    const [ours, theirs] = read(file);
    assert(isDeepStrictEqual(ours, theirs), file);
  }
  // 3.5 writes label indices behind the series, which nothing reads and later versions leave out.
  const [ours, theirs] = read("index");
  const seriesEnd = new DataView(theirs.buffer).getUint32(theirs.length - 52 + 2 * 8 + 4);
  assert(seriesEnd > 2000);
  assert(isDeepStrictEqual(ours.slice(0, seriesEnd), theirs.slice(0, seriesEnd)), "index");
});
