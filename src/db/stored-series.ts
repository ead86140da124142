/** Series as a query thread knows them: one object for what the head and all blocks have under one label set. */
import { worked } from "../base/patience.js";
import type { Block } from "../block/block-reader.js";
import { ChunkList } from "../block/index-reader.js";
import type { HeadReader } from "../head/head-reader.js";
import type { Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { SpanFacts, StoredColumns } from "./stored-columns.js";

/** Decoding a label set and looking it up, in the units of `worked`. */
const WORK_PER_SERIES = 200;

/** Where in one block a series lies. */
export interface BlockPart {
  readonly block: Block;
  /** Position of the block in time. */
  readonly order: number;
  readonly ref: number;
  /** For each chunk: time of the first and of the last sample, and the chunk's ref. */
  readonly chunks: Float64Array;
  /** Time of the last sample of all chunks. */
  readonly lastMs: number;
}

export class StoredSeries {
  readonly labels: Labels;
  /** Ascending by `order`. Only those of blocks that a selection has looked at. */
  readonly parts: BlockPart[] = [];
  /** -1: the head does not have it. */
  headRef = -1;
  /** Histograms, deletions, overlaps: such a series is read anew by every query. */
  isPlain = false;
  /** How often a part came to it: what was decoded before lacks that part. */
  changes = 0;
  columns: StoredColumns | null = null;
  /** What is known of its times, where the columns are not kept. */
  span: SpanFacts | null = null;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  add(part: BlockPart): void {
    let at = this.parts.length;
    while (at > 0 && this.parts[at - 1].order > part.order) at--;
    this.parts.splice(at, 0, part);
    this.changes++;
    if (part.block.deletedIntervals(part.ref).length > 0) this.isPlain = true;
  }

  /** Time of the last sample in blocks; -Infinity: none. */
  get lastInBlocksMs(): number {
    return this.parts.reduce((last, part) => Math.max(last, part.lastMs), Number.NEGATIVE_INFINITY);
  }

  /** True if a block has a chunk of it that touches [mint, maxt]. */
  isInBlocks(mint: number, maxt: number): boolean {
    for (const { chunks } of this.parts) {
      for (let i = 0; i < chunks.length; i += CHUNK_WORDS) {
        if (chunks[i] <= maxt && chunks[i + 1] >= mint) return true;
      }
    }
    return false;
  }
}

/** Numbers that `BlockPart.chunks` has for each chunk. */
export const CHUNK_WORDS = 3;

/** Label sets of all blocks and the head that were ever asked for, each once. */
export class SeriesRegistry {
  private readonly head: HeadReader;
  private readonly byKey = new Map<string, StoredSeries>();
  private readonly byHeadRef = new Map<number, StoredSeries>();
  private readonly blocks: readonly BlockSeries[];

  constructor(blocks: readonly Block[], head: HeadReader) {
    this.head = head;
    this.blocks = blocks.map((block, order) => new BlockSeries(block, order));
  }

  get size(): number {
    return this.byKey.size;
  }

  /** The refs in block `order` of the series that match. */
  findInBlock(order: number, matchers: readonly Matcher[], key: string): Uint32Array {
    return this.blocks[order].find(matchers, key);
  }

  ofBlock(order: number, ref: number): StoredSeries {
    const block = this.blocks[order];
    const known = block.byRef.get(ref);
    if (known !== undefined) return known;
    worked(WORK_PER_SERIES);
    const series = this.ofLabels(block.labels(ref));
    series.add(block.part(ref));
    block.byRef.set(ref, series);
    return series;
  }

  ofHead(ref: number): StoredSeries {
    const known = this.byHeadRef.get(ref);
    if (known !== undefined) return known;
    worked(WORK_PER_SERIES);
    const series = this.ofLabels(this.head.labels(ref));
    series.headRef = ref;
    series.changes++;
    this.byHeadRef.set(ref, series);
    return series;
  }

  private ofLabels(labels: Labels): StoredSeries {
    const known = this.byKey.get(labels.key);
    if (known !== undefined) return known;
    const series = new StoredSeries(labels);
    this.byKey.set(labels.key, series);
    return series;
  }
}

/** Selections of a block that are kept. */
const FOUND_MAX = 256;
const FOUND_REFS_MAX = 50_000;

class BlockSeries {
  readonly byRef: Map<number, StoredSeries> = new Map();
  private readonly block: Block;
  private readonly order: number;
  private readonly symbols = new Map<number, string>();
  private readonly found = new Map<string, Uint32Array>();
  private readonly list = new ChunkList();

  constructor(block: Block, order: number) {
    this.block = block;
    this.order = order;
  }

  find(matchers: readonly Matcher[], key: string): Uint32Array {
    const known = this.found.get(key);
    if (known !== undefined) return known;
    if (this.found.size >= FOUND_MAX) this.found.clear();
    const refs = this.block.find(matchers);
    if (refs.length <= FOUND_REFS_MAX) this.found.set(key, refs);
    return refs;
  }

  labels(ref: number): Labels {
    return this.block.index.labels(ref, this.symbols);
  }

  part(ref: number): BlockPart {
    const { block, order, list } = this;
    block.index.chunks(ref, list);
    const chunks = new Float64Array(CHUNK_WORDS * list.count);
    let lastMs = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < list.count; i++) {
      chunks[CHUNK_WORDS * i] = list.mint[i];
      chunks[CHUNK_WORDS * i + 1] = list.maxt[i];
      chunks[CHUNK_WORDS * i + 2] = list.refs[i];
      lastMs = Math.max(lastMs, list.maxt[i]);
    }
    return { block, order, ref, chunks, lastMs };
  }
}
