import { assert } from "../base/assert.js";
import { CUSTOM_BUCKETS_SCHEMA, type Histogram, type HistogramSpan, ResetHint } from "../model/histogram.js";
import { isStaleNaN } from "../model/stale.js";
import { ChunkEncoding, type EncodedChunk } from "../storage/chunk-series.js";
import { CHUNK_SAMPLES_MAX } from "./chunk-header.js";
import {
  anyBucketFell,
  bucketIndexes,
  spansEqual,
  spansOf,
  unite,
  valuesEqual,
} from "./histogram-buckets.js";
import { encodeFloatHistograms, encodeIntegerHistograms } from "./histogram-samples.js";

/**
 * Cuts a run of native histograms into Prometheus' histogram chunks (docs/format/chunks.md). One chunk has one
 * kind, schema, zero threshold and bucket layout, and no counter reset inside; where later histograms bring
 * new buckets the layout is the union of all, as Prometheus gets by re-coding the chunk.
 */

/** The two highest bits of a histogram chunk's third byte. */
export const CounterResetHeader: {
  readonly UNKNOWN: 0;
  readonly NO_RESET: 0x40;
  readonly RESET: 0x80;
  readonly GAUGE: 0xc0;
} = { UNKNOWN: 0, NO_RESET: 0x40, RESET: 0x80, GAUGE: 0xc0 };

export interface HistogramChunkOptions {
  /** The histogram before the first one, where its chunk is already closed: it decides the first header. */
  readonly previous?: Histogram;
  /** Default 240; at most `CHUNK_SAMPLES_MAX`. */
  readonly samplesMax?: number;
}

const SAMPLES_MAX_DEFAULT = 240;
const APPEND = -1;

/**
 * Histograms at strictly ascending `timestamps` (milliseconds) as chunks, in order, each as long as the format
 * and `samplesMax` allow. Bucket arrays must have as many elements as their spans name.
 */
export function encodeHistogramChunks(
  timestamps: ArrayLike<number>,
  histograms: readonly Histogram[],
  options: HistogramChunkOptions = {},
): EncodedChunk[] {
  assert(timestamps.length >= histograms.length, "one timestamp a histogram");
  const samplesMax = Math.min(options.samplesMax ?? SAMPLES_MAX_DEFAULT, CHUNK_SAMPLES_MAX);
  const chunks: EncodedChunk[] = [];
  let previous = options.previous === undefined ? null : new Run(options.previous, -1, 0);
  let run: Run | null = null;
  for (let i = 0; i < histograms.length; i++) {
    const histogram = histograms[i];
    if (run !== null) {
      const verdict: number = run.judge(histogram);
      if (verdict === APPEND && i - run.start < samplesMax) {
        run.append(histogram);
        continue;
      }
      chunks.push(run.encode(timestamps, histograms, i));
      run = new Run(histogram, i, verdict === APPEND ? continuation(histogram) : verdict);
    } else {
      const verdict = previous?.judge(histogram) ?? CounterResetHeader.UNKNOWN;
      run = new Run(histogram, i, verdict === APPEND ? continuation(histogram) : verdict);
      previous = null;
    }
  }
  if (run !== null) chunks.push(run.encode(timestamps, histograms, histograms.length));
  return chunks;
}

/** The header of a chunk that begins without a reset before it. */
function continuation(histogram: Histogram): number {
  return isStaleNaN(histogram.sum) ? CounterResetHeader.UNKNOWN : CounterResetHeader.NO_RESET;
}

const STALE_LAYOUT: Histogram = {
  float: false,
  resetHint: ResetHint.UNKNOWN,
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 0,
  count: 0,
  sum: 0,
  positiveSpans: [],
  negativeSpans: [],
  positiveBuckets: [],
  negativeBuckets: [],
  customValues: [],
};

/** The histograms of one chunk to be. */
class Run {
  readonly start: number;
  private readonly first: Histogram;
  private readonly gauge: boolean;
  private readonly header: number;
  private last: Histogram;
  private lastStale: boolean;
  private lastPositive: readonly number[];
  private lastNegative: readonly number[];
  /** Null while all histograms have the spans of the first one. */
  private positive: readonly number[] | null = null;
  private negative: readonly number[] | null = null;

