import * as assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import { ProtobufWriter } from "../../../dist/encoding/protobuf-writer.js";

const { root } = protobuf.parse(`
  syntax = "proto3";
  message All {
    string text = 1;
    bytes blob = 2;
    uint64 unsigned = 3;
    int64 signed = 4;
    sint64 zigzag = 5;
    double number = 6;
    repeated sint64 deltas = 7;
    repeated double counts = 8;
    repeated All inner = 300;
  }`);
const All = root.lookupType("All");

interface Message {
  text: string;
  blob: Uint8Array;
  unsigned: number;
  signed: number;
  zigzag: number;
  number: number;
  deltas: number[];
  counts: number[];
  inner: Message[];
}

const half = fc.maxSafeInteger().map((value) => Math.trunc(value / 2) + 0); // no -0
const { message } = fc.letrec<{ message: Message }>((tie) => ({
  message: fc.record({
    text: fc.string({ unit: "binary", maxLength: 200 }),
    blob: fc.uint8Array({ maxLength: 200 }),
    unsigned: fc.maxSafeNat(),
    signed: fc.maxSafeInteger(),
    zigzag: half,
    number: fc.double({ noNaN: true }),
    deltas: fc.array(half, { maxLength: 20 }),
    counts: fc.array(fc.double({ noNaN: true }), { maxLength: 20 }),
    inner: fc.oneof({ maxDepth: 3 }, fc.constant<Message[]>([]), fc.array(tie("message"), { maxLength: 3 })),
  }),
}));

function write(writer: ProtobufWriter, value: Message): void {
  writer.string(1, value.text);
  writer.blob(2, value.blob);
  writer.uint64(3, value.unsigned);
  writer.int64(4, value.signed);
  writer.sint64(5, value.zigzag);
  writer.double(6, value.number);
  writer.packedSint64(7, value.deltas);
  writer.packedDoubles(8, value.counts);
  for (const inner of value.inner) {
    const start = writer.open(300);
    write(writer, inner);
    writer.close(start);
  }
}

test("messages of every kind are read by protobufjs, nested ones of any size too", () => {
  const plain = (value: Message): object => ({
    ...value,
    blob: [...value.blob],
    inner: value.inner.map(plain),
  });
  fc.assert(
    fc.property(message, (value) => {
      const writer = new ProtobufWriter(16);
      write(writer, value);
      const decoded = All.toObject(All.decode(writer.take()), { defaults: true, longs: Number });
      assert.deepEqual(plain(decoded as Message), plain({ ...value }));
    }),
  );
});

test("a NaN keeps its payload, a field that is present is written though it is zero", () => {
  const writer = new ProtobufWriter();
  writer.doubleWords(6, 2, 0x7ff00000);
  assert.deepEqual([...writer.view()], [0x31, 2, 0, 0, 0, 0, 0, 0xf0, 0x7f]);
  writer.clear();
  writer.double(6, 0);
  writer.present(6, 0);
  assert.deepEqual([...writer.view()], [0x31, 0, 0, 0, 0, 0, 0, 0, 0]);
  writer.clear();
  writer.double(6, -0);
  assert.equal(writer.length, 9);
});
