/**
 * Samples in any order, of any age, become blocks, with bounded memory: what has gathered is written as a run, a block
 * of its own in a working folder, and at the end the runs are merged into blocks that do not overlap. Nothing passes
 * through the head, so neither its out-of-order window nor its memory sets a bound.
 */
import { openBlock } from "../block/block-reader.js";
import { writeBlock } from "../block/block-writer.js";
import { PageCache } from "../block/page-cache.js";
import { encodeColumns } from "../chunk/encode-columns.js";
import { dropSamples } from "../chunk/merge-columns.js";
import { MERGE_LIMITS } from "../compact/merge-chunks.js";
import { mergeSources } from "../compact/merge-sources.js";
import type { FileSystem } from "../io/file-system.js";
import type { Histogram } from "../model/histogram.js";
import { compareLabels, compareUtf8, type Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { ChunkSeries, ChunkSeriesSource, EncodedChunk } from "../storage/chunk-series.js";
import { SampleColumns } from "../storage/columns.js";
import type { SampleSink } from "./sample-sink.js";
import { SpoolSeries } from "./spool-series.js";

export interface SpoolOptions {
  readonly fs: FileSystem;
  /** The working folder; the runs lie in it. */
  readonly dir: string;
  readonly newUlid: () => string;
  /** Above this a run is written. */
  readonly memoryBytesMax: number;
}

/** A block to be: [minTime, maxTime), milliseconds. */
export interface BlockRange {
  readonly minTime: number;
  readonly maxTime: number;
}

const NAN_LOW = 1;
const NAN_HIGH = 0x7ff80000;
const CACHE_BYTES: number = 32 * 1024 * 1024;

export class BlockSpool implements SampleSink<SpoolSeries> {
  /** Samples that came, repeated ones included. */
  samples = 0;
  mint: number = Number.POSITIVE_INFINITY;
  maxt: number = Number.NEGATIVE_INFINITY;
  private readonly options: SpoolOptions;
  private readonly runs: string[];
  private byKey = new Map<string, SpoolSeries>();
  private usedBytes = 0;
  private readonly float64 = new Float64Array(1);
  private readonly words = new Uint32Array(this.float64.buffer);

  /** `runs`: names of runs that were written before, in their order. */
  constructor(options: SpoolOptions, runs: readonly string[] = []) {
    this.options = options;
    this.runs = [...runs];
  }

  /** True: `spill` should be called before more is added. What `series` returned is void after that. */
  get full(): boolean {
    return this.usedBytes >= this.options.memoryBytesMax;
  }

  get runNames(): readonly string[] {
    return this.runs;
  }

  series(labels: Labels): SpoolSeries {
    const known = this.byKey.get(labels.key);
    if (known !== undefined) return known;
    const added = new SpoolSeries(labels);
    this.byKey.set(labels.key, added);
    this.usedBytes += added.baseBytes;
    return added;
  }

  float(series: SpoolSeries, timestampMs: number, value: number): void {
    if (Number.isNaN(value)) return this.floatWords(series, timestampMs, NAN_LOW, NAN_HIGH);
    this.float64[0] = value;
    this.floatWords(series, timestampMs, this.words[0], this.words[1]);
  }

  floatWords(series: SpoolSeries, timestampMs: number, low: number, high: number): void {
    this.count(timestampMs);
    this.usedBytes += series.float(timestampMs, low, high);
  }

  histogram(series: SpoolSeries, timestampMs: number, histogram: Histogram): void {
    this.count(timestampMs);
    this.usedBytes += series.histogram(timestampMs, histogram);
  }

  private count(timestampMs: number): void {
    this.samples++;
    if (timestampMs < this.mint) this.mint = timestampMs;
    if (timestampMs > this.maxt) this.maxt = timestampMs;
  }

  /** Deletes what has come of a series in [mint, maxt], both inclusive. */
  remove(labels: Labels, mint: number, maxt: number): void {
    this.byKey.get(labels.key)?.remove((columns) => {
      dropSamples(columns, (timestamp) => timestamp >= mint && timestamp <= maxt);
    });
    const { fs, dir } = this.options;
    for (const run of this.runs) {
      const block = openBlock(fs, `${dir}/${run}`, new PageCache(0));
      try {
        const matchers = [...labels].map(([name, value]): Matcher => ({ name, op: "=", value }));
        // Those accept series with more labels, too.
        const found = block.select(matchers, mint, maxt);
        for (let i = 0; i < found.count; i++) {
          for (const [name] of found.labels(i))
            if (!labels.has(name)) matchers.push({ name, op: "=", value: "" });
        }
        block.deleteSeries(matchers, mint, maxt);
      } finally {
        block.close();
      }
    }
  }

  /** Writes what has gathered as a run, durable on return, and forgets it. */
  spill(): void {
    const filled = [...this.byKey.values()].filter((series) => series.count > 0);
    this.byKey = new Map();
    this.usedBytes = 0;
    if (filled.length === 0) return;
    filled.sort((a, b) => compareLabels(a.labels, b.labels));
    const { fs, dir, newUlid } = this.options;
    const ulid = newUlid();
    const [minTime, maxTime] = spanOf(filled);
    const written = writeBlock(fs, dir, spooledSource(filled), { ulid, minTime, maxTime: maxTime + 1 });
    if (written !== null) this.runs.push(ulid);
  }

  /** The time ranges that the runs hold samples of: [minTime, maxTime) of each run. */
  runRanges(): BlockRange[] {
    const { fs, dir } = this.options;
    return this.runs.map((run) => {
      const block = openBlock(fs, `${dir}/${run}`, new PageCache(0));
      const { minTime, maxTime } = block.meta;
      block.close();
      return { minTime, maxTime };
    });
  }

  /** Merges the runs' samples of one range into a block `ulid` in `parent`. False: there are none. */
  writeRange(range: BlockRange, ulid: string, parent: string, level: number): boolean {
    const { fs, dir } = this.options;
    const cache = new PageCache(CACHE_BYTES);
    const blocks = this.runs.map((run) => openBlock(fs, `${dir}/${run}`, cache));
    try {
      const mint = range.minTime;
      const maxt = range.maxTime - 1;
      const touching = blocks.filter((block) => block.overlaps(mint, maxt));
      const sources = touching.map((block) => block.chunkSeries(mint, maxt));
      const source = mergeSources(sources, { mint, maxt });
      return writeBlock(fs, parent, source, { ulid, ...range, level }) !== null;
    } finally {
      for (const block of blocks) block.close();
    }
  }
}

function spanOf(series: readonly SpoolSeries[]): [number, number] {
  let mint = Number.POSITIVE_INFINITY;
  let maxt = Number.NEGATIVE_INFINITY;
  for (const one of series) {
    const { timestamps, count } = one.sorted();
    mint = Math.min(mint, timestamps[0]);
    maxt = Math.max(maxt, timestamps[count - 1]);
  }
  return [mint, maxt];
}

function spooledSource(series: readonly SpoolSeries[]): ChunkSeriesSource {
  return {
    symbols(): Iterable<string> {
      const all = new Set<string>();
      for (const { labels } of series) for (const text of labels.pairs) all.add(text);
      return [...all].sort(compareUtf8);
    },
    *series(): IterableIterator<ChunkSeries> {
      for (const one of series) yield { labels: one.labels, chunks: chunksOf(one.sorted()) };
    },
  };
}

/** No chunk crosses a border of a day: a range of the end then reads few chunks that it needs a part of. */
const CHUNK_BORDER_MS = 86_400_000;

function chunksOf(columns: SampleColumns): EncodedChunk[] {
  const chunks: EncodedChunk[] = [];
  const { timestamps, count } = columns;
  let start = 0;
  while (start < count) {
    const border = (Math.floor(timestamps[start] / CHUNK_BORDER_MS) + 1) * CHUNK_BORDER_MS;
    let end = start + 1;
    while (end < count && timestamps[end] < border) end++;
    chunks.push(...encodeColumns(piece(columns, start, end), MERGE_LIMITS));
    start = end;
  }
  return chunks;
}

function piece(columns: SampleColumns, start: number, end: number): SampleColumns {
  if (start === 0 && end === columns.count) return columns;
  const part = new SampleColumns(end - start);
  part.timestamps.set(columns.timestamps.subarray(start, end));
  part.valueWords.set(columns.valueWords.subarray(2 * start, 2 * end));
  if (columns.histograms !== null) part.histograms = columns.histograms.slice(start, end);
  part.count = end - start;
  return part;
}
