/**
 * One native histogram as bytes: an entry of a HISTOGRAMS record (docs/format/wal.md draws it). Written by hand,
 * not by msgpackr, because a k6 run with native histograms sends one for every series and flush: an entry of
 * eleven buckets costs under a microsecond and about 60 bytes.
 */
import type { ByteReader } from "../encoding/byte-reader.js";
import type { ByteWriter } from "../encoding/byte-writer.js";
import type { Histogram, HistogramSpan, ResetHint } from "../model/histogram.js";
import { isStaleNaN, setStaleAt } from "../model/stale.js";

/** Bits of the flags; the two bits from RESET_HINT_SHIFT on hold the reset hint. */
const FLOAT_FLAG = 1;
const STALE_FLAG = 2;
const RESET_HINT_SHIFT = 2;
const NEGATIVE_FLAG = 16;
const CUSTOM_FLAG = 32;

const FLOAT_BYTES = 8;
const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
const floatWords = new Uint32Array(float.buffer);

export function writeHistogram(writer: ByteWriter, h: Histogram): void {
  const stale = isStaleNaN(h.sum);
  const negative = h.negativeSpans.length > 0;
  const custom = h.customValues.length > 0;
  writer.u8(
    (h.float ? FLOAT_FLAG : 0) |
      (stale ? STALE_FLAG : 0) |
      (negative ? NEGATIVE_FLAG : 0) |
      (custom ? CUSTOM_FLAG : 0) |
      (h.resetHint << RESET_HINT_SHIFT),
  );
  writer.varint(h.schema);
  writeFloat(writer, h.zeroThreshold);
  writeFloat(writer, h.sum);
  writeCount(writer, h.float, h.zeroCount);
  writeCount(writer, h.float, h.count);
  writeSide(writer, h.float, h.positiveSpans, h.positiveBuckets);
  if (negative) writeSide(writer, h.float, h.negativeSpans, h.negativeBuckets);
  if (!custom) return;
  writer.uvarint(h.customValues.length);
  for (let i = 0; i < h.customValues.length; i++) writeFloat(writer, h.customValues[i]);
}

/** Throws CorruptionError for anything but what `writeHistogram` writes. */
export function readHistogram(reader: ByteReader): Histogram {
  const flags = reader.u8();
  const isFloat = (flags & FLOAT_FLAG) !== 0;
  const schema = reader.varint();
  const zeroThreshold = readFloat(reader);
  readFloat(reader);
  if ((flags & STALE_FLAG) !== 0) setStaleAt(floatWords, 0);
  const sum = float[0];
  const zeroCount = readCount(reader, isFloat);
  const count = readCount(reader, isFloat);
  const positiveSpans = readSpans(reader);
  const positiveBuckets = readCounts(reader, isFloat);
  const negative = (flags & NEGATIVE_FLAG) !== 0;
  const negativeSpans = negative ? readSpans(reader) : [];
  const negativeBuckets = negative ? readCounts(reader, isFloat) : [];
  return {
    float: isFloat,
    resetHint: ((flags >> RESET_HINT_SHIFT) & 3) as ResetHint,
    schema,
    zeroThreshold,
    zeroCount,
    count,
    sum,
    positiveSpans,
    negativeSpans,
    positiveBuckets,
    negativeBuckets,
    customValues: (flags & CUSTOM_FLAG) === 0 ? [] : readCounts(reader, true),
  };
}

function writeSide(
  writer: ByteWriter,
  isFloat: boolean,
  spans: readonly HistogramSpan[],
  buckets: ArrayLike<number>,
): void {
  writer.uvarint(spans.length);
  for (const { offset, length } of spans) {
    writer.varint(offset);
    writer.uvarint(length);
  }
  writer.uvarint(buckets.length);
  for (let i = 0; i < buckets.length; i++) writeCount(writer, isFloat, buckets[i]);
}

function readSpans(reader: ByteReader): HistogramSpan[] {
  const spans: HistogramSpan[] = [];
  for (let count = readLength(reader, 2); count > 0; count--) {
    const offset = reader.varint();
    spans.push({ offset, length: reader.uvarint() });
  }
  return spans;
}

function readCounts(reader: ByteReader, isFloat: boolean): number[] {
  const counts: number[] = [];
  for (let count = readLength(reader, isFloat ? FLOAT_BYTES : 1); count > 0; count--) {
    counts.push(readCount(reader, isFloat));
  }
  return counts;
}

/** A number of elements of at least `bytesMin` each, which must be there: no lie makes an array grow. */
function readLength(reader: ByteReader, bytesMin: number): number {
  const count = reader.uvarint();
  if (count * bytesMin > reader.remaining)
    throw reader.corruption(`${count} elements, ${reader.remaining} bytes left`);
  return count;
}

/** Integer histograms count up to 2^53. */
function writeCount(writer: ByteWriter, isFloat: boolean, count: number): void {
  if (isFloat) writeFloat(writer, count);
  else writer.uvarint(count);
}

function readCount(reader: ByteReader, isFloat: boolean): number {
  return isFloat ? readFloat(reader) : reader.uvarint();
}

/** Eight bytes little-endian: NaN payloads and -0 survive. */
function writeFloat(writer: ByteWriter, value: number): void {
  float[0] = value;
  writer.reserve(FLOAT_BYTES);
  const { bytes, length } = writer;
  for (let i = 0; i < FLOAT_BYTES; i++) bytes[length + i] = floatBytes[i];
  writer.length = length + FLOAT_BYTES;
}

/** Leaves the bits in `float`, too. */
function readFloat(reader: ByteReader): number {
  const { bytes, offset } = reader;
  if (reader.remaining < FLOAT_BYTES) throw reader.corruption("input ends inside a float");
  for (let i = 0; i < FLOAT_BYTES; i++) floatBytes[i] = bytes[offset + i];
  reader.offset = offset + FLOAT_BYTES;
  return float[0];
}
