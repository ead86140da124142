/**
 * The log's bytes: segment headers and records (docs/format/wal.md). Whoever writes records without these
 * functions (the kernel does) is held to the same numbers. All integers are little-endian.
 *
 * Invariants that other files rely on:
 * W1 Every record begins at a multiple of RECORD_ALIGNMENT; the gap behind a payload is zero.
 * W2 The checksum covers the type word, the length word and the payload, so that a header read from
 *    the middle of a payload is not taken for a record.
 * W3 A record stands on its own: any intact one may be used whatever happened to its neighbours.
 */
import { assert } from "../base/assert.js";
import { crc32c } from "../encoding/crc32c.js";

/** "CERV" in a hex dump: the bytes of 0x56524543 in file order. */
const RECORD_MAGIC = 0x56524543;
export const RECORD_HEADER_BYTES = 16;
export const RECORD_ALIGNMENT = 8;
/** A longer payload is damage, not a record: it bounds what a flipped length bit can make a reader allocate. */
const RECORD_PAYLOAD_BYTES_MAX: number = 128 * 1024 * 1024;

export const RecordType: {
  readonly SERIES: 1;
  readonly SAMPLES: 2;
  readonly CHUNK: 3;
  readonly METADATA: 4;
  readonly EXEMPLARS: 5;
  readonly TOMBSTONE: 6;
  readonly HISTOGRAMS: 7;
  /** Stands in a file of its own: src/db/compacted-mark.ts. */
  readonly COMPACTED: 8;
  readonly DELETION: 9;
  readonly MERGES: 10;
} = {
  SERIES: 1,
  SAMPLES: 2,
  CHUNK: 3,
  METADATA: 4,
  EXEMPLARS: 5,
  TOMBSTONE: 6,
  HISTOGRAMS: 7,
  COMPACTED: 8,
  DELETION: 9,
  MERGES: 10,
};
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

/** A CHUNK payload: ref u32, encoding u8, flags u8, samples u16, mint i64, maxt i64; then the chunk's bytes. */
export const CHUNK_ENCODING_OFFSET = 4;
export const CHUNK_MAXT_OFFSET = 16;
export const CHUNK_PREFIX_BYTES = 24;

/** Types 11 to 255 belong to later versions: a reader passes over them, a type word above 255 is damage. */
const RECORD_TYPE_MAX = 255;

/** Offsets inside the record header. */
const RECORD_MAGIC_OFFSET = 0;
export const RECORD_TYPE_OFFSET = 4;
const RECORD_LENGTH_OFFSET = 8;
export const RECORD_CRC_OFFSET = 12;

export const SEGMENT_HEADER_BYTES = 32;
/** "VARVEWAL" as two words. */
const SEGMENT_MAGIC_LOW = 0x56524156;
const SEGMENT_MAGIC_HIGH = 0x4c415745;
const SEGMENT_FORMAT_VERSION = 1;

/** A checksum function of `crc32c`'s shape: the kernel's takes the place of the built-in one in replay. */
export type Crc32c = (bytes: Uint8Array, start: number, end: number, seed?: number) => number;

export function readU32(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) | (bytes[offset + 3] << 24)) >>> 0
  );
}

function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

/** Bytes that a record with this payload takes in a segment: header, payload, padding. */
export function recordBytes(payloadBytes: number): number {
  return RECORD_HEADER_BYTES + payloadBytes + (-payloadBytes & (RECORD_ALIGNMENT - 1));
}

/** The whole record: header, a copy of `payload`, zero padding. */
export function encodeRecord(type: RecordType, payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(recordBytes(payload.length));
  record.set(payload, RECORD_HEADER_BYTES);
  writeRecordHeader(record, 0, type, payload.length);
  return record;
}

/** Writes the header at `offset` in front of the payload that already lies behind it. */
function writeRecordHeader(bytes: Uint8Array, offset: number, type: RecordType, payloadBytes: number): void {
  assert(payloadBytes <= RECORD_PAYLOAD_BYTES_MAX, `a record payload of ${payloadBytes} bytes`);
  writeU32(bytes, offset + RECORD_MAGIC_OFFSET, RECORD_MAGIC);
  writeU32(bytes, offset + RECORD_TYPE_OFFSET, type);
  writeU32(bytes, offset + RECORD_LENGTH_OFFSET, payloadBytes);
  writeU32(bytes, offset + RECORD_CRC_OFFSET, recordCrc(bytes, offset, payloadBytes, crc32c));
}

