import type { FileSystem } from "../io/file-system.js";
import { compareMetas, type DamagedBlock, damageOf, listBlocks, supersededBlocks } from "./block-folder.js";
import type { BlockMeta } from "./block-meta.js";
import { type Block, openBlock } from "./block-reader.js";
import type { PageCache } from "./page-cache.js";

/**
 * The open blocks of a data folder, as one thread sees them. A block that is damaged or incomplete is named in
 * `damaged`, the others serve; a block is left out only where one that could be opened replaces it.
 */
export class BlockSet {
  /** Ascending by minTime. They may overlap in time. */
  blocks: readonly Block[] = [];
  damaged: readonly DamagedBlock[] = [];
  /** Replaced by one of `blocks`: the compactor died before it removed them. */
  superseded: readonly BlockMeta[] = [];
  private readonly fs: FileSystem;
  private readonly dir: string;
  private readonly cache: PageCache;

  constructor(fs: FileSystem, dir: string, cache: PageCache) {
    this.fs = fs;
    this.dir = dir;
    this.cache = cache;
    this.reload();
  }

  /**
   * Takes up what changed in the folder: new blocks, removed ones, new tombstones. Blocks that stay keep their
   * object, so selections of them that are in use stay good; selections of blocks that went do not.
   */
  reload(): void {
    const known = new Map(this.blocks.map((block) => [block.meta.ulid, block]));
    const { metas, damaged } = listBlocks(this.fs, this.dir);
    const unreadable: DamagedBlock[] = [...damaged];
    const opened: Block[] = [];
    for (const meta of metas) {
      const block = known.get(meta.ulid);
      known.delete(meta.ulid);
      try {
        block?.reloadTombstones();
        opened.push(block ?? openBlock(this.fs, `${this.dir}/${meta.ulid}`, this.cache));
      } catch (error) {
        block?.close();
        unreadable.push({ ulid: meta.ulid, reason: damageOf(error) });
      }
    }
    this.superseded = supersededBlocks(opened.map((block) => block.meta));
    const replaced = new Set(this.superseded.map((meta) => meta.ulid));
    for (const block of known.values()) block.close();
    for (const block of opened) if (replaced.has(block.meta.ulid)) block.close();
    this.blocks = opened
      .filter((block) => !replaced.has(block.meta.ulid))
      .sort((a, b) => compareMetas(a.meta, b.meta));
    this.damaged = unreadable;
  }

  /** The blocks that may hold samples of [mint, maxt]. */
  overlapping(mint: number, maxt: number): Block[] {
    return this.blocks.filter((block) => block.overlaps(mint, maxt));
  }

  close(): void {
    for (const block of this.blocks) block.close();
    this.blocks = [];
  }
}
