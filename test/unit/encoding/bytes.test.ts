import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CorruptionError } from "../../../dist/base/errors.js";
import { ByteReader } from "../../../dist/encoding/byte-reader.js";
import { ByteWriter } from "../../../dist/encoding/byte-writer.js";

test("gives back integers, strings and bytes", () => {
  const natural = fc.maxSafeInteger().map(Math.abs);
  const signed = fc.maxSafeInteger().map((value) => Math.trunc(value / 2) + 0);
  fc.assert(
    fc.property(fc.array(fc.tuple(natural, signed, fc.string({ unit: "grapheme" }))), (rows) => {
      const writer = new ByteWriter(1);
      for (const [count, whole, text] of rows) {
        writer.u64(count);
        writer.u32(count % 2 ** 32);
        writer.u16(count % 2 ** 16);
        writer.u8(count % 256);
        writer.uvarint(count);
        writer.varint(whole);
        writer.uvarintString(text);
      }
      const reader = new ByteReader(writer.take());
      for (const [count, whole, text] of rows) {
        assert.equal(reader.u64(), count);
        assert.equal(reader.u32(), count % 2 ** 32);
        assert.equal(reader.u16(), count % 2 ** 16);
        assert.equal(reader.u8(), count % 256);
        assert.equal(reader.uvarint(), count);
        assert.equal(reader.varint(), whole);
        assert.equal(reader.uvarintString(), text);
      }
      assert.equal(reader.remaining, 0);
    }),
  );
});

test("writes big-endian integers and Go's varints", () => {
  const writer = new ByteWriter();
  writer.u32(0xbaaad700);
  writer.uvarint(300);
  writer.varint(-1);
  writer.varint(64);
  writer.pad(16);
  const expected = [0xba, 0xaa, 0xd7, 0x00, 0xac, 0x02, 0x01, 0x80, 0x01, 0, 0, 0, 0, 0, 0, 0];
  assert.deepEqual([...writer.view()], expected);
});

test("names file and offset of a read past the end", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3, 0x80), 1, 4, "index", 100);
  assert.equal(reader.u16(), 0x0203);
  assert.throws(
    () => reader.uvarint(),
    (error) => error instanceof CorruptionError && error.file === "index" && error.offset === 104,
  );
  assert.throws(() => new ByteReader(Uint8Array.of(1)).u32(), CorruptionError);
  assert.throws(() => new ByteReader(new Uint8Array(11).fill(0xff)).uvarint(), /longer than ten bytes/);
  assert.throws(() => new ByteReader(Uint8Array.of(5, 0x61)).uvarintString(), CorruptionError);
});