/** The checksum that the header at `offset` must hold: the two words before the crc, then the payload (W2). */
function recordCrc(bytes: Uint8Array, offset: number, payloadBytes: number, crc: Crc32c): number {
  const words = crc(bytes, offset + RECORD_TYPE_OFFSET, offset + RECORD_CRC_OFFSET);
  const payload = offset + RECORD_HEADER_BYTES;
  return crc(bytes, payload, payload + payloadBytes, words);
}

/** True if 16 bytes at `offset` can be a record's header: nothing is said about the payload yet. */
export function isRecordHeader(bytes: Uint8Array, offset: number): boolean {
  return (
    readU32(bytes, offset + RECORD_MAGIC_OFFSET) === RECORD_MAGIC &&
    isRecordType(readU32(bytes, offset + RECORD_TYPE_OFFSET)) &&
    readU32(bytes, offset + RECORD_LENGTH_OFFSET) <= RECORD_PAYLOAD_BYTES_MAX
  );
}

function isRecordType(word: number): boolean {
  return word > 0 && word <= RECORD_TYPE_MAX;
}

export function recordTypeAt(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset + RECORD_TYPE_OFFSET);
}

export function recordPayloadBytesAt(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset + RECORD_LENGTH_OFFSET);
}

/** True if the whole record at `offset` lies in `bytes` and its checksum holds. Needs `isRecordHeader` first. */
export function isRecordIntact(bytes: Uint8Array, offset: number, end: number, crc: Crc32c): boolean {
  const payloadBytes = recordPayloadBytesAt(bytes, offset);
  if (offset + RECORD_HEADER_BYTES + payloadBytes > end) return false;
  return recordCrc(bytes, offset, payloadBytes, crc) === readU32(bytes, offset + RECORD_CRC_OFFSET);
}

/** The payload of the one record of `type` that is all of `bytes`; null where it is anything else. */
export function recordPayloadIn(bytes: Uint8Array, type: RecordType): Uint8Array | null {
  if (bytes.length < RECORD_HEADER_BYTES || !isRecordHeader(bytes, 0)) return null;
  const payloadBytes = recordPayloadBytesAt(bytes, 0);
  if (recordTypeAt(bytes, 0) !== type || bytes.length !== recordBytes(payloadBytes)) return null;
  if (!isRecordIntact(bytes, 0, bytes.length, crc32c)) return null;
  return bytes.slice(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + payloadBytes);
}

export interface SegmentHeader {
  readonly segment: number;
  readonly createdMs: number;
}

/** The 32 bytes at the start of every segment. */
export function encodeSegmentHeader(segment: number, createdMs: number): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SEGMENT_MAGIC_LOW, true);
  view.setUint32(4, SEGMENT_MAGIC_HIGH, true);
  view.setUint32(8, SEGMENT_FORMAT_VERSION, true);
  view.setUint32(12, segment, true);
  view.setFloat64(16, createdMs, true);
  view.setUint32(28, crc32c(bytes, 0, 28), true);
  return bytes;
}

/** How the reason begins that is no damage but a newer program's work. */
export const LATER_VERSION = "a later version of Varve wrote this segment";

/** The header's fields, or why the 32 bytes at the start of `bytes` are not one. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | string {
  if (bytes.length < SEGMENT_HEADER_BYTES) return "the segment ends inside its header";
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEGMENT_HEADER_BYTES);
  if (view.getUint32(0, true) !== SEGMENT_MAGIC_LOW || view.getUint32(4, true) !== SEGMENT_MAGIC_HIGH) {
    return "the segment header has no magic";
  }
  if (view.getUint32(28, true) !== crc32c(bytes, 0, 28)) return "the segment header fails its checksum";
  const version = view.getUint32(8, true);
  if (version !== SEGMENT_FORMAT_VERSION) return `${LATER_VERSION}: format ${version}`;
  return { segment: view.getUint32(12, true), createdMs: view.getFloat64(16, true) };
}
