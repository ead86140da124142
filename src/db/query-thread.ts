/** What a query thread opens: the head and the blocks, kept up to date between queries. */
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
}

/** Of the bytes for blocks, those for pages of files; the others are for decoded samples. */
const PAGES_SHARE = 0.25;

export class QueryThread {
  private readonly columnsBytes: number;
  private readonly blocks: BlockSet;
  private readonly head: HeadReader;
  private merged: Queryable;
  private readonly epochs: Epochs;
  private readonly index: number;
  private generation = 0;

  constructor(shared: SharedMemory, index: number, options: QueryThreadOptions) {
    const { fs, dir, logDir, epochs, blockCacheBytes } = options;
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

  /** Runs `work` against everything that is stored; what it selects is good until it returns. */
  run<T>(work: (queryable: Queryable, parts: StoredParts) => T): T {
    const generation = this.epochs.enter(this.index);
    try {
      if (generation !== this.generation) {
        this.blocks.reload();
        this.merged = this.merge();
        this.generation = generation;
      }
      return work(this.merged, { head: this.head, blocks: this.blocks });
    } finally {
      this.epochs.leave(this.index);
    }
  }

  private merge(): Queryable {
    return new StoredQueryable(this.blocks.blocks, this.head, this.columnsBytes);
  }
}
