import type { Histogram, HistogramSpan } from "../model/histogram.js";
import { CUSTOM_BUCKETS_SCHEMA } from "../model/histogram.js";
import { bucketBound } from "../model/histogram-bounds.js";
import type { JsonWriter } from "./json-writer.js";

/** `{"count":"42","sum":"3.1","buckets":[[boundaries,"lower","upper","count"],…]}`, empty buckets left out. */
export function writeHistogram(writer: JsonWriter, histogram: Histogram): void {
  writer.raw('{"count":');
  writer.float(histogram.count);
  writer.raw(',"sum":');
  writer.float(histogram.sum);
  const buckets = new BucketWriter(writer, histogram);
  buckets.negative();
  if (histogram.zeroCount > 0) {
    const { zeroThreshold } = histogram;
    buckets.write(-zeroThreshold, zeroThreshold, true, true, histogram.zeroCount);
  }
  buckets.positive();
  buckets.end();
  writer.byte(0x7d);
}

class BucketWriter {
  private readonly writer: JsonWriter;
  private readonly histogram: Histogram;
  private open = false;

  constructor(writer: JsonWriter, histogram: Histogram) {
    this.writer = writer;
    this.histogram = histogram;
  }

  /** From the lowest bound up: the wire has negative buckets from zero outwards. */
  negative(): void {
    const { negativeSpans, negativeBuckets, schema } = this.histogram;
    const indexes = bucketIndexes(negativeSpans, negativeBuckets.length);
    for (let i = indexes.length - 1; i >= 0; i--) {
      const index = indexes[i] as number;
      const lower = -bucketBound(index, schema, []);
      const upper = -bucketBound(index - 1, schema, []);
      this.write(lower, this.outsideZero(upper), lower < 0, upper > 0, negativeBuckets[i] as number);
    }
  }

  positive(): void {
    const { positiveSpans, positiveBuckets, schema, customValues } = this.histogram;
    const indexes = bucketIndexes(positiveSpans, positiveBuckets.length);
    const custom = schema === CUSTOM_BUCKETS_SCHEMA;
    indexes.forEach((index, i) => {
      const upper = bucketBound(index, schema, customValues);
      const lower = bucketBound(index - 1, schema, customValues);
      const lowerInclusive = custom ? index === 0 : lower < 0;
      const upperInclusive = custom || upper > 0;
      this.write(
        this.outsideZero(lower),
        this.outsideZero(upper),
        lowerInclusive,
        upperInclusive,
        positiveBuckets[i] as number,
      );
    });
  }

  /** The zero bucket takes what a neighbour would cover of it. */
  private outsideZero(bound: number): number {
    const { zeroThreshold } = this.histogram;
    if (bound > 0 && bound < zeroThreshold) return zeroThreshold;
    return bound < 0 && bound > -zeroThreshold ? -zeroThreshold : bound;
  }

  write(lower: number, upper: number, lowerInclusive: boolean, upperInclusive: boolean, count: number): void {
    if (count === 0) return;
    const { writer } = this;
    writer.raw(this.open ? ",[" : ',"buckets":[[');
    this.open = true;
    const boundaries = lowerInclusive ? (upperInclusive ? 3 : 1) : upperInclusive ? 0 : 2;
    writer.byte(0x30 + boundaries);
    writer.byte(0x2c);
    writer.float(lower);
    writer.byte(0x2c);
    writer.float(upper);
    writer.byte(0x2c);
    writer.float(count);
    writer.byte(0x5d);
  }

  end(): void {
    if (this.open) this.writer.byte(0x5d);
  }
}

/** Index of each bucket that the spans name, at most `count` of them. */
function bucketIndexes(spans: readonly HistogramSpan[], count: number): number[] {
  const indexes: number[] = [];
  let index = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let i = 0; i < length && indexes.length < count; i++) indexes.push(index++);
  }
  return indexes;
}
