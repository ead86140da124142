/** One query thread's view of the head: the newest samples, read while they are being written. */
import { assert } from "../base/assert.js";
import { RefusalError } from "../base/errors.js";
import { worked } from "../base/patience.js";
import { decodeChunk } from "../chunk/chunk.js";
import { encodeHistogramChunks } from "../chunk/histogram-chunk.js";
import { compileMatchers } from "../index/matcher.js";
import { selectPostings } from "../index/select-postings.js";
import * as L from "../kernel/assembly/layout.js";
import { Kernel } from "../kernel/kernel.js";
import type { SharedMemory } from "../kernel/shared-memory.js";
import type { Histogram } from "../model/histogram.js";
import { compareUtf8, type Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { ChunkEncoding } from "../storage/chunk-series.js";
import { SampleColumns } from "../storage/columns.js";
import type { Queryable, SeriesSet } from "../storage/queryable.js";
import type { SampleView } from "../storage/sample-view.js";
import { decodeHistograms } from "../wal/cold-records.js";
import { HeadCardinality } from "./head-cardinality.js";
import { HeadCounts } from "./head-counts.js";
import { HeadPostings } from "./head-postings.js";
import { HeadSeriesSet } from "./head-series-set.js";
import type { TimedHistogram } from "./histogram-chunks.js";
import { decodeLabels } from "./label-bytes.js";
import type { ReadLogChunk } from "./logged-chunks.js";
import { eachDescriptor, fillFromLog } from "./snapshot.js";

const ENC_HISTOGRAM_SAMPLE = 0;
const ENC_XOR = 1;
const ENC_BUFFER = 255;
/** Label sets that a thread keeps decoded. */
const LABELS_CACHED_MAX = 200_000;
/** Series whose times are looked at between two looks whether anybody waits. */
const FILTER_REFS = 16_384;
/** Of `worked`. */
const WORK_PER_REF = 5;
const WORK_PER_DECODED_LABELS = 50;
/** Callers may ask for "all time" with numbers that no 64-bit integer holds. */
const TIME_MAX: number = 2 ** 53;

export class HeadReader implements Queryable {
  readonly kernel: Kernel;
  /** Of this thread; nothing in it lives from call to call. */
  readonly scratch: number;
  private readonly locks: Int32Array;
  /** What the last read decoded. */
  private readonly times: Float64Array;
  private readonly values: Float64Array;
  private readonly index: HeadPostings;
  private readonly readLogChunk: ReadLogChunk;
  readonly counts: HeadCounts;
  readonly cardinality: HeadCardinality;
  private labelsCache = new Map<number, Labels>();
  private cacheGeneration = 0;
  private readonly histogramColumns = new SampleColumns(256);

  constructor(shared: SharedMemory, index: number, readLogChunk: ReadLogChunk) {
    const scratch = shared.queryScratch[index];
    assert(scratch !== undefined, "a query thread for each scratch");
    this.scratch = scratch;
    this.kernel = Kernel.openQuery(shared, scratch);
    const words = this.kernel.u32();
    // Locks and scratch lie below the heap: these views have all of them, however the memory grows.
    this.locks = new Int32Array(words.buffer, words[(L.CTRL + L.C_LOCKS) >>> 2]);
    this.times = new Float64Array(words.buffer, scratch + L.Q_T, L.Q_SAMPLES_MAX);
    this.values = new Float64Array(words.buffer, scratch + L.Q_V, L.Q_SAMPLES_MAX);
    this.index = new HeadPostings(this.kernel, scratch);
    this.counts = new HeadCounts(this.kernel, scratch);
    this.cardinality = new HeadCardinality(this.kernel, this.index, scratch);
    this.readLogChunk = readLogChunk;
  }

  select(matchers: readonly Matcher[], mint: number, maxt: number): SeriesSet {
    return new HeadSeriesSet(this, this.refs(matchers, mint, maxt), mint, maxt);
  }

  labelNames(matchers: readonly Matcher[], mint: number, maxt: number): string[] {
    const names = new Set<string>();
    for (const ref of this.refs(matchers, mint, maxt)) {
      worked(WORK_PER_REF);
      const { pairs } = this.labels(ref);
      for (let i = 0; i < pairs.length; i += 2) names.add(pairs[i]);
    }
    return [...names].sort(compareUtf8);
  }

  labelValues(name: string, matchers: readonly Matcher[], mint: number, maxt: number): string[] {
    const values = new Set<string>();
    const refs = this.refs([...matchers, { name, op: "!=", value: "" }], mint, maxt);
    for (const ref of refs) {
      worked(WORK_PER_REF);
      values.add(this.labels(ref).get(name));
    }
    return [...values].sort(compareUtf8);
  }

  /** The refs of series that may have samples in the range, in the order of their label sets. */
  seriesInOrder(mint: number, maxt: number): Uint32Array {
    const refs = this.refs([], mint, maxt);
    const at = this.scratch + L.Q_TMP;
    const spare = at + 8 * L.Q_SAMPLES_MAX;
    assert(4 * refs.length <= 8 * L.Q_SAMPLES_MAX, "the scratch has room for the refs");
    this.kernel.u32().set(refs, at >>> 2);
    this.kernel.exports.sortRefs(at, refs.length, spare);
    return this.kernel.u32().slice(at >>> 2, (at >>> 2) + refs.length);
  }

  /** Live series that match, of refs below `end`, whatever their samples. */
  countSeries(matchers: readonly Matcher[], end: number): number {
    return this.cardinality.live(selectPostings(this.index, compileMatchers(matchers)), end);
  }

  /** The refs of live series that match and may have samples in the range. */
  refs(matchers: readonly Matcher[], mint: number, maxt: number): Uint32Array {
    return this.overlapping(this.find(matchers), mint, maxt);
  }

  /** At most `max` of all such refs, from old series to new. */
  someRefs(max: number, mint: number, maxt: number): Uint32Array {
    this.keepUp();
    const count = this.kernel.seriesCount();
    const looked = Math.min(max, count);
    const refs = Uint32Array.from({ length: looked }, (_, i) => Math.floor((i * count) / looked));
    return this.overlapping(refs, mint, maxt);
  }

  /** How many series have the label, or had it. */
  countLabel(name: string, value: string): number {
    return this.index.countPostings(name, value);
  }

  /** True where the label has, or had, at most `max` values. */
  hasFewValues(name: string, max: number): boolean {
    return this.index.hasFewValues(name, max);
  }

  /** The refs of the series that match, ascending. */
  find(matchers: readonly Matcher[]): Uint32Array {
    this.keepUp();
    return selectPostings(this.index, compileMatchers(matchers));
  }

  /** Series that went may have left their refs to others. */
  private keepUp(): void {
    const generation = this.generation();
    if (generation !== this.cacheGeneration) this.labelsCache = new Map();
    this.cacheGeneration = generation;
  }

  /** Of `refs` those of live series that may have samples in [mint, maxt]. */
  overlapping(refs: Uint32Array, mint: number, maxt: number): Uint32Array {
    const from = Math.max(mint, -TIME_MAX);
    const to = Math.min(maxt, TIME_MAX);
    const at = this.scratch + L.Q_TMP;
    const room = (L.Q_BYTES - L.Q_TMP) >>> 2;
    if (refs.length > room)
      throw new RefusalError("limit_reached", `the selection has ${refs.length} series`);
    const kept = new Uint32Array(refs.length);
    let count = 0;
    // In portions, so that the query can be ended between two of them.
    for (let start = 0; start < refs.length; start += FILTER_REFS) {
      const portion = refs.subarray(start, start + FILTER_REFS);
      worked(WORK_PER_REF * portion.length);
      this.kernel.u32().set(portion, at >>> 2);
      const left = this.kernel.exports.filterOverlapping(at, portion.length, from, to);
      kept.set(this.kernel.u32().subarray(at >>> 2, (at >>> 2) + left), count);
      count += left;
    }
    return kept.subarray(0, count);
  }

  /**
   * A number that is the same only as long as nothing was written to series `ref` or one of its neighbours;
   * NaN while somebody writes.
   */
  version(ref: number): number {
    const version = Atomics.load(this.locks, ref >>> L.STRIPE_SHIFT);
    return (version & 1) === 0 ? version : Number.NaN;
  }

  /** A text that is the same only as long as the head has the same series. */
  indexVersion(): string {
    const reused = Atomics.load(this.kernel.u32(), (L.CTRL + L.C_REUSE_NEXT) >>> 2);
    return `${this.generation()} ${this.kernel.seriesCount()} ${reused}`;
  }

  /** Rises when refs have lost their series. */
  generation(): number {
    return this.kernel.generation();
  }

  labels(ref: number): Labels {
    const cached = this.labelsCache.get(ref);
    if (cached !== undefined) return cached;
    worked(WORK_PER_DECODED_LABELS);
    if (this.labelsCache.size >= LABELS_CACHED_MAX) this.labelsCache = new Map();
    const words = this.kernel.u32();
    const series = this.kernel.seriesAt(ref) >>> 2;
    const at = words[series + (L.S_LABELS >>> 2)];
    const labels = decodeLabels(this.kernel.u8(), at, words[series + (L.S_LABELS_LEN >>> 2)]);
    this.labelsCache.set(ref, labels);
    return labels;
  }

  /** Replaces the content of `columns` by the samples of series `ref` in [mint, maxt]. */
  readSeries(ref: number, mint: number, maxt: number, columns: SampleColumns): void {
    const from = Math.max(mint, -TIME_MAX);
    const to = Math.min(maxt, TIME_MAX);
    columns.clear();
    const count = this.kernel.exports.readFloats(this.scratch, ref, from, to);
    if (count >= 0) this.copyFloats(count, columns);
    else this.readAll(ref, from, to, columns);
  }

  /** Shows the same where it lies in the scratch; false where there is more than floats, or a stale marker. */
  viewSeries(ref: number, mint: number, maxt: number, view: SampleView): boolean {
    const from = Math.max(mint, -TIME_MAX);
    const to = Math.min(maxt, TIME_MAX);
    const count = this.kernel.exports.readFloats(this.scratch, ref, from, to);
    if (count < 0) return false;
    worked(count >> 2);
    const { times, values } = this;
    for (let i = 0; i < count; i++) if (Number.isNaN(values[i])) return false;
    // In the scratch, which the next series takes.
    view.show(times, values, 0, count, false, 0, null);
    return true;
  }

  /** Appends `count` decoded floats of the scratch to `columns`. */
  private copyFloats(count: number, columns: SampleColumns): void {
    worked(count >> 2);
    columns.reserve(columns.count + count);
    const floats = this.kernel.f64();
    const t = (this.scratch + L.Q_T) >>> 3;
    columns.timestamps.set(floats.subarray(t, t + count), columns.count);
    const v = (this.scratch + L.Q_V) >>> 2;
    columns.valueWords.set(this.kernel.u32().subarray(v, v + 2 * count), 2 * columns.count);
    columns.count += count;
  }

  /** The read that needs JavaScript: chunks from the log, histograms, or more than the scratch holds at once. */
  private readAll(ref: number, mint: number, maxt: number, columns: SampleColumns): void {
    const { exports } = this.kernel;
    if (exports.snapshot(this.scratch, ref, mint, maxt) < 0) return this.readHalves(ref, mint, maxt, columns);
    fillFromLog(this.kernel, this.scratch, this.readLogChunk);
    const histograms = this.histograms(mint, maxt);
    const count = exports.decodeFloats(this.scratch, mint, maxt);
    if (count < 0) return this.readHalves(ref, mint, maxt, columns);
    if (histograms.length === 0) return this.copyFloats(count, columns);
    const from = columns.count;
    this.copyFloats(count, columns);
    mergeHistograms(columns, from, histograms);
  }

  private readHalves(ref: number, mint: number, maxt: number, columns: SampleColumns): void {
    const middle = Math.floor((Math.max(mint, 0) + Math.min(maxt, 2 ** 43)) / 2);
    assert(middle >= mint && middle < maxt, "one millisecond fits into the scratch");
    this.readAll(ref, mint, middle, columns);
    this.readAll(ref, middle + 1, maxt, columns);
  }

  private histograms(mint: number, maxt: number): TimedHistogram[] {
    const list: TimedHistogram[] = [];
    const waiting: TimedHistogram[] = [];
    if (this.kernel.u32()[(this.scratch + L.Q_HISTOGRAMS) >>> 2] === 0) return list;
    eachDescriptor(this.kernel, this.scratch, (desc) => {
      const encoding = this.kernel.u8()[desc + L.N_ENC];
      if (encoding === ENC_XOR || encoding === ENC_BUFFER) return;
      const words = this.kernel.u32();
      const data = words[(desc + L.N_DATA) >>> 2];
      const bytes = this.kernel.u8().slice(data, data + words[(desc + L.N_LEN) >>> 2]);
      if (encoding === ENC_HISTOGRAM_SAMPLE) {
        const [entry] = decodeHistograms(bytes);
        if (entry !== undefined) {
          waiting.push({ timestampMs: this.kernel.i64(desc + L.N_MINT), histogram: entry.histogram });
        }
      } else this.pushChunk(bytes, encoding as ChunkEncoding, mint, maxt, list);
    });
    waiting.sort((a, b) => a.timestampMs - b.timestampMs);
    // They are read as the chunks that they will be: what a histogram says about resets depends on its chunk.
    const chunks = encodeHistogramChunks(
      waiting.map(({ timestampMs }) => timestampMs),
      waiting.map(({ histogram }) => histogram),
    );
    for (const { bytes, encoding } of chunks) this.pushChunk(bytes, encoding, mint, maxt, list);
    return list.sort((a, b) => a.timestampMs - b.timestampMs);
  }

  private pushChunk(
    bytes: Uint8Array,
    encoding: ChunkEncoding,
    mint: number,
    maxt: number,
    list: TimedHistogram[],
  ): void {
    const columns = this.histogramColumns;
    columns.clear();
    decodeChunk(bytes, encoding, columns, mint, maxt);
    for (let i = 0; i < columns.count; i++) {
      const histogram = columns.histograms?.[i];
      if (histogram !== undefined) list.push({ timestampMs: columns.timestamps[i], histogram });
    }
  }
}

/**
 * Merges histograms, sorted by time, with the floats of `columns` from index `from` on. Of two with the same
 * timestamp the histogram stays: k6 sends a float stale marker beside a histogram's last sample.
 */
function mergeHistograms(columns: SampleColumns, from: number, histograms: readonly TimedHistogram[]): void {
  const floats = columns.timestamps.slice(from, columns.count);
  const words = columns.valueWords.slice(2 * from, 2 * columns.count);
  columns.reserve(columns.count + histograms.length);
  const merged: (Histogram | undefined)[] = columns.histograms ?? new Array<undefined>(from).fill(undefined);
  let i = 0;
  let j = 0;
  let n = from;
  while (i < floats.length || j < histograms.length) {
    const t = histograms[j]?.timestampMs ?? Number.POSITIVE_INFINITY;
    if (i < floats.length && floats[i] < t) {
      columns.timestamps[n] = floats[i];
      columns.valueWords[2 * n] = words[2 * i];
      columns.valueWords[2 * n + 1] = words[2 * i + 1];
      merged[n++] = undefined;
      i++;
      continue;
    }
    if (i < floats.length && floats[i] === t) i++;
    if (n === from || columns.timestamps[n - 1] !== t) {
      columns.timestamps[n] = t;
      columns.values[n] = histograms[j].histogram.sum;
      merged[n++] = histograms[j].histogram;
    }
    j++;
  }
  columns.count = n;
  columns.histograms = merged;
}
