import { treeBytes } from "../block/block-folder.js";
import type { BlockMeta } from "../block/block-meta.js";
import type { FileSystem } from "../io/file-system.js";

export interface SizedBlock {
  readonly meta: BlockMeta;
  readonly bytes: number;
}

export interface RetentionLimits {
  /** A block all of whose samples are older than this, seen from `newestMs`, goes. 0: no limit. */
  readonly retentionMs: number;
  /** Blocks, log and head together hold no more than this; the oldest blocks go first. 0: no limit. */
  readonly retentionBytes: number;
  /** Time of the newest sample of the whole database. */
  readonly newestMs: number;
  /** Bytes of the log, which has the head's chunks, too. */
  readonly otherBytes: number;
}

/** Blocks of `dir` with the bytes of their files. */
export function sizedBlocks(fs: FileSystem, dir: string, metas: readonly BlockMeta[]): SizedBlock[] {
  return metas.map((meta) => ({ meta, bytes: treeBytes(fs, `${dir}/${meta.ulid}`) }));
}

/** The blocks that retention removes, oldest first. */
export function blocksBeyondRetention(blocks: readonly SizedBlock[], limits: RetentionLimits): BlockMeta[] {
  const newestFirst = [...blocks].sort((a, b) => b.meta.maxTime - a.meta.maxTime);
  const beyond = new Set<BlockMeta>();
  let bytes = limits.otherBytes;
  for (const block of newestFirst) {
    bytes += block.bytes;
    // The end of a block is exclusive: its newest sample is at least 1 ms older.
    const tooOld = limits.retentionMs > 0 && block.meta.maxTime <= limits.newestMs - limits.retentionMs;
    const tooMuch = limits.retentionBytes > 0 && bytes > limits.retentionBytes;
    if (tooOld || tooMuch) beyond.add(block.meta);
  }
  return [...beyond].sort((a, b) => a.minTime - b.minTime);
}
