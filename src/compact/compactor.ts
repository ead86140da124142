import { assert } from "../base/assert.js";
import { deleteBlock } from "../block/block-folder.js";
import type { BlockMeta } from "../block/block-meta.js";
import { type Block, openBlock } from "../block/block-reader.js";
import { writeBlock } from "../block/block-writer.js";
import { PageCache } from "../block/page-cache.js";
import { readTombstones, type Tombstones } from "../block/tombstones.js";
import type { FileSystem } from "../io/file-system.js";
import type { ChunkSeriesSource } from "../storage/chunk-series.js";
import { VERBATIM_LIMITS } from "./merge-chunks.js";
import { mergeSources } from "./merge-sources.js";

export interface CompactorOptions {
  readonly fs: FileSystem;
  /** The folder of the blocks. */
  readonly dir: string;
  readonly newUlid: () => string;
  /**
   * Called before every series: the place to wait for the machine to be idle, or to throw in order to end the
   * work, which then leaves everything as it was.
   */
  readonly checkpoint?: () => void;
  /** Page cache for reading the blocks; default 8 MiB. */
  readonly cacheBytes?: number;
}

/** Tombstones were added while blocks were merged: the merge is thrown away and may be tried again. */
export class TombstonesChangedError extends Error {
  override readonly name = "TombstonesChangedError";
}

const CACHE_BYTES = 8 * 1024 * 1024;

/**
 * Writes the samples of the head in [mint, maxTime) (maxTime exclusive, milliseconds) into a level-1 block.
 * Chunks pass as they are unless they overlap. Null where there are none. The block is durable on return; only
 * then may the head drop those samples.
 */
export function writeHeadBlock(
  head: ChunkSeriesSource,
  minTime: number,
  maxTime: number,
  options: CompactorOptions,
): BlockMeta | null {
  const source = mergeSources([head], { mint: minTime, maxt: maxTime - 1, limits: VERBATIM_LIMITS });
  return writeBlock(options.fs, options.dir, source, {
    ulid: options.newUlid(),
    minTime,
    maxTime,
    ...(options.checkpoint === undefined ? {} : { checkpoint: options.checkpoint }),
  });
}

/**
 * Merges blocks into one that replaces them, deleted samples left out; one block: writes it anew without them.
 * Returns the new block, null where no sample was left.
 *
 * Crash safety: the new block names its parents. Until it has its own name the parents are all there is; from
 * then on every reader leaves the parents out, whether they were removed yet or not.
 * Throws CorruptionError where a block is damaged; nothing was changed then.
 */
export function compactBlocks(metas: readonly BlockMeta[], options: CompactorOptions): BlockMeta | null {
  assert(metas.length > 0, "something to compact");
  const { fs, dir } = options;
  const cache = new PageCache(options.cacheBytes ?? CACHE_BYTES);
  const blocks: Block[] = [];
  let written: BlockMeta | null;
  try {
    for (const meta of metas) blocks.push(openBlock(fs, `${dir}/${meta.ulid}`, cache));
    written = writeMerged(blocks, options);
  } finally {
    for (const block of blocks) block.close();
  }
  for (const meta of metas) deleteBlock(fs, dir, meta.ulid);
  return written;
}

function writeMerged(blocks: readonly Block[], options: CompactorOptions): BlockMeta | null {
  const { fs, dir } = options;
  const metas = blocks.map((block) => block.meta);
  const source = mergeSources(blocks.map((block) => block.chunkSeries()));
  const hints = metas.every((meta) => meta.compaction.hints.includes(OUT_OF_ORDER_HINT))
    ? [OUT_OF_ORDER_HINT]
    : [];
  const checkTombstones = (): void => {
    for (const block of blocks) {
      if (!sameTombstones(readTombstones(fs, block.dir), block.tombstones))
        throw new TombstonesChangedError();
    }
  };
  const written = writeBlock(fs, dir, source, {
    ulid: options.newUlid(),
    minTime: Math.min(...metas.map((meta) => meta.minTime)),
    maxTime: Math.max(...metas.map((meta) => meta.maxTime)),
    level: Math.max(...metas.map((meta) => meta.compaction.level)) + 1,
    sources: [...new Set(metas.flatMap((meta) => meta.compaction.sources))].sort(),
    parents: metas.map(({ ulid, minTime, maxTime }) => ({ ulid, minTime, maxTime })),
    hints,
    beforePublish: checkTombstones,
    ...(options.checkpoint === undefined ? {} : { checkpoint: options.checkpoint }),
  });
  if (written === null) checkTombstones();
  return written;
}

const OUT_OF_ORDER_HINT = "from-out-of-order";

function sameTombstones(a: Tombstones, b: Tombstones): boolean {
  if (a.size !== b.size) return false;
  for (const [ref, intervals] of a) {
    const others = b.get(ref);
    if (others === undefined || others.length !== intervals.length) return false;
    for (let i = 0; i < others.length; i++) {
      if (others[i].mint !== intervals[i].mint || others[i].maxt !== intervals[i].maxt) return false;
    }
  }
  return true;
}
