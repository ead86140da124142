/** The records of Prometheus' log (tsdb/docs/format/wal.md), as far as samples are in them. */
import { ByteReader } from "../encoding/byte-reader.js";
import {
  CUSTOM_BUCKETS_SCHEMA,
  type Histogram,
  type HistogramSpan,
  type ResetHint,
} from "../model/histogram.js";
import { Labels } from "../model/labels.js";

export interface WalRecordVisitor {
  series(ref: number, labels: Labels): void;
  /** The value by the halves of its bits. */
  sample(ref: number, timestampMs: number, low: number, high: number): void;
  histogram(ref: number, timestampMs: number, histogram: Histogram): void;
  /** Samples of the series in [mint, maxt] that came before are deleted. */
  tombstone(ref: number, mint: number, maxt: number): void;
  /** Records without samples: exemplars, metadata, marks of memory-mapped chunks. */
  other(kind: "exemplars" | "metadata" | "marks"): void;
  /** A later Prometheus wrote it. */
  unknown(type: number): void;
}

const RECORD = "a record";
const TWO_POW_32 = 4294967296;
const float64 = new Float64Array(1);
const words = new Uint32Array(float64.buffer);

/** Throws CorruptionError where the bytes are not what their first one says. */
export function decodeWalRecord(bytes: Uint8Array, visitor: WalRecordVisitor): void {
  const reader = new ByteReader(bytes, 0, bytes.length, RECORD);
  const type = reader.u8();
  switch (type) {
    case 1:
      return decodeSeries(reader, visitor);
    case 2:
      return decodeRun(reader, (ref, timestampMs) => {
        const high = reader.u32();
        const low = reader.u32();
        visitor.sample(ref, timestampMs, low, high);
      });
    case 3:
      while (reader.remaining > 0) visitor.tombstone(reader.u64(), reader.varint(), reader.varint());
      return;
    case 4:
      return visitor.other("exemplars");
    case 5:
      return visitor.other("marks");
    case 6:
      return visitor.other("metadata");
    case 7:
    case 9:
      return decodeRun(reader, (ref, timestampMs) => {
        visitor.histogram(ref, timestampMs, decodeHistogram(reader, false));
      });
    case 8:
    case 10:
      return decodeRun(reader, (ref, timestampMs) => {
        visitor.histogram(ref, timestampMs, decodeHistogram(reader, true));
      });
    default:
      return visitor.unknown(type);
  }
}

function decodeSeries(reader: ByteReader, visitor: WalRecordVisitor): void {
  while (reader.remaining > 0) {
    const ref = reader.u64();
    const count = reader.uvarint();
    const pairs: [string, string][] = [];
    if (count * 2 > reader.remaining) throw reader.corruption(`no room for ${count} labels`);
    for (let i = 0; i < count; i++) pairs.push([reader.uvarintString(), reader.uvarintString()]);
    visitor.series(ref, Labels.from(pairs));
  }
}

function decodeRun(reader: ByteReader, read: (ref: number, timestampMs: number) => void): void {
  if (reader.remaining === 0) return;
  const ref = reader.u64();
  const timestampMs = signed64(reader);
  while (reader.remaining > 0) {
    const refDelta = reader.varint();
    const timeDelta = reader.varint();
    read(ref + refDelta, timestampMs + timeDelta);
  }
}

function signed64(reader: ByteReader): number {
  const high = reader.u32() | 0;
  return high * TWO_POW_32 + reader.u32();
}

function double(reader: ByteReader): number {
  words[1] = reader.u32();
  words[0] = reader.u32();
  return float64[0];
}

function decodeHistogram(reader: ByteReader, float: boolean): Histogram {
  const resetHint = (reader.u8() & 3) as ResetHint;
  const schema = reader.varint();
  const zeroThreshold = double(reader);
  const zeroCount = float ? double(reader) : reader.uvarint();
  const count = float ? double(reader) : reader.uvarint();
  const sum = double(reader);
  const positiveSpans = decodeSpans(reader);
  const negativeSpans = decodeSpans(reader);
  const positiveBuckets = decodeBuckets(reader, float);
  const negativeBuckets = decodeBuckets(reader, float);
  const customValues = schema === CUSTOM_BUCKETS_SCHEMA ? decodeDoubles(reader) : [];
  if (
    countOf(positiveSpans) !== positiveBuckets.length ||
    countOf(negativeSpans) !== negativeBuckets.length
  ) {
    throw reader.corruption("spans and buckets of a histogram disagree");
  }
  return {
    float,
    resetHint,
    schema,
    zeroThreshold,
    zeroCount,
    count,
    sum,
    positiveSpans,
    negativeSpans,
    positiveBuckets,
    negativeBuckets,
    customValues,
  };
}

function countOf(spans: readonly HistogramSpan[]): number {
  return spans.reduce((sum, { length }) => sum + length, 0);
}

/** A count that the rest of the record has room for, `bytes` each at least. */
function checkedCount(reader: ByteReader, bytes: number): number {
  const count = reader.uvarint();
  if (count * bytes > reader.remaining) throw reader.corruption(`no room for ${count} parts of a histogram`);
  return count;
}

function decodeSpans(reader: ByteReader): HistogramSpan[] {
  const spans: HistogramSpan[] = [];
  for (let i = checkedCount(reader, 2); i > 0; i--)
    spans.push({ offset: reader.varint(), length: reader.uvarint() });
  return spans;
}

function decodeDoubles(reader: ByteReader): number[] {
  const values: number[] = [];
  for (let i = checkedCount(reader, 8); i > 0; i--) values.push(double(reader));
  return values;
}

/** Absolute counts: integers come as the difference from the one before. */
function decodeBuckets(reader: ByteReader, float: boolean): number[] {
  if (float) return decodeDoubles(reader);
  const counts: number[] = [];
  let last = 0;
  for (let i = checkedCount(reader, 1); i > 0; i--) {
    last += reader.varint();
    counts.push(last);
  }
  return counts;
}
