import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import protobuf from "protobufjs";
import { ProtobufReader, WireType } from "../../../dist/encoding/protobuf.js";

const reader = new ProtobufReader();

function one(write: (writer: protobuf.Writer) => void): ProtobufReader {
  const writer = protobuf.Writer.create();
  write(writer);
  const bytes = writer.finish();
  reader.reset(bytes, 0, bytes.length);
  assert.ok(reader.next());
  return reader;
}

test("integers of every kind come back", () =>
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.integer(), fc.nat(0xffffffff), (long, int, unsigned) => {
      assert.equal(one((w) => w.uint32(8).int64(long)).int64(), long);
      assert.equal(one((w) => w.uint32(8).sint64(long)).sint64(), long);
      assert.equal(one((w) => w.uint32(8).uint64(Math.abs(long))).uint64(), Math.abs(long));
      assert.equal(one((w) => w.uint32(8).sint32(int)).sint32(), int);
      assert.equal(one((w) => w.uint32(8).int32(int)).int32(), int);
      assert.equal(one((w) => w.uint32(8).uint32(unsigned)).uint32(), unsigned);
      assert.ok(!reader.failed && !reader.next());
    }),
  ));

test("the ends of the 64-bit range are rounded, not wrapped", () => {
  const read = (bytes: number[], how: "uint64" | "int64" | "sint64"): number => {
    const source = Uint8Array.from([8, ...bytes]);
    reader.reset(source, 0, source.length);
    reader.next();
    return reader[how]();
  };
  const max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
  assert.equal(read(max, "uint64"), 2 ** 64);
  assert.equal(read(max, "int64"), -1);
  assert.equal(read(max, "sint64"), -(2 ** 63));
  assert.equal(read([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "uint64"), 0);
  assert.ok(reader.failed, "eleven bytes are no varint");
  assert.equal(read([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3], "uint64"), 0);
  assert.ok(reader.failed, "nor are 65 bits");
});

test("unknown fields of every wire type are skipped, nested groups too", () => {
  const inner = (w: protobuf.Writer): protobuf.Writer =>
    w
      .uint32((9 << 3) | WireType.GROUP_START)
      .uint32((1 << 3) | WireType.BYTES)
      .string("x")
      .uint32((9 << 3) | WireType.GROUP_END);
  const read = one((w) =>
    inner(w.uint32((9 << 3) | WireType.GROUP_START))
      .uint32((9 << 3) | WireType.GROUP_END)
      .uint32((2 << 3) | WireType.FIXED32)
      .fixed32(1)
      .uint32((3 << 3) | WireType.FIXED64)
      .double(1)
      .uint32((4 << 3) | WireType.BYTES)
      .string("text")
      .uint32((5 << 3) | WireType.VARINT)
      .uint32(77),
  );
  while (read.field !== 5) {
    read.skip();
    assert.ok(read.next());
  }
  assert.equal(read.uint32(), 77);
  assert.ok(!read.failed);
});

test("any bytes end in finite steps, inside their range", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), (bytes, start) => {
      reader.reset(bytes, start, bytes.length);
      let steps = 0;
      while (reader.next()) {
        if (reader.wireType === WireType.BYTES && steps % 2 === 0) {
          const outer = reader.enter();
          while (reader.more()) {
            reader.uint64();
            steps++;
          }
          reader.leave(outer);
        } else reader.skip();
        assert.ok(reader.stop <= bytes.length);
        assert.ok(++steps < 1000);
      }
    }),
    { numRuns: 1000 },
  ));

test("a length beyond the end, field 0, an end of no group and deep groups are malformed", () => {
  const groups = Array.from({ length: 40 }, () => (1 << 3) | WireType.GROUP_START);
  for (const bytes of [
    [0x0a, 5, 1],
    [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
    [0],
    [0x0c],
    [0x0f],
    [8],
    groups,
  ]) {
    reader.reset(Uint8Array.from(bytes), 0, bytes.length);
    while (reader.next()) reader.skip();
    assert.ok(reader.failed, bytes.join(" "));
  }
});
