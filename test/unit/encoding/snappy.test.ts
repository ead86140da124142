import * as assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compressSync, uncompressSync } from "snappy";
import {
  compress,
  compressedBytesMax,
  snappyCompress,
  snappyUncompressOrNull,
} from "../../../dist/encoding/snappy.js";

function roundTrip(source: Uint8Array): Uint8Array {
  const target = new Uint8Array(compressedBytesMax(source.length));
  const length = compress(source, target);
  return uncompressSync(Buffer.from(target.subarray(0, length)), { asBuffer: true }) as Buffer;
}

function assertRoundTrip(source: Uint8Array): void {
  assert.ok(Buffer.from(source).equals(roundTrip(source)), `${source.length} bytes came back changed`);
}

test("any bytes come back through another decoder", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), assertRoundTrip));
});

test("repeats of any distance and length come back, block borders among them", () => {
  const piece = fc.record({ seed: fc.uint8Array({ minLength: 1, maxLength: 90 }), times: fc.nat(2000) });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      assertRoundTrip(
        Buffer.concat(pieces.map(({ seed, times }) => Buffer.alloc(seed.length * times, seed))),
      );
    }),
  );
});

test("lengths around a block of 64 KiB come back", () => {
  for (const length of [0, 1, 15, 16, 65_535, 65_536, 65_537, 65_552, 131_072, 200_001]) {
    assertRoundTrip(Uint8Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 24));
    assertRoundTrip(new Uint8Array(length));
  }
});

test("what cannot be compressed takes no more than the stated room", () => {
  let state = 1;
  const noise = Uint8Array.from({ length: 300_000 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  const target = new Uint8Array(compressedBytesMax(noise.length));
  assert.ok(compress(noise, target) <= noise.length + 6 * Math.ceil(noise.length / 65_536) + 4);
  assertRoundTrip(noise);
});

test("what another program compressed is decompressed", () => {
  const runs = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 90 }), fc.nat(900)), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(runs, (pieces) => {
      const source = Buffer.concat(pieces.map(([seed, times]) => Buffer.alloc(seed.length * times, seed)));
      const found = snappyUncompressOrNull(compressSync(source), source.length);
      assert.ok(found !== null && source.equals(found));
      assert.equal(snappyUncompressOrNull(compressSync(source), source.length - 1), null);
      assert.ok(source.equals(snappyUncompressOrNull(snappyCompress(source), 1 << 20) ?? Buffer.alloc(1)));
    }),
  );
});

test("damaged bytes are refused or decompressed as the other decoder does, and cost no more than is allowed", () => {
  const bytesMax = 1 << 16;
  const good = compressSync(Buffer.from("a label, a value, a label, a value, and a label".repeat(20)));
  const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(damage, fc.nat(good.length), (changes, length) => {
      const bytes = Buffer.from(good.subarray(0, length));
      for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
      const found = snappyUncompressOrNull(bytes, bytesMax);
      if (found === null) return;
      assert.ok(found.length <= bytesMax);
      assert.ok((uncompressSync(bytes) as Buffer).equals(found));
    }),
    { numRuns: 2000 },
  );
});
