/**
 * Blocks and head as one store, for one query thread and one generation of blocks. Blocks do not change, so what a
 * selection found in them, the label sets and the decoded samples are kept for the next query; what comes from the
 * head is read again as soon as its series or a neighbour was written to.
 */
import type { Block } from "../block/block-reader.js";
import type { HeadReader } from "../head/head-reader.js";
import type { Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { SampleColumns } from "../storage/columns.js";
import type { Queryable, SampleSpan, SeriesSet } from "../storage/queryable.js";
import type { SampleView } from "../storage/sample-view.js";
import { mergeQueryables } from "./merged-queryable.js";
import { SeriesReader } from "./series-reader.js";
import { SeriesRegistry, type StoredSeries } from "./stored-series.js";

/** A selection of more series is not kept, and its series neither. */
const SELECTION_SERIES_MAX = 50_000;
const SELECTIONS_MAX = 256;
/**
 * What the head alone has of a shorter range is read where it lies, for so many series or more: finding out who they
 * are would take longer than reading them.
 */
const DIRECT_RANGE_MS = 15 * 60_000;
const DIRECT_SERIES_MIN = 500;
/** Series known at one time: at most about a kilobyte each. */
const SERIES_MAX = 100_000;

/** Series, and side by side what says whether they have samples in a range. */
interface Found {
  readonly series: readonly StoredSeries[];
  /** -1: the head does not have it. */
  readonly headRefs: Int32Array;
  readonly lastInBlocksMs: Float64Array;
}

interface Selection {
  readonly headVersion: string;
  /** Null: more than are kept. */
  readonly found: Found | null;
}

export class StoredQueryable implements Queryable {
  private readonly blocks: readonly Block[];
  private readonly head: HeadReader;
  private readonly plain: Queryable;
  private readonly reader: SeriesReader;
  private registry: SeriesRegistry;
  private selections = new Map<string, Selection>();
  private generation: number;

  /** `cacheBytes`: what decoded samples may take. */
  constructor(blocks: readonly Block[], head: HeadReader, cacheBytes: number) {
    this.blocks = blocks;
    this.head = head;
    this.plain = mergeQueryables([...blocks, head]);
    this.registry = new SeriesRegistry(blocks, head);
    this.generation = head.generation();
    this.reader = new SeriesReader(blocks, head, cacheBytes);
  }

  select(matchers: readonly Matcher[], mint: number, maxt: number): SeriesSet {
    this.reader.query++;
    const orders: number[] = [];
    for (let order = 0; order < this.blocks.length; order++) {
      if (this.blocks[order].overlaps(mint, maxt)) orders.push(order);
    }
    if (orders.length === 0 && maxt - mint <= DIRECT_RANGE_MS) {
      const direct = this.head.select(matchers, mint, maxt);
      if (direct.count >= DIRECT_SERIES_MIN) return direct;
    }
    const { found } = this.selection(matchers, orders);
    if (found === null) return this.plain.select(matchers, mint, maxt);
    return new StoredSeriesSet(this.reader, this.inRange(found, mint, maxt));
  }

  labelNames(matchers: readonly Matcher[], mint: number, maxt: number): string[] {
    return this.plain.labelNames(matchers, mint, maxt);
  }

  labelValues(name: string, matchers: readonly Matcher[], mint: number, maxt: number): string[] {
    return this.plain.labelValues(name, matchers, mint, maxt);
  }

  private selection(matchers: readonly Matcher[], orders: readonly number[]): Selection {
    const headVersion = this.head.indexVersion();
    const matchersKey = JSON.stringify(matchers.map(({ name, op, value }) => [name, op, value]));
    const key = `${orders.join()} ${matchersKey}`;
    const known = this.selections.get(key);
    if (known?.headVersion === headVersion) return known;
    if (this.selections.size >= SELECTIONS_MAX) this.selections.clear();
    if (this.registry.size > SERIES_MAX || this.head.generation() !== this.generation) this.forget();
    const selection = { headVersion, found: this.collect(matchers, matchersKey, orders) };
    this.selections.set(key, selection);
    return selection;
  }

  private forget(): void {
    this.generation = this.head.generation();
    this.registry = new SeriesRegistry(this.blocks, this.head);
    this.reader.forget();
    this.selections.clear();
  }

  private collect(matchers: readonly Matcher[], key: string, orders: readonly number[]): Found | null {
    const headRefs = this.head.find(matchers);
    if (headRefs.length > SELECTION_SERIES_MAX) return null;
    const found = new Set<StoredSeries>();
    for (const order of orders) {
      const refs = this.registry.findInBlock(order, matchers, key);
      if (refs.length > SELECTION_SERIES_MAX) return null;
      for (let i = 0; i < refs.length; i++) found.add(this.registry.ofBlock(order, refs[i]));
    }
    for (let i = 0; i < headRefs.length; i++) found.add(this.registry.ofHead(headRefs[i]));
    const series = [...found];
    return {
      series,
      headRefs: Int32Array.from(series, ({ headRef }) => headRef),
      lastInBlocksMs: Float64Array.from(series, ({ lastInBlocksMs }) => lastInBlocksMs),
    };
  }

  /** Those that may have samples in [mint, maxt]. */
  private inRange(found: Found, mint: number, maxt: number): readonly StoredSeries[] {
    const { series, headRefs, lastInBlocksMs } = found;
    const isInBlocks = new Uint8Array(series.length);
    const undecided = new Uint32Array(series.length);
    let inBlocks = 0;
    let count = 0;
    for (let i = 0; i < series.length; i++) {
      const last = lastInBlocksMs[i];
      // Where the last sample is in the range, the chunks need not be looked at.
      if (last >= mint && (last <= maxt || series[i].isInBlocks(mint, maxt))) {
        isInBlocks[i] = 1;
        inBlocks++;
      } else if (headRefs[i] >= 0) undecided[count++] = headRefs[i];
    }
    const inHead = this.head.overlapping(undecided.subarray(0, count), mint, maxt);
    if (inBlocks + inHead.length === series.length) return series;
    let next = 0;
    return series.filter((_, i) => {
      if (isInBlocks[i] === 1) return true;
      return next < inHead.length && inHead[next] === headRefs[i] && next++ >= 0;
    });
  }
}

class StoredSeriesSet implements SeriesSet {
  readonly count: number;
  readonly sorted = false;
  private readonly reader: SeriesReader;
  private readonly series: readonly StoredSeries[];

  constructor(reader: SeriesReader, series: readonly StoredSeries[]) {
    this.reader = reader;
    this.series = series;
    this.count = series.length;
  }

  labels(index: number): Labels {
    return this.series[index].labels;
  }

  read(index: number, mint: number, maxt: number, columns: SampleColumns): void {
    this.reader.read(this.series[index], mint, maxt, columns);
  }

  view(index: number, mint: number, maxt: number, view: SampleView): boolean {
    return this.reader.view(this.series[index], mint, maxt, view);
  }

  span(index: number, mint: number, maxt: number, gapMs: number, span: SampleSpan): boolean {
    return this.reader.span(this.series[index], mint, maxt, gapMs, span);
  }
}
