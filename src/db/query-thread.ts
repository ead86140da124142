/** What a query thread opens: the head and the blocks, kept up to date between queries. */
import { BlockSet } from "../block/block-set.js";
import { PageCache } from "../block/page-cache.js";
import { HeadReader } from "../head/head-reader.js";
import type { FileSystem } from "../io/file-system.js";
import type { SharedMemory } from "../kernel/shared-memory.js";
import type { Queryable } from "../storage/queryable.js";
import { openLogChunks } from "./database.js";
import type { Epochs } from "./epochs.js";
import { mergeQueryables } from "./merged-queryable.js";

export interface QueryThreadOptions {
  readonly fs: FileSystem;
  readonly dir: string;
  readonly logDir: string;
  readonly epochs: Epochs;
  /** Bytes of pages of block files that this thread keeps. */
  readonly blockCacheBytes: number;
}

/** What a query thread reads from, for those who ask about the parts and not about samples. */
export interface StoredParts {
  readonly head: HeadReader;
  readonly blocks: BlockSet;
}

export class QueryThread {
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
    this.generation = epochs.enter(index);
    this.blocks = new BlockSet(fs, dir, new PageCache(blockCacheBytes));
    epochs.leave(index);
    this.head = new HeadReader(shared, index, openLogChunks(fs, logDir));
    this.merged = mergeQueryables([...this.blocks.blocks, this.head]);
  }

  /** Runs `work` against everything that is stored; what it selects is good until it returns. */
  run<T>(work: (queryable: Queryable, parts: StoredParts) => T): T {
    const generation = this.epochs.enter(this.index);
    try {
      if (generation !== this.generation) {
        this.blocks.reload();
        this.merged = mergeQueryables([...this.blocks.blocks, this.head]);
        this.generation = generation;
      }
      return work(this.merged, { head: this.head, blocks: this.blocks });
    } finally {
      this.epochs.leave(this.index);
    }
  }
}
