import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CorruptionError } from "../../../dist/base/errors.js";
import { decodeChunk } from "../../../dist/chunk/chunk.js";
import { bucketIndexes, spansOf } from "../../../dist/chunk/histogram-buckets.js";
import { encodeHistogramChunks } from "../../../dist/chunk/histogram-chunk.js";
import { type Histogram, ResetHint } from "../../../dist/model/histogram.js";
import { SampleColumns } from "../../../dist/storage/columns.js";
import { canonicalHistogram, histogramRun } from "../../support/histogram-arbitraries.js";

function histogram(fields: Partial<Histogram>): Histogram {
  return {
    float: false,
    resetHint: ResetHint.UNKNOWN,
    schema: 0,
    zeroThreshold: 2 ** -128,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positiveSpans: [],
    negativeSpans: [],
    positiveBuckets: [],
    negativeBuckets: [],
    customValues: [],
    ...fields,
  };
}

/** Buckets 0 … counts.length - 1 of schema 0. */
function counting(...counts: number[]): Histogram {
  const count = counts.reduce((a, b) => a + b, 0);
  return histogram({
    count,
    sum: count,
    positiveSpans: [{ offset: 0, length: counts.length }],
    positiveBuckets: counts,
  });
}

const times = (count: number): number[] => Array.from({ length: count }, (_, i) => 1000 * (i + 1));
const headerOf = (bytes: Uint8Array): number => bytes[2];

test("gives back any run of histograms", () => {
  fc.assert(
    fc.property(histogramRun, fc.integer({ min: 1, max: 70 }), ({ timestamps, histograms }, samplesMax) => {
      const decoded = new SampleColumns(1);
      const chunks = encodeHistogramChunks(timestamps, histograms, { samplesMax });
      for (const chunk of chunks) {
        const start = decoded.count;
        decodeChunk(chunk.bytes, chunk.encoding, decoded);
        assert.equal(decoded.timestamps[start], chunk.mint);
        assert.equal(decoded.timestamps[decoded.count - 1], chunk.maxt);
        assert(decoded.count - start <= samplesMax);
      }
      assert.deepEqual([...decoded.timestamps.slice(0, decoded.count)], timestamps);
      assert.deepEqual(decoded.histograms?.map(canonicalHistogram), histograms.map(canonicalHistogram));
    }),
    { numRuns: 300 },
  );
});

test("keeps counters in one chunk while buckets only come and grow", () => {
  const run = [counting(1), counting(1, 2), counting(1, 2, 0, 4), counting(5, 2, 0, 4)];
  const chunks = encodeHistogramChunks(times(4), run);
  assert.equal(chunks.length, 1);
  assert.equal(headerOf(chunks[0].bytes), 0);
});

test("cuts where a counter was reset, and says so in the header", () => {
  const fewer = encodeHistogramChunks(times(2), [counting(3, 3), counting(4, 1)]);
  assert.deepEqual(
    fewer.map((c) => headerOf(c.bytes)),
    [0, 0x80],
  );
  const moved = encodeHistogramChunks(times(2), [counting(3, 3), counting(2, 9)]);
  assert.deepEqual(
    moved.map((c) => headerOf(c.bytes)),
    [0, 0x80],
    "one bucket fell while the count rose",
  );
  const hinted = { ...counting(4, 4), resetHint: ResetHint.RESET };
  const told = encodeHistogramChunks(times(2), [counting(3, 3), hinted]);
  assert.deepEqual(
    told.map((c) => headerOf(c.bytes)),
    [0, 0x80],
  );
  const vanished = histogram({ count: 9, positiveSpans: [{ offset: 1, length: 1 }], positiveBuckets: [9] });
  assert.equal(encodeHistogramChunks(times(2), [counting(3, 3), vanished]).length, 2);
  const emptyVanished = histogram({
    count: 9,
    positiveSpans: [{ offset: 1, length: 1 }],
    positiveBuckets: [9],
  });
  assert.equal(encodeHistogramChunks(times(2), [counting(0, 3), emptyVanished]).length, 1);
});

