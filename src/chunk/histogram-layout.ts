import type { BitReader } from "../encoding/bit-reader.js";
import type { BitWriter } from "../encoding/bit-writer.js";
import { readVarbitInt, readVarbitUint, writeVarbitInt, writeVarbitUint } from "../encoding/varbit.js";
import { CUSTOM_BUCKETS_SCHEMA, type HistogramSpan } from "../model/histogram.js";

/**
 * What all histograms of one chunk share, written once before the samples (docs/format/chunks.md).
 */
export interface HistogramLayout {
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly positiveSpans: readonly HistogramSpan[];
  readonly negativeSpans: readonly HistogramSpan[];
  readonly customValues: ArrayLike<number>;
}

/** Buckets of one histogram; far above what any sender makes, low enough to allocate for hostile bytes. */
const HISTOGRAM_BUCKETS_MAX: number = 1 << 20;
const SCHEMA_MIN = -4;
const SCHEMA_MAX = 8;
/** Largest multiple of 0.001 whose number, plus one, fits 25 bits. */
const CUSTOM_VALUE_THOUSANDTHS_MAX = 33_554_430;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

function writeFloat(writer: BitWriter, value: number): void {
  float[0] = value;
  writer.write(words[1], 32);
  writer.write(words[0], 32);
}

function readFloat(reader: BitReader): number {
  words[1] = reader.read(32);
  words[0] = reader.read(32);
  return float[0];
}

export function countBuckets(spans: readonly HistogramSpan[]): number {
  let count = 0;
  for (const span of spans) count += span.length;
  return count;
}

export function writeLayout(writer: BitWriter, layout: HistogramLayout): void {
  writeZeroThreshold(writer, layout.zeroThreshold);
  writeVarbitInt(writer, layout.schema);
  writeSpans(writer, layout.positiveSpans);
  writeSpans(writer, layout.negativeSpans);
  if (layout.schema !== CUSTOM_BUCKETS_SCHEMA) return;
  writeVarbitUint(writer, layout.customValues.length);
  for (let i = 0; i < layout.customValues.length; i++) writeCustomValue(writer, layout.customValues[i]);
}

export function readLayout(reader: BitReader): HistogramLayout {
  const zeroThreshold = readZeroThreshold(reader);
  const schema = readVarbitInt(reader);
  if (schema !== CUSTOM_BUCKETS_SCHEMA && (schema < SCHEMA_MIN || schema > SCHEMA_MAX)) {
    throw reader.corruption(`unknown histogram schema ${schema}`);
  }
  const positiveSpans = readSpans(reader);
  const negativeSpans = readSpans(reader);
  const customValues = schema === CUSTOM_BUCKETS_SCHEMA ? readCustomValues(reader) : NO_VALUES;
  reader.check();
  return { schema, zeroThreshold, positiveSpans, negativeSpans, customValues };
}

const NO_VALUES = new Float64Array(0);

function writeSpans(writer: BitWriter, spans: readonly HistogramSpan[]): void {
  writeVarbitUint(writer, spans.length);
  for (const span of spans) {
    writeVarbitUint(writer, span.length);
    writeVarbitInt(writer, span.offset);
  }
}

function readSpans(reader: BitReader): HistogramSpan[] {
  const count = readCount(reader, 2);
  const spans: HistogramSpan[] = [];
  let buckets = 0;
  for (let i = 0; i < count; i++) {
    const length = readVarbitUint(reader);
    spans.push({ length, offset: readVarbitInt(reader) });
    buckets += length;
    if (buckets > HISTOGRAM_BUCKETS_MAX) throw reader.corruption("too many histogram buckets");
  }
  return spans;
}

/** A count of things that take `bitsEach` bits or more: refused where the bytes cannot hold them. */
function readCount(reader: BitReader, bitsEach: number): number {
  const count = readVarbitUint(reader);
  if (count * bitsEach > reader.bitsLeft) throw reader.corruption(`no room for ${count} elements`);
  return count;
}

/** One byte for 0 (0) and for the powers of two from 2^-243 to 2^10 (1 … 254), nine for all others (255). */
function writeZeroThreshold(writer: BitWriter, threshold: number): void {
  float[0] = threshold;
  const powerOfTwo = words[0] === 0 && (words[1] & 0xfffff) === 0 && threshold > 0;
  const byte = ((words[1] >>> 20) & 0x7ff) - 1023 + 244;
  if (threshold === 0) writer.write(0, 8);
  else if (powerOfTwo && byte >= 1 && byte <= 254) writer.write(byte, 8);
  else {
    writer.write(255, 8);
    writeFloat(writer, threshold);
  }
}

function readZeroThreshold(reader: BitReader): number {
  const byte = reader.read(8);
  if (byte === 0) return 0;
  return byte === 255 ? readFloat(reader) : 2 ** (byte - 244);
}

/** Multiples of 0.001 as small integers plus one, all others as 0 and the float. */
function writeCustomValue(writer: BitWriter, value: number): void {
  const thousandths = value * 1000;
  const whole = Math.round(thousandths);
  if (thousandths >= 0 && thousandths <= CUSTOM_VALUE_THOUSANDTHS_MAX && whole / 1000 === value) {
    writeVarbitUint(writer, whole + 1);
    return;
  }
  writer.write(0, 1);
  writeFloat(writer, value);
}

function readCustomValues(reader: BitReader): Float64Array {
  const values = new Float64Array(readCount(reader, 1));
  for (let i = 0; i < values.length; i++) {
    const coded = readVarbitUint(reader);
    values[i] = coded === 0 ? readFloat(reader) : (coded - 1) / 1000;
  }
  return values;
}
