import * as assert from "node:assert/strict";
import { test } from "node:test";
import { openBlock } from "../../../dist/block/block-reader.js";
import { writeBlock } from "../../../dist/block/block-writer.js";
import { PageCache } from "../../../dist/block/page-cache.js";
import { Labels } from "../../../dist/model/labels.js";
import { sourceOf } from "../../support/block-fixtures.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const ULID = "01BX5ZZKBKACTAV9WEVGEMMVRZ";

test("every symbol and label pair is found in an index that takes many reads, texts longer than a read among them", () => {
  const fs = new MemFileSystem();
  const values = Array.from({ length: 20_000 }, (_, i) => `${i}-${"v".repeat(1 + ((i * 7919) % 150))}`);
  values.push("l".repeat(2_500_000), "m".repeat(70_000));
  const series = values.map((value) => ({
    labels: Labels.fromObject({ __name__: "m", value }),
    samples: [[0, 1]] as const,
  }));
  fs.mkdir("/data");
  writeBlock(fs, "/data", sourceOf(series), { ulid: ULID, minTime: 0, maxTime: 10 });
  const block = openBlock(fs, `/data/${ULID}`, new PageCache(1 << 20));
  assert.equal(block.index.table.valueCount("value"), values.length);
  const wanted = new Set(values);
  const symbols = new Map<number, string>();
  for (const ref of block.index.allPostings()) wanted.delete(block.index.labels(ref, symbols).get("value"));
  assert.equal(wanted.size, 0);
  for (const value of values.filter((_, i) => i % 977 === 0 || i >= 20_000)) {
    const [ref = -1] = block.index.postings("value", value);
    assert.equal(block.index.labels(ref, new Map()).get("value"), value);
  }
  block.close();
});
