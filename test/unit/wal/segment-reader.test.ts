import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { RefusalError } from "../../../dist/base/errors.js";
import { crc32c } from "../../../dist/encoding/crc32c.js";
import {
  encodeSegmentHeader,
  RECORD_HEADER_BYTES,
  RecordType,
  recordBytes,
} from "../../../dist/wal/record-format.js";
import { segmentPath } from "../../../dist/wal/segments.js";
import { FaultFileSystem } from "../../support/fault-file-system.js";
import { LOG_DIR, readBack, segmentFile } from "../../support/log.js";
import { MemFileSystem, systemError } from "../../support/mem-file-system.js";

type Record = readonly [RecordType, Uint8Array];

const TYPES = Object.values(RecordType);
const payloadOf = (seed: number, bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, i) => (seed * 31 + i * 7) & 0xff);

function withSegments(segments: readonly (readonly Record[])[]): MemFileSystem {
  const fs = new MemFileSystem();
  for (const [i, records] of segments.entries()) {
    fs.put(segmentPath(LOG_DIR, i + 1), segmentFile(i + 1, records));
  }
  return fs;
}

const plain = (
  records: readonly { readonly type: number; readonly payload: Uint8Array }[],
): [number, number[]][] => records.map(({ type, payload }) => [type, [...payload]]);
const wanted = (records: readonly Record[]): [number, number[]][] =>
  records.map(([type, payload]) => [type, [...payload]]);

const arbitraryRecord = fc.tuple(fc.constantFrom(...TYPES), fc.uint8Array({ maxLength: 6000 }));

test("visits every record of every segment in order, longer than the buffer or not", () =>
  fc.assert(
    fc.property(fc.array(fc.array(arbitraryRecord, { maxLength: 8 }), { maxLength: 4 }), (segments) => {
      const { records, damages, summary } = readBack(withSegments(segments));
      assert.deepEqual(plain(records), wanted(segments.flat()));
      assert.deepEqual(damages, []);
      assert.equal(summary.records, segments.flat().length);
    }),
    { numRuns: 60 },
  ));

test("tells where each record lies and how far it is", () => {
  const records: Record[] = [0, 1, 2, 3].map((i) => [RecordType.SAMPLES, payloadOf(i, 3000)]);
  const seen: number[] = [];
  const read = readBack(withSegments([records]), { progress: (done, total) => seen.push(done / total) });
  assert.deepEqual(
    read.records.map(({ offset }) => offset),
    [0, 1, 2, 3].map((i) => 32 + i * recordBytes(3000)),
  );
  assert.equal(seen.at(-1), 1);
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
});

test("uses the buffer and the checksum it was given", () => {
  const fs = withSegments([[[RecordType.CHUNK, payloadOf(1, 10_000)]]]);
  const shared = new Uint8Array(new SharedArrayBuffer(20_000));
  let calls = 0;
  let grownTo = 0;
  readBack(fs, {
    grow: (bytes) => {
      grownTo = bytes;
      return shared;
    },
    crc: (...args) => {
      calls++;
      return crc32c(...args);
    },
    visit: ({ buffer }) => assert.equal(buffer, shared),
  });
  assert.equal(grownTo, RECORD_HEADER_BYTES + 10_000);
  assert.ok(calls > 0);
});

test("an end torn at any byte is cut, and the next start finds nothing wrong", () => {
  const records: Record[] = [5, 0, 24, 13].map((bytes, i) => [RecordType.SAMPLES, payloadOf(i, bytes)]);
  const file = segmentFile(2, records);
  const ends = [32];
  for (const [, payload] of records) ends.push((ends.at(-1) as number) + recordBytes(payload.length));
  for (let cut = 0; cut < file.length; cut++) {
    const fs = withSegments([[[RecordType.SERIES, payloadOf(9, 9)]]]);
    fs.put(segmentPath(LOG_DIR, 2), file.subarray(0, cut));
    // A record is whole without its padding.
    const whole = records.filter(
      (record, i) => cut >= ends[i] + RECORD_HEADER_BYTES + record[1].length,
    ).length;
    const first = readBack(fs);
    assert.deepEqual(plain(first.records).slice(1), wanted(records.slice(0, whole)), `cut at ${cut}`);
    const torn = cut > 0 && cut < ends[0] ? cut : Math.max(0, cut - ends[whole]);
    assert.equal(first.summary.tornBytes, torn, `cut at ${cut}`);
    assert.deepEqual(
      first.damages.map(({ kind }) => kind),
      torn > 0 ? ["torn"] : [],
    );
    const second = readBack(fs.crashClone());
    assert.deepEqual(second.damages, [], `cut at ${cut}, second start`);
    assert.equal(second.records.length, first.records.length);
  }
});

