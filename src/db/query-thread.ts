/** What a query thread opens: the head and the blocks, kept up to date between queries. */
import { CorruptionError } from "../base/errors.js";
import { type DamagedBlock, damagedBlockOf, type MissingBlock } from "../block/block-folder.js";
import { BlockSet } from "../block/block-set.js";
import { PageCache } from "../block/page-cache.js";
import { CheckedDecoder } from "../chunk/checked-decoder.js";
import { HeadReader } from "../head/head-reader.js";
import type { FileSystem } from "../io/file-system.js";
import type { SharedMemory } from "../kernel/shared-memory.js";
import type { Queryable } from "../storage/queryable.js";
import { openLogChunks } from "./database.js";
import type { Epochs } from "./epochs.js";
import { StoredQueryable } from "./stored-queryable.js";

export interface QueryThreadOptions {
  readonly fs: FileSystem;
  readonly dir: string;
  readonly logDir: string;
  readonly epochs: Epochs;
  /** Bytes of pages of block files and of decoded samples that this thread keeps. */
  readonly blockCacheBytes: number;
}

/** What a query thread reads from, for those who ask about the parts and not about samples. */
export interface StoredParts {
  readonly head: HeadReader;
  readonly blocks: BlockSet;
  /** What the answer must say: blocks that are not served and overlap what was asked so far. */
  warnings(): string[];
}

/** Of the bytes for blocks, those for pages of files; the others are for decoded samples. */
const PAGES_SHARE = 0.25;

export class QueryThread {
  private readonly columnsBytes: number;
  private readonly dir: string;
  private readonly blocks: BlockSet;
  private readonly head: HeadReader;
  private merged: Queryable;
  private readonly epochs: Epochs;
  private readonly index: number;
  private generation = 0;
  /** Blocks that are not served, and that the work under way asked for. */
  private readonly missed = new Set<MissingBlock>();
  private readonly reported = new Set<string>();

  constructor(shared: SharedMemory, index: number, options: QueryThreadOptions) {
    const { fs, dir, logDir, epochs, blockCacheBytes } = options;
    this.dir = dir;
    this.index = index;
    this.epochs = epochs;
    this.columnsBytes = blockCacheBytes * (1 - PAGES_SHARE);
    this.generation = epochs.enter(index);
    this.head = new HeadReader(shared, index, openLogChunks(fs, logDir));
    const decoder = new CheckedDecoder(this.head.kernel, this.head.scratch);
    this.blocks = new BlockSet(fs, dir, new PageCache(blockCacheBytes * PAGES_SHARE), decoder);
    epochs.leave(index);
    this.merged = this.merge();
  }

  /**
   * Runs `work` against everything that is stored; what it selects is good until it returns. Where it meets a
   * damaged block, it is run again without that. Throws what `work` throws, CorruptionError for a damaged log.
   */
  run<T>(work: (queryable: Queryable, parts: StoredParts) => T): T {
    const generation = this.epochs.enter(this.index);
    try {
      if (generation !== this.generation) this.reload(generation);
      const parts = { head: this.head, blocks: this.blocks, warnings: () => this.warnings() };
      for (;;) {
        this.missed.clear();
        try {
          return work(this.merged, parts);
        } catch (error) {
          if (!(error instanceof CorruptionError) || !this.leaveOut(error)) throw error;
        }
      }
    } finally {
      this.epochs.leave(this.index);
    }
  }

  /** Damaged blocks that were found since the last call. */
  takeDamaged(): DamagedBlock[] {
    const fresh = this.blocks.damaged.filter(({ ulid }) => !this.reported.has(ulid));
    for (const { ulid } of fresh) this.reported.add(ulid);
    return fresh;
  }

  private reload(generation: number): void {
    this.blocks.reload();
    this.reported.clear(); // what is still there was not moved aside
    this.merged = this.merge();
    this.generation = generation;
  }

  private merge(): Queryable {
    const stores = new StoredQueryable(this.blocks.blocks, this.head, this.columnsBytes);
    const { missing } = this.blocks;
    if (missing.length === 0) return stores;
    const note = (mint: number, maxt: number): void => {
      for (const block of missing) {
        if (block.minTime <= maxt && block.maxTime > mint) this.missed.add(block);
      }
    };
    return {
      select(matchers, mint, maxt) {
        note(mint, maxt);
        return stores.select(matchers, mint, maxt);
      },
      labelNames(matchers, mint, maxt) {
        note(mint, maxt);
        return stores.labelNames(matchers, mint, maxt);
      },
      labelValues(name, matchers, mint, maxt) {
        note(mint, maxt);
        return stores.labelValues(name, matchers, mint, maxt);
      },
    };
  }

  private leaveOut(error: CorruptionError): boolean {
    const damaged = damagedBlockOf(this.dir, error);
    if (damaged === null || !this.blocks.blocks.some(({ meta }) => meta.ulid === damaged.ulid)) return false;
    this.blocks.exclude(damaged);
    this.merged = this.merge();
    return true;
  }

  private warnings(): string[] {
    return [...this.missed].map(({ ulid, minTime, maxTime }) => {
      const range = Number.isFinite(minTime) ? ` from ${printTime(minTime)} to ${printTime(maxTime)}` : "";
      return `block ${ulid} is damaged: its samples${range} are missing here`;
    });
  }
}

function printTime(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : `${timeMs} ms`;
}
