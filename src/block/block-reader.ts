import { CorruptionError } from "../base/errors.js";
import { worked } from "../base/patience.js";
import type { CheckedDecoder } from "../chunk/checked-decoder.js";
import { dropSamples, isAscending, mergeColumns } from "../chunk/merge-columns.js";
import { compileMatchers } from "../index/matcher.js";
import { selectPostings } from "../index/select-postings.js";
import type { FileSystem } from "../io/file-system.js";
import { compareUtf8, type Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { ChunkSeriesSource } from "../storage/chunk-series.js";
import { SampleColumns } from "../storage/columns.js";
import type { Queryable, SeriesSet } from "../storage/queryable.js";
import { BlockChunkSource } from "./block-chunk-source.js";
import { CHUNKS_FOLDER, INDEX_FILE } from "./block-format.js";
import { type BlockMeta, readMeta } from "./block-meta.js";
import { ChunkReader } from "./chunk-reader.js";
import { ChunkList, IndexReader } from "./index-reader.js";
import type { PageCache } from "./page-cache.js";
import {
  addInterval,
  covers,
  type DeletedInterval,
  overlapsAny,
  readTombstones,
  type Tombstones,
  writeTombstones,
} from "./tombstones.js";

/**
 * Opens the block in folder `dir` for reading: meta.json, tombstones, the first and last bytes of the index and
 * the heads of the chunk files are read and checked. Pages are shared by all blocks with the same `cache`.
 * Throws CorruptionError where something is damaged, the file system's own error where something is missing.
 */
export function openBlock(
  fs: FileSystem,
  dir: string,
  cache: PageCache,
  decoder: CheckedDecoder | null = null,
): Block {
  const meta = readMeta(fs, dir);
  if (!dir.endsWith(`/${meta.ulid}`) && dir !== meta.ulid) {
    throw new CorruptionError(`${dir}/meta.json`, 0, `ULID ${meta.ulid} in a folder of another name`);
  }
  const tombstones = readTombstones(fs, dir);
  const index = new IndexReader(fs, `${dir}/${INDEX_FILE}`, cache, decoder?.checksum);
  try {
    const chunks = new ChunkReader(fs, `${dir}/${CHUNKS_FOLDER}`, cache, decoder);
    return new Block(fs, dir, meta, index, chunks, tombstones);
  } catch (error) {
    index.close();
    throw error;
  }
}

/** An immutable block, except for its tombstones. Everything it reads is checked against a checksum. */
export class Block implements Queryable {
  readonly dir: string;
  readonly meta: BlockMeta;
  readonly index: IndexReader;
  readonly chunks: ChunkReader;
  tombstones: Tombstones;
  private readonly fs: FileSystem;
  private readonly list = new ChunkList();

  constructor(
    fs: FileSystem,
    dir: string,
    meta: BlockMeta,
    index: IndexReader,
    chunks: ChunkReader,
    tombstones: Tombstones,
  ) {
    this.fs = fs;
    this.dir = dir;
    this.meta = meta;
    this.index = index;
    this.chunks = chunks;
    this.tombstones = tombstones;
  }

  /** Bytes of index and chunk files. */
  get fileBytes(): number {
    return this.index.file.bytes + this.chunks.fileBytes;
  }

  /** True if a sample of [mint, maxt] may be in the block. */
  overlaps(mint: number, maxt: number): boolean {
    return mint < this.meta.maxTime && maxt >= this.meta.minTime;
  }

  close(): void {
    this.index.close();
    this.chunks.close();
  }

  select(matchers: readonly Matcher[], mint: number, maxt: number): SeriesSet {
    const compiled = compileMatchers(matchers);
    if (!this.overlaps(mint, maxt)) return new BlockSeriesSet(this, new Uint32Array(0));
    return new BlockSeriesSet(this, this.inRange(selectPostings(this.index, compiled), mint, maxt));
  }

  /** The refs of all series that match, ascending. */
  find(matchers: readonly Matcher[]): Uint32Array {
    return selectPostings(this.index, compileMatchers(matchers));
  }

  /** Replaces the content of `columns` by the samples of series `ref` in [mint, maxt] that are not deleted. */
  readSeries(ref: number, mint: number, maxt: number, columns: SampleColumns): void {
    const { list } = this;
    columns.clear();
    this.index.chunks(ref, list);
    for (let i = 0; i < list.count; i++) {
      if (list.mint[i] > maxt || list.maxt[i] < mint) continue;
      this.chunks.decode(list.refs[i], columns, mint, maxt);
    }
    if (!isAscending(columns)) this.readOverlapping(list, mint, maxt, columns);
    const deleted = this.deletedIntervals(ref);
    if (overlapsAny(deleted, mint, maxt))
      dropSamples(columns, (timestamp) => covers(deleted, timestamp, timestamp));
  }

  /** Blocks of other writers may have overlapping chunks in a series. */
  private readOverlapping(list: ChunkList, mint: number, maxt: number, columns: SampleColumns): void {
    const parts: SampleColumns[] = [];
    for (let i = 0; i < list.count; i++) {
      if (list.mint[i] > maxt || list.maxt[i] < mint) continue;
      const part = new SampleColumns(256);
      this.chunks.decode(list.refs[i], part, mint, maxt);
      parts.push(part);
    }
    mergeColumns(parts, columns);
  }

  labelNames(matchers: readonly Matcher[], mint: number, maxt: number): string[] {
    if (matchers.length === 0) return this.overlaps(mint, maxt) ? this.index.table.labelNames() : [];
    const names = new Set<string>();
    const series = this.select(matchers, mint, maxt);
    for (let i = 0; i < series.count; i++) {
      for (const [name] of series.labels(i)) names.add(name);
    }
    return [...names].sort(compareUtf8);
  }

  labelValues(name: string, matchers: readonly Matcher[], mint: number, maxt: number): string[] {
    const values: string[] = [];
    if (matchers.length === 0) {
      if (!this.overlaps(mint, maxt)) return values;
      this.index.table.walk(name, "", (value) => values.push(value) > 0);
      return values;
    }
    const series = this.select([...matchers, { name, op: "!=", value: "" }], mint, maxt);
    const found = new Set<string>();
    for (let i = 0; i < series.count; i++) found.add(series.labels(i).get(name));
    return [...found].sort(compareUtf8);
  }

  /**
   * All series with their chunks that touch [mint, maxt], tombstones applied, for whoever writes them into another
   * block.
   */
  chunkSeries(
    mint: number = Number.NEGATIVE_INFINITY,
    maxt: number = Number.POSITIVE_INFINITY,
  ): ChunkSeriesSource {
    return new BlockChunkSource(this.index, this.chunks, this.tombstones, mint, maxt);
  }

  /**
   * Marks the samples in [mint, maxt] of the series that satisfy all matchers as deleted: durable, and in force
   * for selections of this object, on return. Returns how many series had samples there.
   */
  deleteSeries(matchers: readonly Matcher[], mint: number, maxt: number): number {
    if (!this.overlaps(mint, maxt)) return 0;
    const grown = new Map(this.tombstones);
    const list = new ChunkList();
    let count = 0;
    for (const ref of selectPostings(this.index, compileMatchers(matchers))) {
      this.index.chunks(ref, list);
      if (list.count === 0) continue;
      // Clamped to what the series has, as Prometheus does, so that the intervals stay meaningful numbers.
      const from = Math.max(mint, list.mint[0]);
      const to = Math.min(maxt, list.maxt[list.count - 1]);
      if (from > to) continue;
      grown.set(ref, addInterval(grown.get(ref) ?? [], { mint: from, maxt: to }));
      count++;
    }
    if (count === 0) return 0;
    writeTombstones(this.fs, this.dir, grown);
    this.tombstones = grown;
    return count;
  }

  /** Takes up tombstones that another thread wrote. */
  reloadTombstones(): void {
    this.tombstones = readTombstones(this.fs, this.dir);
  }

  deletedIntervals(ref: number): readonly DeletedInterval[] {
    return this.tombstones.get(ref) ?? NO_INTERVALS;
  }

  /** The refs whose series have a chunk that touches [mint, maxt] and is not wholly deleted. */
  private inRange(refs: Uint32Array, mint: number, maxt: number): Uint32Array {
    const whole = mint <= this.meta.minTime && maxt >= this.meta.maxTime - 1;
    if (whole && this.tombstones.size === 0) return refs;
    const list = new ChunkList();
    return refs.filter((ref) => {
      worked(WORK_PER_SERIES);
      const deleted = this.deletedIntervals(ref);
      this.index.chunks(ref, list);
      for (let i = 0; i < list.count; i++) {
        if (list.mint[i] > maxt || list.maxt[i] < mint) continue;
        if (!covers(deleted, Math.max(mint, list.mint[i]), Math.min(maxt, list.maxt[i]))) return true;
      }
      return false;
    });
  }
}

/** Of `worked`: to read and check what the index says of a series. */
const WORK_PER_SERIES = 100;
const NO_INTERVALS: readonly DeletedInterval[] = [];

class BlockSeriesSet implements SeriesSet {
  readonly count: number;
  readonly sorted = true;
  private readonly block: Block;
  private readonly refs: Uint32Array;
  private readonly symbols = new Map<number, string>();

  constructor(block: Block, refs: Uint32Array) {
    this.block = block;
    this.refs = refs;
    this.count = refs.length;
  }

  labels(index: number): Labels {
    worked(WORK_PER_SERIES);
    return this.block.index.labels(this.refs[index], this.symbols);
  }

  read(index: number, mint: number, maxt: number, columns: SampleColumns): void {
    this.block.readSeries(this.refs[index], mint, maxt, columns);
  }
}
