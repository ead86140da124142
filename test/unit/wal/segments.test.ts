import * as assert from "node:assert/strict";
import { test } from "node:test";
import { CorruptionError } from "../../../dist/base/errors.js";
import { RecordType } from "../../../dist/wal/record-format.js";
import { deleteSegments, listSegments, RecordReader, segmentPath } from "../../../dist/wal/segments.js";
import { LOG_DIR, segmentFile } from "../../support/log.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const payload = (i: number): Uint8Array => new Uint8Array(40).fill(i);

function withSegments(count: number): MemFileSystem {
  const fs = new MemFileSystem();
  for (let i = 1; i <= count; i++) {
    fs.put(segmentPath(LOG_DIR, i), segmentFile(i, [[RecordType.CHUNK, payload(i)]]));
  }
  return fs;
}

test("segments are deleted from the oldest on, for good", () => {
  const fs = withSegments(4);
  fs.put(`${LOG_DIR}/checkpoint.00000001/00000001`, payload(1));
  assert.equal(deleteSegments(fs, LOG_DIR, 2), 2);
  assert.deepEqual(listSegments(fs.crashClone(), LOG_DIR), [3, 4]);
  assert.equal(deleteSegments(fs, LOG_DIR, 2), 0);
});

test("single records are read back, and anything else is corruption", () => {
  const fs = withSegments(1);
  const reader = new RecordReader(fs, LOG_DIR);
  assert.deepEqual(reader.readRecord(1, 32, RecordType.CHUNK), payload(1));
  assert.throws(() => reader.readRecord(1, 32, RecordType.SERIES), CorruptionError);
  for (const offset of [0, 24, 40, 88, 1000]) {
    assert.throws(() => reader.readRecord(1, offset, RecordType.CHUNK), CorruptionError, `offset ${offset}`);
  }
  const fd = fs.open(segmentPath(LOG_DIR, 1), "r+");
  fs.write(fd, Uint8Array.of(9), 60);
  assert.throws(() => reader.readRecord(1, 32, RecordType.CHUNK), /fails its checksum/);
  fs.truncate(fd, 70);
  assert.throws(() => reader.readRecord(1, 32, RecordType.CHUNK), /ends inside the record/);
  assert.throws(() => reader.readRecord(7, 32, RecordType.CHUNK), { code: "ENOENT" });
});

test("few segments stay open, and deleted ones are let go", () => {
  const fs = withSegments(40);
  const reader = new RecordReader(fs, LOG_DIR);
  for (let i = 1; i <= 30; i++) reader.readRecord(i, 32, RecordType.CHUNK);
  assert.equal(fs.openCount, 16);
  deleteSegments(fs, LOG_DIR, 30);
  assert.deepEqual(reader.readRecord(30, 32, RecordType.CHUNK), payload(30), "for who still needs it");
  reader.readRecord(31, 32, RecordType.CHUNK);
  assert.equal(fs.openCount, 1);
  reader.close();
  assert.equal(fs.openCount, 0);
});
