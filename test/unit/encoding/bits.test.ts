import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CorruptionError } from "../../../dist/base/errors.js";
import { BitReader } from "../../../dist/encoding/bit-reader.js";
import { BitWriter } from "../../../dist/encoding/bit-writer.js";
import {
  readVarbitInt,
  readVarbitUint,
  writeVarbitInt,
  writeVarbitUint,
} from "../../../dist/encoding/varbit.js";

const wholeNumber = fc.oneof(
  fc.integer({ min: -70, max: 70 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: -2, max: 2 })).map(([n, d]) => 2 ** n + d),
);

test("gives back any sequence of bit fields", () => {
  const field = fc
    .integer({ min: 1, max: 32 })
    .chain((count) => fc.integer({ min: 0, max: 2 ** count - 1 }).map((value) => ({ count, value })));
  fc.assert(
    fc.property(fc.array(field, { maxLength: 200 }), (fields) => {
      const writer = new BitWriter(1);
      for (const { value, count } of fields) writer.write(value, count);
      const bits = fields.reduce((sum, { count }) => sum + count, 0);
      const bytes = writer.take();
      assert.equal(writer.bitLength, bits);
      assert.equal(bytes.length, Math.ceil(bits / 8));
      const reader = new BitReader(bytes);
      for (const { value, count } of fields) assert.equal(reader.read(count), value);
      assert.equal(reader.bitsLeft, bytes.length * 8 - bits);
    }),
  );
});

test("writes the most significant bit first", () => {
  const writer = new BitWriter();
  writer.write(1, 1);
  writer.write(0b0101, 4);
  writer.write64(0x12345678, 0x9abcdef0, 64);
  assert.deepEqual([...writer.take()], [0xa8, 0x91, 0xa2, 0xb3, 0xc4, 0xd5, 0xe6, 0xf7, 0x80]);
});

test("reads zeros past the end, and check says so", () => {
  const reader = new BitReader(Uint8Array.of(0xff));
  assert.equal(reader.read(12), 0xff0);
  assert.equal(reader.bitsLeft, -4);
  assert.throws(() => reader.check(), CorruptionError);
});

test("gives back any varbit integer", () => {
  fc.assert(
    fc.property(fc.array(wholeNumber), (values) => {
      const writer = new BitWriter();
      for (const value of values) {
        writeVarbitInt(writer, value);
        writeVarbitUint(writer, Math.abs(value));
      }
      const reader = new BitReader(writer.take());
      for (const value of values) {
        assert.equal(readVarbitInt(reader), value);
        assert.equal(readVarbitUint(reader), Math.abs(value));
      }
      reader.check();
    }),
  );
});

test("puts varbit integers into the classes of Prometheus", () => {
  const widthOf = (write: (writer: BitWriter, value: number) => void, value: number): number => {
    const writer = new BitWriter();
    write(writer, value);
    return writer.bitLength;
  };
  const signed: [number, number][] = [
    [0, 1],
    [-3, 5],
    [4, 5],
    [5, 9],
    [-4, 9],
    [32, 9],
    [33, 13],
    [256, 13],
    [-256, 17],
    [2048, 17],
    [131072, 24],
    [-131072, 32],
    [16777216, 32],
    [16777217, 64],
    [2 ** 53 - 1, 64],
  ];
  for (const [value, width] of signed) assert.equal(widthOf(writeVarbitInt, value), width, `int ${value}`);
  const unsigned: [number, number][] = [
    [0, 1],
    [7, 5],
    [8, 9],
    [63, 9],
    [4095, 17],
    [33554431, 32],
    [2 ** 33, 64],
  ];
  for (const [value, width] of unsigned)
    assert.equal(widthOf(writeVarbitUint, value), width, `uint ${value}`);
});
