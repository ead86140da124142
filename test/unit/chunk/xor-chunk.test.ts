import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CorruptionError } from "../../../dist/base/errors.js";
import { encodeXorChunk, encodeXorChunkTightly } from "../../../dist/chunk/xor-chunk.js";
import { decodeXorChunk } from "../../../dist/chunk/xor-decode.js";
import { isStaleAt, setStaleAt } from "../../../dist/model/stale.js";
import { SampleColumns } from "../../../dist/storage/columns.js";

function columnsOf(samples: readonly (readonly [number, number])[]): SampleColumns {
  const columns = new SampleColumns(Math.max(1, samples.length));
  samples.forEach(([timestamp, value], i) => {
    columns.timestamps[i] = timestamp;
    columns.values[i] = value;
  });
  columns.count = samples.length;
  return columns;
}

function encode(columns: SampleColumns): Uint8Array {
  return encodeXorChunk(columns.timestamps, columns.valueWords, 0, columns.count);
}

const delta = fc.oneof(
  fc.constant(15_000),
  fc.integer({ min: 14_000, max: 16_000 }),
  fc.integer({ min: 1, max: 200_000 }),
  fc.integer({ min: 1, max: 2 ** 31 }),
  fc.integer({ min: 1, max: 1000 }).map((n) => n * 2 ** 33),
);
const value = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY),
  fc.integer({ min: 0, max: 1000 }),
);
const samples = fc
  .tuple(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 }),
    fc.array(fc.tuple(delta, value), { minLength: 1, maxLength: 300 }),
  )
  .map(([start, steps]) => {
    let timestamp = start * 1000;
    return steps.map(([step, v]) => {
      timestamp += step;
      return [timestamp, v] as const;
    });
  });

test("gives back any samples bit for bit", () => {
  fc.assert(
    fc.property(samples, (rows) => {
      const columns = columnsOf(rows);
      const decoded = new SampleColumns(1);
      decodeXorChunk(encode(columns), decoded, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
      assert.equal(decoded.count, rows.length);
      assert.deepEqual(decoded.timestamps.slice(0, decoded.count), columns.timestamps.slice(0, rows.length));
      assert.deepEqual(
        decoded.valueWords.slice(0, 2 * rows.length),
        columns.valueWords.slice(0, 2 * rows.length),
      );
    }),
  );
});

test("codes tightly: the same samples, never more bytes", () => {
  fc.assert(
    fc.property(samples, (rows) => {
      const columns = columnsOf(rows);
      const tight = encodeXorChunkTightly(columns.timestamps, columns.valueWords, 0, columns.count);
      const decoded = new SampleColumns(1);
      decodeXorChunk(tight, decoded, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
      assert.deepEqual(decoded.timestamps.slice(0, decoded.count), columns.timestamps.slice(0, rows.length));
      assert.deepEqual(
        decoded.valueWords.slice(0, 2 * rows.length),
        columns.valueWords.slice(0, 2 * rows.length),
      );
      // A run of more changed values than the plan looks back may cost one window more in a while.
      assert(tight.length <= encode(columns).length + Math.ceil(rows.length / 32) * 2, "no larger");
    }),
  );
  const noisy = columnsOf(
    Array.from({ length: 480 }, (_, i) => [i * 15_000, i % 40 === 0 ? Math.PI * i : i] as const),
  );
  const tight = encodeXorChunkTightly(noisy.timestamps, noisy.valueWords, 0, noisy.count);
  assert(tight.length < 0.8 * encode(noisy).length, `${tight.length} of ${encode(noisy).length} bytes`);
});

test("keeps the stale marker apart from other NaNs", () => {
  const columns = columnsOf([
    [1000, 1],
    [2000, Number.NaN],
    [3000, Number.NaN],
    [4000, 2],
  ]);
  setStaleAt(columns.valueWords, 2);
  const decoded = new SampleColumns(4);
  decodeXorChunk(encode(columns), decoded, 0, 5000);
  assert.deepEqual(
    [0, 1, 2, 3].map((i) => isStaleAt(decoded.valueWords, i)),
    [false, false, true, false],
  );
});

test("writes the bytes of Prometheus", () => {
  // Three samples 15 s apart: count, zigzag varint of 1 s, 1.0, uvarint 15000, value equal, dod 0, new window.
  const bytes = encode(
    columnsOf([
      [1000, 1],
      [16_000, 1],
      [31_000, 2],
    ]),
  );
  assert.deepEqual(
    [...bytes],
    [
      0, 3, 0xd0, 0x0f, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0x98, 0x75, 0b0_0_11_0000, 0b1_001011_1, 0b11111111,
      0b11_000000,
    ],
  );
});

test("takes only the wanted range and appends behind what is there", () => {
  const rows = Array.from({ length: 100 }, (_, i) => [i * 1000, i] as const);
  const chunk = encode(columnsOf(rows));
  const decoded = new SampleColumns(1);
  decodeXorChunk(chunk, decoded, 10_000, 12_000);
  decodeXorChunk(chunk, decoded, 98_000, 1e9);
  assert.deepEqual([...decoded.values.slice(0, decoded.count)], [10, 11, 12, 98, 99]);
});

test("refuses damaged bytes and never reads without end", () => {
  const chunk = encode(columnsOf(Array.from({ length: 50 }, (_, i) => [i * 15_000, Math.sqrt(i)] as const)));
  const decode = (bytes: Uint8Array): void =>
    decodeXorChunk(bytes, new SampleColumns(1), Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  assert.throws(() => decode(chunk.subarray(0, chunk.length - 8)), CorruptionError);
  assert.throws(() => decode(Uint8Array.of(0xff, 0xff, 1)), CorruptionError);
  assert.throws(() => decode(Uint8Array.of(1)), CorruptionError);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      try {
        decode(bytes);
      } catch (error) {
        assert(error instanceof CorruptionError);
      }
    }),
  );
});
