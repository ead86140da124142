import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { crc32c } from "../../../dist/encoding/crc32c.js";
import {
  decodeSegmentHeader,
  encodeRecord,
  encodeSegmentHeader,
  isRecordHeader,
  isRecordIntact,
  RECORD_HEADER_BYTES,
  RecordType,
  recordBytes,
  recordPayloadBytesAt,
  recordTypeAt,
} from "../../../dist/wal/record-format.js";

test("a record has the bytes that docs/format/wal.md draws", () => {
  const record = encodeRecord(RecordType.SAMPLES, Uint8Array.of(0xaa, 0xbb, 0xcc));
  assert.equal(record.length, 24);
  assert.deepEqual([...record.subarray(0, 12)], [0x43, 0x45, 0x52, 0x56, 2, 0, 0, 0, 3, 0, 0, 0]);
  const covered = Uint8Array.of(2, 0, 0, 0, 3, 0, 0, 0, 0xaa, 0xbb, 0xcc);
  assert.equal(new DataView(record.buffer).getUint32(12, true), crc32c(covered, 0, covered.length));
  assert.deepEqual([...record.subarray(16)], [0xaa, 0xbb, 0xcc, 0, 0, 0, 0, 0]);
});

test("any payload comes back, at an aligned length", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
      const record = encodeRecord(RecordType.CHUNK, payload);
      assert.equal(record.length, recordBytes(payload.length));
      assert.equal(record.length % 8, 0);
      assert.ok(isRecordHeader(record, 0));
      assert.ok(isRecordIntact(record, 0, record.length, crc32c));
      assert.equal(recordTypeAt(record, 0), RecordType.CHUNK);
      const end = RECORD_HEADER_BYTES + recordPayloadBytesAt(record, 0);
      assert.deepEqual(record.slice(RECORD_HEADER_BYTES, end), payload);
    }),
  ));

test("a flipped bit anywhere in header or payload is noticed", () => {
  const payload = Uint8Array.from({ length: 21 }, (_, i) => i * 7);
  const record = encodeRecord(RecordType.SERIES, payload);
  const bits = 8 * (RECORD_HEADER_BYTES + payload.length);
  for (let bit = 0; bit < bits; bit++) {
    const damaged = record.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    const accepted = isRecordHeader(damaged, 0) && isRecordIntact(damaged, 0, damaged.length, crc32c);
    assert.equal(accepted, false, `bit ${bit}`);
  }
});

test("a segment header comes back, and every flipped bit or missing byte is a reason", () => {
  const header = encodeSegmentHeader(7, 1_795_356_000_123);
  assert.deepEqual(decodeSegmentHeader(header), { segment: 7, createdMs: 1_795_356_000_123 });
  for (let bit = 0; bit < 8 * header.length; bit++) {
    const damaged = header.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    assert.equal(typeof decodeSegmentHeader(damaged), "string", `bit ${bit}`);
  }
  assert.equal(typeof decodeSegmentHeader(header.subarray(0, 31)), "string");
});
