/** What the maintenance thread does of a deletion: the head's part and that of the blocks. */
import { CorruptionError } from "../base/errors.js";
import { type DamagedBlock, damagedBlockOf, listBlocks, quarantineBlock } from "../block/block-folder.js";
import { openBlock } from "../block/block-reader.js";
import { PageCache } from "../block/page-cache.js";
import { HeadDeleter, type RewrittenChunks } from "../head/head-deleter.js";
import type { ReadLogChunk } from "../head/logged-chunks.js";
import { selectRefs } from "../head/select-refs.js";
import type { FileSystem } from "../io/file-system.js";
import type { Kernel } from "../kernel/kernel.js";
import type { DeletionRequest, TombstoneEntry } from "../wal/cold-records.js";

/** Pages of the blocks that are searched, one behind the other. */
const CACHE_BYTES: number = 4 << 20;

export class Deletion {
  private readonly kernel: Kernel;
  private readonly queryScratch: number;
  private readonly deleter: HeadDeleter;

  /** Scratches of the thread that owns `kernel`: of an ingest thread and of a query thread. */
  constructor(kernel: Kernel, ingestScratch: number, queryScratch: number, readLogChunk: ReadLogChunk) {
    this.kernel = kernel;
    this.queryScratch = queryScratch;
    this.deleter = new HeadDeleter(kernel, ingestScratch, readLogChunk);
  }

  /**
   * The refs of the head's series that satisfy one of the sets. Also of those that have no samples in memory: the
   * log may still hold what blocks hold, and replay must hear of the deletion.
   */
  select(sets: DeletionRequest["sets"]): Uint32Array {
    return selectRefs(this.kernel, this.queryScratch, sets);
  }

  /**
   * Deletes from the head, for good. No request may be under way. Null: the heap is full, and part of it is not done.
   * The records are to be committed: until then the chunks that were written anew cannot leave memory.
   */
  deleteFromHead(entries: readonly TombstoneEntry[]): RewrittenChunks | null {
    const done = this.deleter.run(entries);
    const chunks = this.deleter.finish();
    return done ? chunks : null;
  }
}

/**
 * Writes the tombstones of every block that has samples to delete: durable on return. Blocks that are replaced and
 * not removed yet get theirs as well: they serve again should their successor be lost. A damaged block is moved
 * aside; returns those. Nothing else may write or merge blocks meanwhile.
 */
export function deleteFromBlocks(
  fs: FileSystem,
  dir: string,
  { sets, mint, maxt }: DeletionRequest,
): DamagedBlock[] {
  const cache = new PageCache(CACHE_BYTES);
  const damaged: DamagedBlock[] = [];
  for (const meta of listBlocks(fs, dir).metas) {
    if (meta.minTime > maxt || meta.maxTime <= mint) continue;
    try {
      const block = openBlock(fs, `${dir}/${meta.ulid}`, cache);
      try {
        for (const set of sets) block.deleteSeries(set, mint, maxt);
      } finally {
        block.close();
      }
    } catch (error) {
      const broken = error instanceof CorruptionError ? damagedBlockOf(dir, error) : null;
      if (broken === null) throw error;
      quarantineBlock(fs, dir, broken.ulid);
      damaged.push(broken);
    }
  }
  return damaged;
}