  constructor(first: Histogram, start: number, header: number) {
    this.start = start;
    this.lastStale = isStaleNaN(first.sum);
    // A stale marker says nothing but "stale": its chunk begins with an empty layout.
    this.first = this.lastStale ? { ...STALE_LAYOUT, float: first.float, resetHint: first.resetHint } : first;
    this.last = this.first;
    this.gauge = first.resetHint === ResetHint.GAUGE && !this.lastStale;
    this.header = first.resetHint === ResetHint.RESET ? CounterResetHeader.RESET : header;
    if (this.gauge) this.header = CounterResetHeader.GAUGE;
    this.lastPositive = bucketIndexes(this.first.positiveSpans);
    this.lastNegative = bucketIndexes(this.first.negativeSpans);
  }

  /** `APPEND`, or the header of the chunk that `next` has to begin. */
  judge(next: Histogram): number {
    const stale = isStaleNaN(next.sum);
    if (next.float !== this.last.float) return CounterResetHeader.UNKNOWN;
    // A stale marker reads back without a hint, so Prometheus could not code a gauge chunk with one in it again.
    if (this.gauge !== (next.resetHint === ResetHint.GAUGE && !stale)) return CounterResetHeader.UNKNOWN;
    if (next.resetHint === ResetHint.RESET) return CounterResetHeader.RESET;
    if (stale) return APPEND;
    if (this.lastStale) return CounterResetHeader.UNKNOWN;
    const { last } = this;
    if (!this.gauge && next.count < last.count) return CounterResetHeader.RESET;
    if (next.schema !== last.schema || next.zeroThreshold !== last.zeroThreshold) {
      return CounterResetHeader.UNKNOWN;
    }
    if (next.schema === CUSTOM_BUCKETS_SCHEMA && !valuesEqual(next.customValues, last.customValues)) {
      return CounterResetHeader.RESET;
    }
    return !this.gauge && this.fell(next) ? CounterResetHeader.RESET : APPEND;
  }

  private fell(next: Histogram): boolean {
    const { last } = this;
    if (next.zeroCount < last.zeroCount) return true;
    const positive = this.indexesOf(next.positiveSpans, last.positiveSpans, this.lastPositive);
    if (anyBucketFell(this.lastPositive, last.positiveBuckets, positive, next.positiveBuckets)) return true;
    const negative = this.indexesOf(next.negativeSpans, last.negativeSpans, this.lastNegative);
    return anyBucketFell(this.lastNegative, last.negativeBuckets, negative, next.negativeBuckets);
  }

  private indexesOf(
    spans: readonly HistogramSpan[],
    knownSpans: readonly HistogramSpan[],
    known: readonly number[],
  ): readonly number[] {
    return spansEqual(spans, knownSpans) ? known : bucketIndexes(spans);
  }

  append(next: Histogram): void {
    this.lastStale = isStaleNaN(next.sum);
    if (this.lastStale) return;
    const { first, last } = this;
    this.lastPositive = this.indexesOf(next.positiveSpans, last.positiveSpans, this.lastPositive);
    this.lastNegative = this.indexesOf(next.negativeSpans, last.negativeSpans, this.lastNegative);
    this.last = next;
    if (this.positive !== null || !spansEqual(next.positiveSpans, first.positiveSpans)) {
      this.positive = unite(this.positive ?? bucketIndexes(first.positiveSpans), this.lastPositive);
    }
    if (this.negative !== null || !spansEqual(next.negativeSpans, first.negativeSpans)) {
      this.negative = unite(this.negative ?? bucketIndexes(first.negativeSpans), this.lastNegative);
    }
  }

  encode(timestamps: ArrayLike<number>, histograms: readonly Histogram[], end: number): EncodedChunk {
    const { first } = this;
    const layout = {
      schema: first.schema,
      zeroThreshold: first.zeroThreshold,
      customValues: first.customValues,
      positiveSpans: this.positive === null ? first.positiveSpans : spansOf(this.positive),
      negativeSpans: this.negative === null ? first.negativeSpans : spansOf(this.negative),
    };
    const encode = first.float ? encodeFloatHistograms : encodeIntegerHistograms;
    return {
      mint: timestamps[this.start],
      maxt: timestamps[end - 1],
      encoding: first.float ? ChunkEncoding.FLOAT_HISTOGRAM : ChunkEncoding.HISTOGRAM,
      bytes: encode(timestamps, histograms, this.start, end, layout, this.header),
    };
  }
}
