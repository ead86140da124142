/** The kernel's XOR chunks and checksums, held byte for byte against those of src/chunk and src/encoding. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeChunk } from "../../dist/chunk/chunk.js";
import { encodeXorChunk } from "../../dist/chunk/xor-chunk.js";
import { crc32c } from "../../dist/encoding/crc32c.js";
import * as L from "../../dist/kernel/assembly/layout.js";
import type { Kernel } from "../../dist/kernel/kernel.js";
import { SampleColumns } from "../../dist/storage/columns.js";
import { LocalDatabase, requestBody } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const RUNS = Number(process.env["RUNS"] ?? 100);
const SEED = Number(process.env["SEED"] ?? 22);
const PARAMETERS = { numRuns: RUNS, seed: SEED, includeErrorInReport: true };

interface Samples {
  readonly timestamps: Float64Array;
  readonly words: Uint32Array;
}

/** Runs that compress well, random bits, NaN payloads, infinities, zeros of both signs, subnormals. */
const words: fc.Arbitrary<readonly [low: number, high: number]> = fc.oneof(
  fc.tuple(fc.constant(0), fc.constantFrom(0, 0x80000000, 0x3ff00000, 0x40590000)),
  fc.tuple(
    fc.constantFrom(2, 0, 0xdeadbeef),
    fc.constantFrom(0x7ff00000, 0xfff00000, 0x7ff80123, 0xffffffff),
  ),
  fc.tuple(fc.nat({ max: 0xffffffff }), fc.nat({ max: 0xffffffff })),
  fc.nat({ max: 1000 }).map((n) => {
    const bits = new Uint32Array(Float64Array.of(n / 10).buffer);
    return [bits[0], bits[1]] as const;
  }),
);

const delta: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(1, 15_000, 15_001) },
  fc.constantFrom(8190, 8191, 8192, 8193, 65_535, 65_536, 65_537, 524_287, 524_288, 524_289, 7_000_000),
  fc.integer({ min: 1, max: 20_000_000 }),
);

function samples(start: fc.Arbitrary<number>, deltas: fc.Arbitrary<number>): fc.Arbitrary<Samples> {
  const one = fc.tuple(deltas, words);
  return fc.tuple(start, fc.array(one, { minLength: 1, maxLength: 400, size: "max" })).map(([from, list]) => {
    let t = from;
    return {
      timestamps: Float64Array.from(list, ([step]) => (t += step)),
      words: Uint32Array.from(list.flatMap(([, bits]) => bits)),
    };
  });
}

function kernelDecode(kernel: Kernel, at: number, chunk: Uint8Array, max = 1000): Samples {
  kernel.u8().set(chunk, at);
  const outT = at + (1 << 20);
  const outV = outT + 8 * max;
  const n = kernel.exports.decodeChunk(at, chunk.length, outT, outV, max);
  assert.ok(n >= 0 && n <= max);
  return {
    timestamps: kernel.f64().slice(outT >>> 3, (outT >>> 3) + n),
    words: kernel.u32().slice(outV >>> 2, (outV >>> 2) + 2 * n),
  };
}

function open(chunkSamplesMax = 120): LocalDatabase {
  const years = 100 * 365 * 86_400_000;
  return new LocalDatabase(new MemFileSystem(), new FakeClock(), {
    chunkSamplesMax,
    retentionMs: years,
    outOfOrderWindowMs: years,
  });
}

test("the kernel decodes what src/chunk encodes, negative times and the longest steps included", () => {
  const { database } = open();
  const work = database.shared.slotRegions[1].at;
  const start = fc.constantFrom(0, -1, -(2 ** 45), 1_795_356_000_000, 2 ** 50);
  const far = fc.oneof(delta, fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 40, 2 ** 44));
  return fc.assert(
    fc.property(samples(start, far), ({ timestamps, words: bits }) => {
      const chunk = encodeXorChunk(timestamps, bits, 0, timestamps.length);
      const decoded = kernelDecode(database.kernel, work, chunk);
      assert.deepEqual(decoded, { timestamps, words: bits });
    }),
    PARAMETERS,
  );
});

