/** An index whose checksums are right and whose content is not: an error or an answer, never a crash or a hang. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CorruptionError } from "../../dist/base/errors.js";
import { openBlock } from "../../dist/block/block-reader.js";
import { writeBlock } from "../../dist/block/block-writer.js";
import { PageCache } from "../../dist/block/page-cache.js";
import { verifyBlock } from "../../dist/block/verify-block.js";
import { crc32c } from "../../dist/encoding/crc32c.js";
import { Labels } from "../../dist/model/labels.js";
import { dump, sourceOf } from "../support/block-fixtures.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const DIR = `/data/${ULID}`;

const good = new MemFileSystem();
good.mkdir("/data");
const series = Array.from({ length: 80 }, (_, i) => ({
  labels: Labels.fromObject({ __name__: `m${i % 3}`, i: String(i), z: "x".repeat(i) }),
  samples: Array.from({ length: 60 }, (_, k) => [k * 1000, Math.sqrt(k * i)] as const),
}));
writeBlock(good, "/data", sourceOf(series, 20), { ulid: ULID, minTime: 0, maxTime: 60_000 });
const index = good.readFile(`${DIR}/index`).slice();
const view = new DataView(index.buffer);
const tocStart = index.length - 52;
const [symbols, , seriesEnd, , , table] = [0, 1, 2, 3, 4, 5].map((i) => view.getUint32(tocStart + 8 * i + 4));

/** Content ranges of the checksummed sections: table of contents, symbols, offset table, some postings and series. */
function sections(): [start: number, end: number][] {
  const found: [number, number][] = [[tocStart, tocStart + 48]];
  for (const start of [symbols, table]) found.push([start + 4, start + 4 + view.getUint32(start)]);
  for (let at = Math.ceil(seriesEnd / 4) * 4, i = 0; i < 10; i++) {
    const length = view.getUint32(at);
    found.push([at + 4, at + 4 + length]);
    at = Math.ceil((at + 8 + length) / 4) * 4;
  }
  for (let at = Math.ceil(view.getUint32(tocStart + 12) / 16) * 16, i = 0; i < 20; i++) {
    const length = index[at];
    assert(length < 128);
    found.push([at + 1, at + 1 + length]);
    at = Math.ceil((at + 5 + length) / 16) * 16;
  }
  return found;
}

test("survives any change to an index whose checksums were made to fit", () => {
  const all = sections();
  const change = fc.tuple(fc.nat(1e6), fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)));
  let refused = 0;
  fc.assert(
    fc.property(
      fc.nat(all.length - 1),
      fc.array(change, { minLength: 1, maxLength: 8 }),
      (which, changes) => {
        const [start, end] = all[which];
        const bad = index.slice();
        for (const [at, byte] of changes) bad[start + (at % (end - start))] = byte;
        new DataView(bad.buffer).setUint32(end, crc32c(bad, start, end));
        const fs = good.clone();
        fs.put(`${DIR}/index`, bad);
        const before = performance.now();
        verifyBlock(fs, DIR);
        try {
          const block = openBlock(fs, DIR, new PageCache(1 << 20));
          dump(block);
          block.labelNames([], 0, 1e9);
          block.labelValues("i", [{ name: "__name__", op: "=~", value: "m[01]" }], 0, 1e9);
        } catch (error) {
          if (!(error instanceof CorruptionError)) throw error;
          refused++;
        }
        assert(performance.now() - before < 2000, "no hang");
      },
    ),
    { numRuns: 400 },
  );
  assert(refused > 50, `${refused} refused`);
});