test("one flipped bit anywhere costs at most its own record and is reported", () => {
  const records: Record[] = [16, 3, 0, 40, 8].map((bytes, i) => [TYPES[i], payloadOf(i, bytes)]);
  const file = segmentFile(1, records);
  const last: Record = [RecordType.SAMPLES, payloadOf(7, 20)];
  let offset = 32;
  const spans = records.map(([, payload]) => {
    const start = offset;
    offset += recordBytes(payload.length);
    return { start, end: start + RECORD_HEADER_BYTES + payload.length };
  });
  for (let bit = 0; bit < 8 * file.length; bit++) {
    const damaged = file.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    const fs = new MemFileSystem();
    fs.put(segmentPath(LOG_DIR, 1), damaged);
    fs.put(segmentPath(LOG_DIR, 2), segmentFile(2, [last]));
    const hit = spans.findIndex(({ start, end }) => bit >> 3 >= start && bit >> 3 < end);
    const kept = records.filter((_, i) => i !== hit);
    const read = readBack(fs);
    assert.deepEqual(plain(read.records), wanted([...kept, last]), `bit ${bit}`);
    const harmless = hit < 0 && bit >> 3 >= 32;
    assert.equal(read.damages.length, harmless ? 0 : 1, `bit ${bit}`);
    if (harmless) continue;
    const damage = read.damages[0];
    assert.equal(damage.kind, "damaged");
    assert.ok(damage.start <= bit >> 3 && bit >> 3 < damage.end, `bit ${bit}`);
    assert.equal(damage.kept, segmentPath(`${LOG_DIR}/damaged`, 1));
    assert.deepEqual(fs.crashClone().readFile(damage.kept), damaged);
    assert.equal(readBack(fs).records.length, read.records.length, "the damaged segment stays in the log");
  }
});

test("random damage never yields a record that was not written, in the order of writing", () =>
  fc.assert(
    fc.property(
      fc.array(arbitraryRecord, { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 64 })), { maxLength: 4 }),
      fc.nat(),
      (records, smears, cut) => {
        const file = segmentFile(1, records);
        for (const [at, bytes] of smears)
          file.set(bytes.subarray(0, file.length - (at % file.length)), at % file.length);
        const fs = new MemFileSystem();
        fs.put(segmentPath(LOG_DIR, 1), file.subarray(0, cut % 3 === 0 ? cut % file.length : file.length));
        let next = 0;
        for (const found of plain(readBack(fs).records)) {
          const index = wanted(records).findIndex((record, i) => i >= next && same(record, found));
          assert.ok(index >= 0, "a record that nobody wrote");
          next = index + 1;
        }
      },
    ),
    { numRuns: 200 },
  ));

function same(a: [number, number[]], b: [number, number[]]): boolean {
  return a[0] === b[0] && a[1].length === b[1].length && a[1].every((byte, i) => byte === b[1][i]);
}

test("an unreadable block costs the records on it and no others", () => {
  const records: Record[] = Array.from({ length: 40 }, (_, i) => [RecordType.SAMPLES, payloadOf(i, 984)]);
  const fs = new FaultFileSystem(withSegments([records]));
  const inner = fs.inner.read.bind(fs.inner);
  fs.inner.read = (fd, target, offset, length, position) => {
    if (position < 8192 + 4096 && position + length > 8192) throw systemError("EIO", "read", "");
    return inner(fd, target, offset, length, position);
  };
  const { records: found, damages } = readBack(fs);
  assert.equal(found.length, 35);
  assert.equal(damages.length, 1);
});

test("a forged header with a huge length neither grows the buffer nor ends the reading", () => {
  const forged = new Uint8Array(64);
  const view = new DataView(forged.buffer);
  view.setUint32(0, 0x56524543, true);
  view.setUint32(4, 2, true);
  view.setUint32(8, 60_000, true);
  const file = segmentFile(1, [
    [RecordType.SAMPLES, forged],
    ...Array.from({ length: 80 }, (_, i): Record => [RecordType.SAMPLES, payloadOf(i, 1000)]),
  ]);
  file[32] ^= 1;
  const fs = new MemFileSystem();
  fs.put(segmentPath(LOG_DIR, 1), file);
  const { records } = readBack(fs, {
    grow: () => {
      throw new Error("grown");
    },
  });
  assert.equal(records.length, 80);
});

