import * as assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { zstdUncompressOrNull } from "../../../dist/encoding/zstd.js";
import { loadZstd } from "../../../dist/workers/load-zstd.js";
import { zstdBomb, zstdFrame } from "../../support/zstd.js";

before(loadZstd);

/** `zstd -1 --no-check` of "varve " ten times; the size is in the header. */
const COMPRESSED = Buffer.from("KLUv/SA8ZQAAMHZhcnZlIAEAy1mK", "base64");

test("a frame's content comes out, with and without a size in its header", () => {
  assert.equal(Buffer.from(zstdUncompressOrNull(COMPRESSED, 60) ?? []).toString(), "varve ".repeat(10));
  const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >>> 7);
  assert.deepEqual(zstdUncompressOrNull(zstdFrame(content), 300_000), content);
  assert.deepEqual(zstdUncompressOrNull(zstdFrame(content, null), 300_000), content);
});

test("more than the bound is refused, whatever the header says", () => {
  assert.equal(zstdUncompressOrNull(COMPRESSED, 59), null);
  assert.equal(zstdUncompressOrNull(zstdBomb(1_000_001), 1_000_000), null);
  assert.equal(zstdUncompressOrNull(zstdBomb(1_000_001, null), 1_000_000), null);
  assert.equal(zstdUncompressOrNull(zstdBomb(1_000_001, 1000), 1_000_000), null);
  assert.equal(zstdUncompressOrNull(zstdBomb(10, 0xffff_fff0), 1_000_000), null);
  assert.equal(zstdUncompressOrNull(zstdBomb(1_000_000), 1_000_000)?.length, 1_000_000);
});

test("cut and changed bytes give null or some content within the bound, and nothing breaks", () => {
  const content = Buffer.from("varve ".repeat(10));
  for (let end = 0; end < COMPRESSED.length; end++) {
    assert.equal(zstdUncompressOrNull(COMPRESSED.subarray(0, end), 1000), null, `${end} bytes`);
  }
  const change = fc.record({ at: fc.nat(COMPRESSED.length - 1), to: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(COMPRESSED);
      for (const { at, to } of changes) bytes[at] = to;
      assert.ok((zstdUncompressOrNull(bytes, 1000)?.length ?? 0) <= 1000);
      assert.deepEqual(Buffer.from(zstdUncompressOrNull(COMPRESSED, 60) ?? []), content);
    }),
    { numRuns: 2000 },
  );
});
