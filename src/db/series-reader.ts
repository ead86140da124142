/** Samples of stored series: from what is kept decoded, else from the chunks of blocks and head. */
import { worked } from "../base/patience.js";
import type { Block } from "../block/block-reader.js";
import { isAscending } from "../chunk/merge-columns.js";
import type { HeadReader } from "../head/head-reader.js";
import { SampleColumns } from "../storage/columns.js";
import type { SampleSpan } from "../storage/queryable.js";
import type { SampleView } from "../storage/sample-view.js";
import { ColumnMerger } from "./merged-queryable.js";
import { ColumnsCache, type SpanFacts, StoredColumns, spanFacts } from "./stored-columns.js";
import { type BlockPart, CHUNK_WORDS, type StoredSeries } from "./stored-series.js";

/** Longer runs of one series are not kept. */
const KEPT_SAMPLES_MAX = 1 << 19;

export class SeriesReader {
  /** Number of the selection at hand: what it uses stays in the cache. */
  query = 0;
  private readonly head: HeadReader;
  private readonly cacheBytes: number;
  /** No block has a sample at this time or later. */
  private readonly blocksEndMs: number;
  private cache: ColumnsCache;
  private readonly work = new SampleColumns(4096);
  private readonly part = new SampleColumns(1024);
  private readonly merger = new ColumnMerger();

  constructor(blocks: readonly Block[], head: HeadReader, cacheBytes: number) {
    this.head = head;
    this.cacheBytes = cacheBytes;
    this.cache = new ColumnsCache(cacheBytes);
    this.blocksEndMs = blocks.reduce(
      (end, { meta }) => Math.max(end, meta.maxTime),
      Number.NEGATIVE_INFINITY,
    );
  }

  /** Other objects stand for the series from now on. */
  forget(): void {
    this.cache = new ColumnsCache(this.cacheBytes);
  }

  read(series: StoredSeries, mint: number, maxt: number, columns: SampleColumns): void {
    columns.clear();
    const stored = this.columnsOf(series, mint, maxt);
    if (stored !== null) stored.copy(mint, maxt, columns);
    else this.readPlain(series, mint, maxt, columns);
  }

  view(series: StoredSeries, mint: number, maxt: number, view: SampleView): boolean {
    const stored = this.columnsOf(series, mint, maxt);
    if (stored === null || stored.facts.hasStale) return false;
    stored.show(mint, maxt, view);
    return true;
  }

  span(series: StoredSeries, mint: number, maxt: number, gapMs: number, span: SampleSpan): boolean {
    const facts = this.factsOf(series, mint, maxt);
    if (facts === null || facts.hasStale || facts.gapMs >= gapMs) return false;
    span.firstMs = facts.firstMs;
    span.lastMs = facts.lastMs;
    return true;
  }

  /** Who asks for the times alone gets no copy of the samples kept. */
  private factsOf(series: StoredSeries, mint: number, maxt: number): SpanFacts | null {
    const { span } = series;
    if (span !== null && this.isGood(series, span, mint, maxt)) return span;
    const stored = this.knownColumns(series, mint, maxt);
    series.span = stored?.facts ?? this.loadFacts(series, mint, maxt);
    return series.span;
  }

  private loadFacts(series: StoredSeries, mint: number, maxt: number): SpanFacts | null {
    if (series.isPlain) return null;
    const toMs = this.openEnd(maxt);
    const headVersion = this.load(series, mint, toMs);
    if (series.isPlain) return null;
    return spanFacts(this.work, { changes: series.changes, fromMs: mint, toMs, headVersion });
  }

  /** True if what was found out about [fromMs, toMs] holds and says all about [mint, maxt]. */
  private isGood(series: StoredSeries, known: SpanFacts, mint: number, maxt: number): boolean {
    if (known.fromMs > mint || known.toMs < maxt || known.changes !== series.changes) return false;
    return series.headRef < 0 || known.headVersion === this.head.version(series.headRef);
  }