test("a segment full of forged headers is read in time that its size bounds", () => {
  const forged = new Uint8Array(1 << 20);
  const view = new DataView(forged.buffer);
  for (let at = 0; at + 16 <= forged.length; at += 16) {
    view.setUint32(at, 0x56524543, true);
    view.setUint32(at + 4, 2, true);
    view.setUint32(at + 8, forged.length - at - 16, true);
  }
  const file = segmentFile(1, [
    [RecordType.SERIES, forged],
    [RecordType.SAMPLES, payloadOf(1, 100)],
  ]);
  file[32] ^= 1;
  const fs = new MemFileSystem();
  fs.put(segmentPath(LOG_DIR, 1), file);
  let checked = 0;
  const { records } = readBack(fs, {
    crc: (bytes, start, end, seed) => {
      checked += end - start;
      return crc32c(bytes, start, end, seed);
    },
  });
  assert.deepEqual(plain(records), wanted([[RecordType.SAMPLES, payloadOf(1, 100)]]));
  assert.ok(checked < 300 * forged.length, `${checked} bytes checked`);
});

test("a later version's segment is refused, not taken for damage", () => {
  const header = encodeSegmentHeader(1, 0);
  header[8] = 2;
  new DataView(header.buffer).setUint32(28, crc32c(header, 0, 28), true);
  const fs = new MemFileSystem();
  fs.put(segmentPath(LOG_DIR, 1), header);
  assert.throws(
    () => readBack(fs),
    (error) => error instanceof RefusalError && error.code === "unsupported",
  );
});

test("without repair the disk stays as it is; with a failing repair the log is read all the same", () => {
  const records: Record[] = [1, 2, 3].map((i) => [RecordType.SAMPLES, payloadOf(i, 50)]);
  const file = segmentFile(1, records);
  file[32 + 20] ^= 1;
  const mem = new MemFileSystem();
  mem.put(segmentPath(LOG_DIR, 1), file.subarray(0, file.length - 9));
  const calls: string[] = [];
  const fs = new FaultFileSystem(mem);
  fs.before = (operation) => calls.push(operation);
  assert.equal(readBack(fs, { repair: false }).records.length, 1);
  assert.ok(!calls.some((call) => ["write", "truncate", "link", "mkdir", "fdatasync"].includes(call)));
  fs.rule = { operations: ["truncate", "link", "mkdir"], failAt: 1, failures: 99, code: "EIO" };
  const { records: found, damages, summary } = readBack(fs);
  assert.equal(found.length, 1);
  assert.equal(summary.synced, true);
  assert.deepEqual(
    damages.map(({ kind, kept }) => [kind, kept]),
    [
      ["damaged", null],
      ["torn", null],
    ],
  );
});

test("what a killed process had written but not synced is made durable before it counts", () => {
  const fs = new MemFileSystem();
  fs.mkdir(LOG_DIR);
  fs.syncAll();
  const fd = fs.open(segmentPath(LOG_DIR, 1), "w");
  fs.write(fd, segmentFile(1, [[RecordType.SAMPLES, payloadOf(1, 9)]]), 0);
  const failing = new FaultFileSystem(fs, { operations: ["fsyncDirectory"], failAt: 1, code: "EIO" });
  assert.equal(readBack(failing).summary.synced, false);
  const { summary } = readBack(fs);
  assert.deepEqual([summary.records, summary.synced], [1, true]);
  assert.equal(readBack(fs.crashClone()).records.length, 1);
});

test("an absent folder, empty segments and other names in it are no error", () => {
  assert.equal(readBack(new MemFileSystem()).summary.segments, 0);
  const fs = withSegments([[[RecordType.SAMPLES, payloadOf(1, 1)]], []]);
  fs.put(segmentPath(LOG_DIR, 3), new Uint8Array(0));
  fs.put(`${LOG_DIR}/notes.txt`, payloadOf(1, 5));
  const { summary, damages } = readBack(fs);
  assert.deepEqual([summary.segments, summary.records, damages.length], [3, 1, 0]);
  assert.equal(readBack(fs, { firstSegment: 2 }).summary.records, 0);
});
