/** The kernel chooses XOR windows in its own way; the reference decoder reads its chunks all the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeXorChunkTightly } from "../../dist/chunk/xor-chunk.js";
import { decodeXorChunk } from "../../dist/chunk/xor-decode.js";
import * as L from "../../dist/kernel/assembly/layout.js";
import { Kernel } from "../../dist/kernel/kernel.js";
import { SampleColumns } from "../../dist/storage/columns.js";
import { columnsOf, rowsOf } from "../support/block-fixtures.js";
import { LocalDatabase } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const START_MS = 1_700_000_000_000;
const ENC_XOR = 1;
const REFS_MAX = 8;

/** The chunks of the only series that the head holds, the open one as if it were closed now. */
function headChunks(database: LocalDatabase): Uint8Array[] {
  const { shared } = database.database;
  const scratch = shared.queryScratch[0];
  const kernel = Kernel.openQuery(shared, scratch);
  const chunks: Uint8Array[] = [];
  for (let ref = 0; ref < REFS_MAX; ref++) {
    if (kernel.exports.snapshot(scratch, ref, 0, 2 ** 50) < 0) continue;
    const words = kernel.u32();
    const count = words[(scratch + L.Q_COUNT) >>> 2];
    for (let i = 0; i < count; i++) {
      const node = scratch + L.Q_DESC + i * L.NODE_BYTES;
      const data = words[(node + L.N_DATA) >>> 2];
      if (kernel.u8()[node + L.N_ENC] !== ENC_XOR || data === 0) continue;
      chunks.push(kernel.u8().slice(data, data + words[(node + L.N_LEN) >>> 2]));
    }
  }
  return chunks;
}

const step = fc.tuple(
  fc.oneof(
    fc.constant(15_000),
    fc.integer({ min: 1, max: 40_000 }),
    fc.constantFrom(1, 8192, 65_536, 524_288, 600_000),
  ),
  fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: 0, max: 100 }), fc.constant(1)),
);

test("the chunks that the kernel closes hold what was sent, for the decoder of blocks", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 90 }), async (steps) => {
      const clock = new FakeClock(START_MS + 36_000_000);
      const database = new LocalDatabase(new MemFileSystem(), clock, {
        chunkSamplesMax: 20,
        outOfOrderWindowMs: 4e9,
      });
      let timestamp = START_MS;
      const samples = steps.map(([delta, value]) => {
        timestamp += delta;
        return { timestamp, value };
      });
      const { status, message } = await database.writeSeries([{ labels: [["__name__", "x"]], samples }]);
      assert.equal(status, 204, message);
      const columns = new SampleColumns();
      for (const bytes of headChunks(database)) {
        decodeXorChunk(bytes, columns, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
        compared++;
      }
      const sent = columnsOf(samples.map(({ timestamp: t, value }) => [t, value] as const));
      assert.deepEqual(rowsOf(columns), rowsOf(sent));
      await database.close();
    }),
    { numRuns: 40 },
  );
  assert(compared > 40, `${compared} chunks compared`);
});

test("the kernel's chunks for blocks are those of the encoder in JavaScript, byte for byte", async () => {
  const database = new LocalDatabase(new MemFileSystem(), new FakeClock(START_MS));
  const { shared } = database.database;
  const scratch = shared.queryScratch[0];
  const kernel = Kernel.openQuery(shared, scratch);
  const noisy = fc.tuple(
    fc.constantFrom(15_000, 15_000, 14_999, 1, 8193, 65_537, 524_289, 1e12),
    fc.oneof(
      fc.double(),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 0, max: 1_000_000 }).map((n) => n / 8),
      fc.constantFrom(Number.NaN, -0, Number.MIN_VALUE),
    ),
  );
  fc.assert(
    fc.property(fc.array(noisy, { minLength: 1, maxLength: 300 }), fc.nat(), (steps, cut) => {
      let timestamp = -5e12;
      const samples = steps.map(([delta, value]) => {
        timestamp += delta;
        return [timestamp, value] as const;
      });
      const { timestamps, valueWords } = columnsOf(samples);
      kernel.f64().set(timestamps.subarray(0, samples.length), (scratch + L.Q_T) >>> 3);
      kernel.u32().set(valueWords.subarray(0, 2 * samples.length), (scratch + L.Q_V) >>> 2);
      const from = cut % samples.length;
      for (const [start, end] of [
        [0, samples.length],
        [from, samples.length],
      ] as const) {
        const data = scratch + L.Q_DATA;
        const bytes = kernel.exports.encodeTightly(scratch, start, end);
        assert.deepEqual(
          kernel.u8().slice(data, data + bytes),
          encodeXorChunkTightly(timestamps, valueWords, start, end),
        );
      }
    }),
    { numRuns: 300 },
  );
  await database.close();
});