test("cuts without a word about resets where the schema changes or a stale marker ends", () => {
  const other = { ...counting(5, 5), schema: 1 };
  assert.deepEqual(
    encodeHistogramChunks(times(2), [counting(1), other]).map((c) => headerOf(c.bytes)),
    [0, 0],
  );
  const stale = histogram({ sum: new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer)[0] });
  const chunks = encodeHistogramChunks(times(4), [counting(1), stale, stale, counting(2)]);
  assert.deepEqual(
    chunks.map((c) => [c.bytes[1], headerOf(c.bytes)]),
    [
      [3, 0],
      [1, 0],
    ],
  );
});

test("marks a chunk that goes on where the last one was full", () => {
  const chunks = encodeHistogramChunks(times(3), [counting(1), counting(2), counting(3)], { samplesMax: 2 });
  assert.deepEqual(
    chunks.map((c) => headerOf(c.bytes)),
    [0, 0x40],
  );
  const previous = encodeHistogramChunks(times(1), [counting(3)], { previous: counting(2) });
  assert.equal(headerOf(previous[0].bytes), 0x40);
  const reset = encodeHistogramChunks(times(1), [counting(1)], { previous: counting(2) });
  assert.equal(headerOf(reset[0].bytes), 0x80);
});

test("lets gauges fall", () => {
  const gauge = (h: Histogram): Histogram => ({ ...h, resetHint: ResetHint.GAUGE });
  const chunks = encodeHistogramChunks(times(3), [counting(5, 5), counting(1), counting(0, 0, 7)].map(gauge));
  assert.deepEqual(
    chunks.map((c) => headerOf(c.bytes)),
    [0xc0],
  );
  const decoded = new SampleColumns(1);
  decodeChunk(chunks[0].bytes, chunks[0].encoding, decoded);
  assert.deepEqual(
    decoded.histograms?.map((h) => [...Array.from(h?.positiveBuckets ?? [])]),
    [
      [5, 5, 0],
      [1, 0, 0],
      [0, 0, 7],
    ],
  );
  assert(decoded.histograms?.every((h) => h?.resetHint === ResetHint.GAUGE));
});

test("keeps stale markers out of gauge chunks", () => {
  const gauge = (h: Histogram): Histogram => ({ ...h, resetHint: ResetHint.GAUGE });
  const stale = histogram({ sum: new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer)[0] });
  for (const marker of [stale, gauge(stale)]) {
    const chunks = encodeHistogramChunks(times(4), [gauge(counting(1)), marker, marker, gauge(counting(2))]);
    assert.deepEqual(
      chunks.map((c) => [c.bytes[1], headerOf(c.bytes)]),
      [
        [1, 0xc0],
        [2, 0],
        [1, 0xc0],
      ],
    );
  }
});

test("turns spans into bucket indexes and back", () => {
  const spans = [
    { offset: -2, length: 2 },
    { offset: 3, length: 1 },
    { offset: 0, length: 2 },
  ];
  assert.deepEqual(bucketIndexes(spans), [-2, -1, 3, 4, 5]);
  assert.deepEqual(spansOf([-2, -1, 3, 4, 5]), [
    { offset: -2, length: 2 },
    { offset: 3, length: 3 },
  ]);
});

test("refuses damaged bytes and allocates nothing that they only claim", () => {
  const [chunk] = encodeHistogramChunks(
    times(20),
    times(20).map((t) => counting(t, 2 * t, 3 * t)),
  );
  assert.throws(() => decodeChunk(chunk.bytes.subarray(0, 40), 2, new SampleColumns(1)), CorruptionError);
  assert.throws(() => decodeChunk(chunk.bytes, 9, new SampleColumns(1)), /unknown chunk encoding 9/);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.nat(),
      fc.nat(255),
      fc.constantFrom(2, 3),
      (noise, at, byte, encoding) => {
        const flipped = chunk.bytes.slice();
        flipped[at % flipped.length] = byte;
        for (const bytes of [noise, flipped]) {
          try {
            decodeChunk(bytes, encoding, new SampleColumns(1));
          } catch (error) {
            assert(error instanceof CorruptionError, String(error));
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});
