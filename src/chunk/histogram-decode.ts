import { BitReader } from "../encoding/bit-reader.js";
import { readVarbitInt, readVarbitUint } from "../encoding/varbit.js";
import { type Histogram, ResetHint } from "../model/histogram.js";
import { STALE_NAN_HIGH, STALE_NAN_LOW } from "../model/stale.js";
import { ChunkEncoding } from "../storage/chunk-series.js";
import type { SampleColumns } from "../storage/columns.js";
import { CHUNK_HEADER_BYTES, chunkSampleCount } from "./chunk-header.js";
import { CounterResetHeader } from "./histogram-chunk.js";
import { countBuckets, type HistogramLayout, readLayout } from "./histogram-layout.js";
import { XorValueReader } from "./xor-value.js";

const HISTOGRAM_HEADER_BYTES = CHUNK_HEADER_BYTES + 1;
const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** What the two kinds of chunk keep from sample to sample. */
interface SampleReader {
  read(first: boolean): void;
  timestamp: number;
  readonly sum: XorValueReader;
  histogram(resetHint: ResetHint, sum: number): Histogram;
}

/**
 * Appends the histograms with mint <= timestamp <= maxt to `columns` (behind what is there). A stale marker
 * becomes a histogram with a stale sum, and the stale NaN in `values`. Throws CorruptionError where the bytes
 * are no such chunk.
 *
 * The first histogram of a chunk has the hint "unknown" whatever the header says, as in Prometheus: the chunk
 * that the header compares with may be gone.
 */
export function decodeHistogramChunk(
  bytes: Uint8Array,
  encoding: ChunkEncoding,
  columns: SampleColumns,
  mint: number,
  maxt: number,
): void {
  const bits = new BitReader(bytes, HISTOGRAM_HEADER_BYTES);
  if (bits.bitsLeft < 0) throw bits.corruption("chunk shorter than its header");
  const total = chunkSampleCount(bytes);
  if (total === 0) return;
  if (total * 4 > bits.bitsLeft) throw bits.corruption(`no room for ${total} histograms`);
  const gauge = (bytes[CHUNK_HEADER_BYTES] & 0xc0) === CounterResetHeader.GAUGE;
  const layout = readLayout(bits);
  const reader =
    encoding === ChunkEncoding.FLOAT_HISTOGRAM
      ? new FloatSampleReader(bits, layout)
      : new IntegerSampleReader(bits, layout);
  columns.reserve(columns.count + total);
  columns.histograms ??= new Array<Histogram | undefined>(columns.count).fill(undefined);
  let before = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < total; i++) {
    reader.read(i === 0);
    bits.check();
    if (reader.timestamp <= before) throw bits.corruption("timestamps do not ascend");
    before = reader.timestamp;
    if (reader.timestamp < mint) continue;
    if (reader.timestamp > maxt) break;
    const hint = gauge ? ResetHint.GAUGE : i > 0 ? ResetHint.NO_RESET : ResetHint.UNKNOWN;
    append(columns, reader, hint);
  }
}

function append(columns: SampleColumns, reader: SampleReader, hint: ResetHint): void {
  const at = columns.count++;
  const { high, low } = reader.sum;
  words[1] = high;
  words[0] = low;
  const stale = isStale(reader.sum);
  columns.timestamps[at] = reader.timestamp;
  columns.valueWords[2 * at] = stale ? STALE_NAN_LOW : 0;
  columns.valueWords[2 * at + 1] = stale ? STALE_NAN_HIGH : 0;
  (columns.histograms as (Histogram | undefined)[])[at] = reader.histogram(hint, float[0]);
}

function isStale(sum: XorValueReader): boolean {
  return sum.high >>> 0 === STALE_NAN_HIGH && sum.low >>> 0 === STALE_NAN_LOW;
}

const EMPTY = new Float64Array(0);

function staleHistogram(isFloat: boolean, sum: number): Histogram {
  return {
    float: isFloat,
    resetHint: ResetHint.UNKNOWN,
    schema: 0,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum,
    positiveSpans: [],
    negativeSpans: [],
    positiveBuckets: EMPTY,
    negativeBuckets: EMPTY,
    customValues: EMPTY,
  };
}

class IntegerSampleReader implements SampleReader {
  timestamp = 0;
  readonly sum = new XorValueReader();
  private readonly bits: BitReader;
  private readonly layout: HistogramLayout;
  private readonly positive: IntegerBuckets;
  private readonly negative: IntegerBuckets;
  private timestampDelta = 0;
  private count = 0;
  private countDelta = 0;
  private zeroCount = 0;
  private zeroCountDelta = 0;

