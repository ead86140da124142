import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { crc32c, crc32cBehind } from "../../../dist/encoding/crc32c.js";

/** Bit by bit from the definition. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("has the values that RFC 3720 B.4 prints", () => {
  const of = (bytes: Uint8Array): number => crc32c(bytes, 0, bytes.length);
  assert.equal(of(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(of(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(of(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(of(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.equal(of(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
  assert.equal(of(new Uint8Array(0)), 0);
});

test("equals the definition for any range, in one piece or in two", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
      const start = Math.min(a, b, bytes.length);
      const end = Math.min(Math.max(a, b), bytes.length);
      const middle = (start + end) >> 1;
      const expected = slowCrc32c(bytes.subarray(start, end));
      assert.equal(crc32c(bytes, start, end), expected);
      assert.equal(crc32c(bytes, middle, end, crc32c(bytes, start, middle)), expected);
    }),
  ));

test("checksums of two parts make that of both", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, at) => {
      const middle = Math.min(at, bytes.length);
      const behind = crc32cBehind(bytes.length - middle);
      const both = behind(crc32c(bytes, 0, middle)) ^ crc32c(bytes, middle, bytes.length);
      assert.equal(both >>> 0, crc32c(bytes, 0, bytes.length));
    }),
  ));