test("a damaged chunk ends early in the kernel, with what stood before the damage", () => {
  const { database } = open();
  const work = database.shared.slotRegions[1].at;
  return fc.assert(
    fc.property(samples(fc.constant(1_795_356_000_000), delta), fc.nat(), (whole, seed) => {
      const chunk = encodeXorChunk(whole.timestamps, whole.words, 0, whole.timestamps.length);
      const cut = chunk.slice(0, seed % chunk.length);
      const some = kernelDecode(database.kernel, work, cut);
      const same = Math.max(0, some.timestamps.length - 2); // the bits behind the cut belong to the last ones
      assert.deepEqual(some.timestamps.slice(0, same), whole.timestamps.slice(0, same));
      const flipped = chunk.slice();
      flipped[seed % chunk.length] ^= 1 << (seed & 7);
      kernelDecode(database.kernel, work, flipped);
      kernelDecode(database.kernel, work, flipped, 3);
    }),
    PARAMETERS,
  );
});

/** The chunks of series 0 as src/chunk reads them, oldest first. */
function closedChunks(kernel: Kernel): Samples[] {
  const at = kernel.u32();
  const ext = at[(kernel.seriesAt(0) + L.S_EXT) >>> 2];
  const chunks: Samples[] = [];
  for (
    let node = ext === 0 ? 0 : at[(ext + L.X_CHUNKS) >>> 2];
    node !== 0;
    node = at[(node + L.N_NEXT) >>> 2]
  ) {
    const data = at[(node + L.N_DATA) >>> 2];
    const bytes = kernel.u8().slice(data, data + at[(node + L.N_LEN) >>> 2]);
    const columns = new SampleColumns(16);
    decodeChunk(bytes, 1, columns);
    const timestamps = columns.timestamps.slice(0, columns.count);
    assert.equal(kernel.i64(node + L.N_MINT), timestamps[0]);
    assert.equal(kernel.i64(node + L.N_MAXT), timestamps.at(-1));
    assert.equal(at[(node + L.N_ENC) >>> 2] >>> 16, columns.count, "N_NUM");
    chunks.push({ timestamps, words: columns.valueWords.slice(0, 2 * columns.count) });
  }
  return chunks;
}

test("src/chunk decodes what the kernel encodes; no chunk is longer than asked or crosses two hours", () =>
  fc.assert(
    fc.asyncProperty(
      samples(fc.constantFrom(0, 1_500_000_000_000), delta),
      fc.constantFrom(1, 2, 8, 120, 400),
      async ({ timestamps, words: bits }, chunkSamplesMax) => {
        const local = open(chunkSamplesMax);
        const values = new Float64Array(bits.slice().buffer);
        const list = Array.from(timestamps, (timestamp, i) => ({ timestamp, value: values[i] }));
        const labels = [["__name__", "m"]] as const;
        const { outcome } = local.start(requestBody([{ labels, samples: list }], 1), 1);
        assert.equal(outcome.samples, timestamps.length);
        const columns = new SampleColumns(16);
        const set = local.queryable().select([], 0, 2 ** 53);
        set.read(0, 0, 2 ** 53, columns);
        assert.deepEqual(columns.timestamps.slice(0, columns.count), timestamps);
        assert.deepEqual(columns.valueWords.slice(0, 2 * columns.count), bits);
        let i = 0;
        for (const chunk of closedChunks(local.database.kernel)) {
          const n = chunk.timestamps.length;
          assert.ok(n <= chunkSamplesMax);
          assert.deepEqual(chunk.timestamps, timestamps.slice(i, i + n));
          assert.deepEqual(chunk.words, bits.slice(2 * i, 2 * (i + n)));
          const range = (t: number | undefined): number => Math.floor((t ?? 0) / 7_200_000);
          assert.equal(range(chunk.timestamps[0]), range(chunk.timestamps.at(-1)));
          i += n;
        }
        await local.close();
      },
    ),
    PARAMETERS,
  ));

test("the kernel's CRC32C is src/encoding's, in one go and continued", () => {
  const { database } = open();
  const { kernel } = database;
  const work = database.shared.slotRegions[1].at;
  return fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(), fc.nat({ max: 7 }), (bytes, cut, shift) => {
      const at = work + shift;
      kernel.u8().set(bytes, at);
      const whole = crc32c(bytes, 0, bytes.length);
      assert.equal(kernel.exports.crc32c(at, bytes.length, 0) >>> 0, whole);
      const first = cut % (bytes.length + 1);
      const seed = kernel.exports.crc32c(at, first, 0);
      assert.equal(kernel.exports.crc32c(at + first, bytes.length - first, seed) >>> 0, whole);
    }),
    PARAMETERS,
  );
});