  constructor(bits: BitReader, layout: HistogramLayout) {
    this.bits = bits;
    this.layout = layout;
    this.positive = new IntegerBuckets(countBuckets(layout.positiveSpans));
    this.negative = new IntegerBuckets(countBuckets(layout.negativeSpans));
  }

  read(first: boolean): void {
    const { bits } = this;
    if (first) {
      this.timestamp = readVarbitInt(bits);
      this.count = readVarbitUint(bits);
      this.zeroCount = readVarbitUint(bits);
      this.sum.start(bits);
    } else {
      this.timestampDelta += readVarbitInt(bits);
      this.timestamp += this.timestampDelta;
      this.countDelta += readVarbitInt(bits);
      this.count += this.countDelta;
      this.zeroCountDelta += readVarbitInt(bits);
      this.zeroCount += this.zeroCountDelta;
      this.sum.next(bits);
    }
    // A stale marker has no buckets, except as the first sample, whose layout is then usually empty.
    if (!first && isStale(this.sum)) return;
    this.positive.read(bits, first);
    this.negative.read(bits, first);
  }

  histogram(resetHint: ResetHint, sum: number): Histogram {
    if (isStale(this.sum)) return staleHistogram(false, sum);
    const { layout, count, zeroCount } = this;
    const positiveBuckets = this.positive.counts();
    const negativeBuckets = this.negative.counts();
    return { float: false, resetHint, ...layout, zeroCount, count, sum, positiveBuckets, negativeBuckets };
  }
}

class IntegerBuckets {
  private readonly steps: Float64Array;
  private readonly growths: Float64Array;

  constructor(count: number) {
    this.steps = new Float64Array(count);
    this.growths = new Float64Array(count);
  }

  read(bits: BitReader, first: boolean): void {
    const { steps, growths } = this;
    for (let i = 0; i < steps.length; i++) {
      if (first) steps[i] = readVarbitInt(bits);
      else {
        growths[i] += readVarbitInt(bits);
        steps[i] += growths[i];
      }
    }
  }

  counts(): Float64Array {
    const counts = new Float64Array(this.steps.length);
    let count = 0;
    for (let i = 0; i < counts.length; i++) {
      count += this.steps[i];
      counts[i] = count;
    }
    return counts;
  }
}

class FloatSampleReader implements SampleReader {
  timestamp = 0;
  readonly sum = new XorValueReader();
  private readonly bits: BitReader;
  private readonly layout: HistogramLayout;
  private readonly count = new XorValueReader();
  private readonly zeroCount = new XorValueReader();
  private readonly positive: XorValueReader[];
  private readonly negative: XorValueReader[];
  private timestampDelta = 0;

  constructor(bits: BitReader, layout: HistogramLayout) {
    this.bits = bits;
    this.layout = layout;
    this.positive = xorReaders(countBuckets(layout.positiveSpans));
    this.negative = xorReaders(countBuckets(layout.negativeSpans));
  }

  read(first: boolean): void {
    const { bits } = this;
    if (first) this.timestamp = readVarbitInt(bits);
    else {
      this.timestampDelta += readVarbitInt(bits);
      this.timestamp += this.timestampDelta;
    }
    readXor(bits, this.count, first);
    readXor(bits, this.zeroCount, first);
    readXor(bits, this.sum, first);
    if (!first && isStale(this.sum)) return;
    for (const bucket of this.positive) readXor(bits, bucket, first);
    for (const bucket of this.negative) readXor(bits, bucket, first);
  }

  histogram(resetHint: ResetHint, sum: number): Histogram {
    if (isStale(this.sum)) return staleHistogram(true, sum);
    const { layout } = this;
    const count = floatOf(this.count);
    const zeroCount = floatOf(this.zeroCount);
    const positiveBuckets = Float64Array.from(this.positive, floatOf);
    const negativeBuckets = Float64Array.from(this.negative, floatOf);
    return { float: true, resetHint, ...layout, zeroCount, count, sum, positiveBuckets, negativeBuckets };
  }
}

function xorReaders(count: number): XorValueReader[] {
  return Array.from({ length: count }, () => new XorValueReader());
}

function readXor(bits: BitReader, field: XorValueReader, first: boolean): void {
  if (first) field.start(bits);
  else field.next(bits);
}

function floatOf(field: XorValueReader): number {
  words[1] = field.high;
  words[0] = field.low;
  return float[0];
}
