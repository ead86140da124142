import { BitWriter } from "../encoding/bit-writer.js";
import { writeVarbitInt, writeVarbitUint } from "../encoding/varbit.js";
import type { Histogram, HistogramSpan } from "../model/histogram.js";
import { isStaleNaN } from "../model/stale.js";
import { bucketIndexes, spansEqual, spread } from "./histogram-buckets.js";
import { countBuckets, type HistogramLayout, writeLayout } from "./histogram-layout.js";
import { XorValueWriter } from "./xor-value.js";

/**
 * The sample columns of histogram chunks. Timestamps are coded as difference of differences in both kinds;
 * integer histograms code counts and buckets (each as its difference to the bucket before) the same way,
 * float histograms XOR each field with its previous value.
 */

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** Histograms [start, end) of one layout as the data of an integer histogram chunk. */
export function encodeIntegerHistograms(
  timestamps: ArrayLike<number>,
  histograms: readonly Histogram[],
  start: number,
  end: number,
  layout: HistogramLayout,
  header: number,
): Uint8Array {
  const writer = openWriter(layout, end - start, header);
  const positive = new IntegerColumns(layout.positiveSpans);
  const negative = new IntegerColumns(layout.negativeSpans);
  const timestamp = new DodWriter();
  const count = new DodWriter();
  const zeroCount = new DodWriter();
  const sum = new XorValueWriter();
  for (let i = start; i < end; i++) {
    const histogram = histograms[i];
    const stale = isStaleNaN(histogram.sum);
    if (i === start) {
      timestamp.start(writer, timestamps[i]);
      count.startUnsigned(writer, stale ? 0 : histogram.count);
      zeroCount.startUnsigned(writer, stale ? 0 : histogram.zeroCount);
      startFloat(writer, sum, histogram.sum);
    } else {
      timestamp.next(writer, timestamps[i]);
      if (stale) writer.write(0, 2);
      else {
        count.next(writer, histogram.count);
        zeroCount.next(writer, histogram.zeroCount);
      }
      nextFloat(writer, sum, histogram.sum);
    }
    if (stale) continue;
    positive.write(writer, histogram.positiveSpans, histogram.positiveBuckets);
    negative.write(writer, histogram.negativeSpans, histogram.negativeBuckets);
  }
  return writer.take();
}

/** Histograms [start, end) of one layout as the data of a float histogram chunk. */
export function encodeFloatHistograms(
  timestamps: ArrayLike<number>,
  histograms: readonly Histogram[],
  start: number,
  end: number,
  layout: HistogramLayout,
  header: number,
): Uint8Array {
  const writer = openWriter(layout, end - start, header);
  const positive = new FloatColumns(layout.positiveSpans);
  const negative = new FloatColumns(layout.negativeSpans);
  const timestamp = new DodWriter();
  const fields = [new XorValueWriter(), new XorValueWriter(), new XorValueWriter()] as const;
  for (let i = start; i < end; i++) {
    const histogram = histograms[i];
    const stale = isStaleNaN(histogram.sum);
    if (i === start) timestamp.start(writer, timestamps[i]);
    else timestamp.next(writer, timestamps[i]);
    const put = i === start ? startFloat : nextFloat;
    put(writer, fields[0], stale ? 0 : histogram.count);
    put(writer, fields[1], stale ? 0 : histogram.zeroCount);
    put(writer, fields[2], histogram.sum);
    if (stale) continue;
    positive.write(writer, histogram.positiveSpans, histogram.positiveBuckets);
    negative.write(writer, histogram.negativeSpans, histogram.negativeBuckets);
  }
  return writer.take();
}

function openWriter(layout: HistogramLayout, samples: number, header: number): BitWriter {
  const writer = new BitWriter(256);
  writer.write(samples, 16);
  writer.write(header, 8);
  writeLayout(writer, layout);
  return writer;
}

function startFloat(writer: BitWriter, field: XorValueWriter, value: number): void {
  float[0] = value;
  field.start(writer, words[1], words[0]);
}

function nextFloat(writer: BitWriter, field: XorValueWriter, value: number): void {
  float[0] = value;
  field.write(writer, words[1], words[0]);
}

class DodWriter {
  private value = 0;
  private delta = 0;

  start(writer: BitWriter, value: number): void {
    this.value = value;
    writeVarbitInt(writer, value);
  }

  startUnsigned(writer: BitWriter, value: number): void {
    this.value = value;
    writeVarbitUint(writer, value);
  }

  next(writer: BitWriter, value: number): void {
    const delta = value - this.value;
    writeVarbitInt(writer, delta - this.delta);
    this.value = value;
    this.delta = delta;
  }
}

/** One histogram's buckets brought into the layout of the chunk. */
class Buckets {
  readonly values: Float64Array;
  private readonly spans: readonly HistogramSpan[];
  private readonly indexes: readonly number[];

  constructor(spans: readonly HistogramSpan[]) {
    this.spans = spans;
    this.indexes = bucketIndexes(spans);
    this.values = new Float64Array(countBuckets(spans));
  }

  load(spans: readonly HistogramSpan[], buckets: ArrayLike<number>): void {
    if (spansEqual(spans, this.spans))
      for (let i = 0; i < this.values.length; i++) this.values[i] = buckets[i];
    else spread(bucketIndexes(spans), buckets, this.indexes, this.values);
  }
}

class IntegerColumns {
  private readonly buckets: Buckets;
  /** For each bucket: its difference to the bucket before, and how much that grew at the last sample. */
  private readonly steps: Float64Array;
  private readonly growths: Float64Array;
  private started = false;

  constructor(spans: readonly HistogramSpan[]) {
    this.buckets = new Buckets(spans);
    this.steps = new Float64Array(this.buckets.values.length);
    this.growths = new Float64Array(this.buckets.values.length);
  }

  write(writer: BitWriter, spans: readonly HistogramSpan[], counts: ArrayLike<number>): void {
    this.buckets.load(spans, counts);
    const { values } = this.buckets;
    let before = 0;
    for (let i = 0; i < values.length; i++) {
      const step = values[i] - before;
      before = values[i];
      if (this.started) {
        const growth = step - this.steps[i];
        writeVarbitInt(writer, growth - this.growths[i]);
        this.growths[i] = growth;
      } else writeVarbitInt(writer, step);
      this.steps[i] = step;
    }
    this.started = true;
  }
}

class FloatColumns {
  private readonly buckets: Buckets;
  private readonly fields: XorValueWriter[];
  private started = false;

  constructor(spans: readonly HistogramSpan[]) {
    this.buckets = new Buckets(spans);
    this.fields = Array.from(this.buckets.values, () => new XorValueWriter());
  }

  write(writer: BitWriter, spans: readonly HistogramSpan[], counts: ArrayLike<number>): void {
    this.buckets.load(spans, counts);
    const { values } = this.buckets;
    const put = this.started ? nextFloat : startFloat;
    for (let i = 0; i < values.length; i++) put(writer, this.fields[i], values[i]);
    this.started = true;
  }
}