  /** All samples in [mint, maxt], and maybe more; good until the next call. Null: the series is not kept so. */
  private columnsOf(series: StoredSeries, mint: number, maxt: number): StoredColumns | null {
    if (series.isPlain) return null;
    const good = this.knownColumns(series, mint, maxt);
    if (good !== null) return good;
    const known = series.columns;
    let fromMs = mint;
    let toMs = maxt;
    if (known !== null && known.facts.fromMs <= maxt && known.facts.toMs >= mint) {
      // Two ranges by turns are one range, unless it would be much more than was asked for.
      if (maxt - known.facts.fromMs <= 2 * (maxt - mint)) fromMs = Math.min(fromMs, known.facts.fromMs);
      if (known.facts.toMs - mint <= 2 * (maxt - mint)) toMs = Math.max(toMs, known.facts.toMs);
    }
    toMs = this.openEnd(toMs);
    const headVersion = this.load(series, fromMs, toMs);
    if (series.isPlain) return null;
    const { work, cache, query } = this;
    const keeps = work.count <= KEPT_SAMPLES_MAX && cache.makeRoom(work.count, query);
    const stored = new StoredColumns(keeps ? this.copyOf(work) : work, {
      changes: series.changes,
      fromMs,
      toMs,
      headVersion,
    });
    if (keeps) cache.keep(series, stored, query);
    return stored;
  }

  /** Those that are kept, where they have all of [mint, maxt]. */
  private knownColumns(series: StoredSeries, mint: number, maxt: number): StoredColumns | null {
    const known = series.columns;
    if (known === null || !this.isGood(series, known.facts, mint, maxt)) return null;
    known.usedBy = this.query;
    return known;
  }

  /** Where only the head can have more, to the newest. */
  private openEnd(toMs: number): number {
    return toMs >= this.blocksEndMs ? Number.POSITIVE_INFINITY : toMs;
  }

  /**
   * Decodes all samples in [fromMs, toMs] into `work`; returns the head's version of them. A series that cannot
   * be kept decoded is marked plain.
   */
  private load(series: StoredSeries, fromMs: number, toMs: number): number {
    const { work, part } = this;
    work.clear();
    for (const one of series.parts) {
      part.clear();
      decodePart(one, fromMs, toMs, part);
      if (part.histograms !== null || !isAscending(part)) series.isPlain = true;
      if (series.isPlain) return 0;
      this.merger.add(part, work);
      worked(part.count >> 1);
    }
    if (series.headRef < 0) return 0;
    const before = this.head.version(series.headRef);
    this.head.readSeries(series.headRef, fromMs, toMs, part);
    if (part.histograms !== null) series.isPlain = true;
    else this.merger.add(part, work);
    return before === this.head.version(series.headRef) ? before : Number.NaN;
  }

  /** The same samples in arrays of just their size; the times maybe in those of another series. */
  private copyOf({ timestamps, valueWords, count }: SampleColumns): SampleColumns {
    const copy = new SampleColumns(0);
    copy.timestamps = this.cache.times.share(timestamps, count);
    copy.values = new Float64Array(count);
    copy.valueWords = new Uint32Array(copy.values.buffer);
    copy.valueWords.set(valueWords.subarray(0, 2 * count));
    copy.count = count;
    return copy;
  }

  private readPlain(series: StoredSeries, mint: number, maxt: number, columns: SampleColumns): void {
    const { part } = this;
    for (const { block, ref, chunks } of series.parts) {
      const lastMs = chunks[chunks.length - 2];
      if (chunks[0] > maxt || lastMs < mint) continue;
      block.readSeries(ref, mint, maxt, part);
      this.merger.add(part, columns);
    }
    if (series.headRef < 0) return;
    this.head.readSeries(series.headRef, mint, maxt, part);
    this.merger.add(part, columns);
  }
}

function decodePart({ block, chunks }: BlockPart, mint: number, maxt: number, columns: SampleColumns): void {
  for (let i = 0; i < chunks.length; i += CHUNK_WORDS) {
    if (chunks[i] > maxt || chunks[i + 1] < mint) continue;
    block.chunks.decode(chunks[i + 2], columns, mint, maxt);
  }
}
