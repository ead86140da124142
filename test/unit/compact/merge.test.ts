import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeChunk } from "../../../dist/chunk/chunk.js";
import { chunkSampleCount } from "../../../dist/chunk/chunk-header.js";
import { encodeColumns } from "../../../dist/chunk/encode-columns.js";
import { MERGE_LIMITS, SeriesMerger, VERBATIM_LIMITS } from "../../../dist/compact/merge-chunks.js";
import { mergeSources } from "../../../dist/compact/merge-sources.js";
import { Labels } from "../../../dist/model/labels.js";
import type { EncodedChunk } from "../../../dist/storage/chunk-series.js";
import { SampleColumns } from "../../../dist/storage/columns.js";
import { columnsOf, type PlainSample, rowsOf, sourceOf, symbolsOf } from "../../support/block-fixtures.js";
import { histogramRun } from "../../support/histogram-arbitraries.js";

const ALL = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

function chunksOf(samples: readonly PlainSample[], size: number): EncodedChunk[] {
  return encodeColumns(columnsOf(samples), { floatSamplesMax: size, histogramSamplesMax: size });
}

function rowsIn(chunks: readonly EncodedChunk[]): unknown[] {
  const columns = new SampleColumns(1);
  for (const chunk of chunks) decodeChunk(chunk.bytes, chunk.encoding, columns);
  return rowsOf(columns);
}

const floats = (count: number, from = 0, step = 15_000): PlainSample[] =>
  Array.from({ length: count }, (_, i) => [from + i * step, Math.sin(i)] as const);

test("passes chunks byte for byte where nothing overlaps", () => {
  const chunks = chunksOf(floats(600), 120);
  const merged = new SeriesMerger(...ALL, VERBATIM_LIMITS).merge([chunks]);
  assert.deepEqual(
    merged.map((c) => c.bytes),
    chunks.map((c) => c.bytes),
  );
});

test("joins small float chunks up to the limit and leaves large ones alone", () => {
  const small = chunksOf(floats(960), 120);
  const joined = new SeriesMerger(...ALL, MERGE_LIMITS).merge([small]);
  assert.deepEqual(
    joined.map((c) => chunkSampleCount(c.bytes)),
    [480, 480],
  );
  assert.deepEqual(rowsIn(joined), rowsIn(small));
  const large = chunksOf(floats(960), 480);
  const untouched = new SeriesMerger(...ALL, MERGE_LIMITS).merge([large]);
  assert.deepEqual(
    untouched.map((c) => c.bytes),
    large.map((c) => c.bytes),
  );
});

test("keeps the sample of the first source where times are equal", () => {
  const a: PlainSample[] = [
    [1000, 1],
    [3000, 3],
  ];
  const b: PlainSample[] = [
    [1000, 10],
    [2000, 20],
    [3000, 30],
    [4000, 40],
  ];
  const merge = (...lists: PlainSample[][]): unknown[] =>
    rowsIn(new SeriesMerger(...ALL, MERGE_LIMITS).merge(lists.map((list) => chunksOf(list, 120))));
  assert.deepEqual(
    merge(a, b),
    rowsOf(
      columnsOf([
        [1000, 1],
        [2000, 20],
        [3000, 3],
        [4000, 40],
      ]),
    ),
  );
  assert.deepEqual(merge(b, a), rowsOf(columnsOf(b)));
});

test("cuts at the edges of the range", () => {
  const chunks = chunksOf(floats(240), 120);
  const merged = new SeriesMerger(100 * 15_000, 150 * 15_000, VERBATIM_LIMITS).merge([chunks]);
  assert.deepEqual(rowsIn(merged), rowsOf(columnsOf(floats(240).slice(100, 151))));
  assert.equal(merged[0].mint, 100 * 15_000);
  assert.equal(merged.at(-1)?.maxt, 150 * 15_000);
});

test("makes any mixture of floats and histograms from any sources one run without overlaps", () => {
  const part = fc.tuple(
    fc.oneof(
      histogramRun.map(({ timestamps, histograms }) =>
        histograms.map((h, i) => [timestamps[i], h] as PlainSample),
      ),
      fc
        .uniqueArray(fc.integer({ min: 0, max: 900 }), { maxLength: 200 })
        .map((times) =>
          times.sort((a, b) => a - b).map((t) => [1_700_000_000_000 + t * 1000, t % 7] as PlainSample),
        ),
    ),
    fc.integer({ min: 1, max: 150 }),
  );
  const limits = fc.constantFrom(MERGE_LIMITS, VERBATIM_LIMITS);
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), limits, (parts, chosen) => {
      const expected = new Map<number, PlainSample>();
      for (const [samples] of parts) {
        for (const sample of samples) if (!expected.has(sample[0])) expected.set(sample[0], sample);
      }
      const merged = new SeriesMerger(...ALL, chosen).merge(
        parts.map(([samples, size]) => chunksOf(samples, size)),
      );
      let end = Number.NEGATIVE_INFINITY;
      for (const chunk of merged) {
        assert(chunk.mint > end && chunk.maxt >= chunk.mint, "no overlap");
        end = chunk.maxt;
      }
      const sorted = [...expected.values()].sort((a, b) => a[0] - b[0]);
      assert.deepEqual(rowsIn(merged), rowsOf(columnsOf(sorted)));
    }),
    { numRuns: 200 },
  );
});

test("merges sources by label set", () => {
  const one = [
    { labels: Labels.fromObject({ a: "1" }), samples: floats(10) },
    { labels: Labels.fromObject({ b: "1" }), samples: floats(10) },
  ];
  const two = [
    { labels: Labels.fromObject({ a: "1" }), samples: floats(10, 200_000) },
    { labels: Labels.fromObject({ a: "2", é: "x" }), samples: floats(10) },
  ];
  const merged = mergeSources([sourceOf(one), sourceOf(two)]);
  assert.deepEqual([...merged.symbols()], symbolsOf([...one, ...two]));
  const series: [string, number][] = [];
  const iterator = merged.series();
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    const { labels, chunks } = next.value;
    series.push([labels.toString(), chunks.reduce((sum, c) => sum + chunkSampleCount(c.bytes), 0)]);
  }
  assert.deepEqual(series, [
    ['{a="1"}', 20],
    ['{a="2", "é"="x"}', 10],
    ['{b="1"}', 10],
  ]);
});
