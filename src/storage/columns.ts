import type { Histogram } from "../model/histogram.js";

/**
 * Samples of one series as columns. A reader owns one and hands it to `SeriesSet.read` again and again, so
 * that a scan over a million series allocates nothing per series.
 * Invariants after `read`: `count` <= capacity; timestamps strictly ascending.
 */
export class SampleColumns {
  count = 0;
  /** Milliseconds since 1970, whole numbers. */
  timestamps: Float64Array;
  /** Bit for bit as sent: stale markers and other NaN payloads included. */
  values: Float64Array;
  /** The same bytes as `values`: two words a value, low word first. */
  valueWords: Uint32Array;
  /** Null where the series has floats only; else element i is set where sample i is a histogram. */
  histograms: (Histogram | undefined)[] | null = null;
  /** Start (created) timestamps in milliseconds, 0 where unknown; null where no sample has one. */
  startTimestamps: Float64Array | null = null;

  constructor(capacity = 1024) {
    this.timestamps = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.valueWords = new Uint32Array(this.values.buffer);
  }

  get capacity(): number {
    return this.timestamps.length;
  }

  clear(): void {
    this.count = 0;
    this.histograms = null;
    this.startTimestamps = null;
  }

  /** Makes room for `capacity` samples in all; what is there stays. */
  reserve(capacity: number): void {
    if (capacity <= this.capacity) return;
    const grown = Math.max(capacity, this.capacity * 2);
    const timestamps = new Float64Array(grown);
    const values = new Float64Array(grown);
    timestamps.set(this.timestamps.subarray(0, this.count));
    const words = new Uint32Array(values.buffer);
    words.set(this.valueWords.subarray(0, 2 * this.count));
    this.timestamps = timestamps;
    this.values = values;
    this.valueWords = words;
    if (this.startTimestamps !== null) {
      const starts = new Float64Array(grown);
      starts.set(this.startTimestamps.subarray(0, this.count));
      this.startTimestamps = starts;
    }
  }
}
