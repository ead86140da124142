import type { CheckedDecoder } from "../chunk/checked-decoder.js";
import type { FileSystem } from "../io/file-system.js";
import {
  compareMetas,
  type DamagedBlock,
  damageOf,
  listBlocks,
  listQuarantine,
  type MissingBlock,
  missingBlock,
  QUARANTINE_FOLDER,
  supersededBlocks,
} from "./block-folder.js";
import type { BlockMeta } from "./block-meta.js";
import { type Block, openBlock } from "./block-reader.js";
import type { PageCache } from "./page-cache.js";

const RELOAD_ATTEMPTS_MAX = 10;

/**
 * The open blocks of a data folder, as one thread sees them. A block that is damaged or incomplete is named in
 * `damaged`, the others serve; a block is left out only where one that could be opened replaces it.
 */
export class BlockSet {
  /** Ascending by minTime. They may overlap in time. */
  blocks: readonly Block[] = [];
  damaged: readonly DamagedBlock[] = [];
  /** Those and the ones that lie aside: what is not served. */
  missing: readonly MissingBlock[] = [];
  /** Replaced by one of `blocks`: the compactor died before it removed them. */
  superseded: readonly BlockMeta[] = [];
  private readonly fs: FileSystem;
  private readonly dir: string;
  private readonly cache: PageCache;
  private readonly decoder: CheckedDecoder | null;
  /** Opened, and found damaged when they were read. */
  private readonly excluded = new Map<string, string>();

  constructor(fs: FileSystem, dir: string, cache: PageCache, decoder: CheckedDecoder | null = null) {
    this.fs = fs;
    this.dir = dir;
    this.cache = cache;
    this.decoder = decoder;
    this.reload();
  }

  /**
   * Takes up what changed in the folder: new blocks, removed ones, new tombstones. Blocks that stay keep their
   * object, so selections of them that are in use stay good; selections of blocks that went do not.
   */
  reload(): void {
    // A block that went after the listing was replaced by one that the listing may lack.
    for (let attempt = 1; !this.tryReload(attempt === RELOAD_ATTEMPTS_MAX); attempt++);
  }

  /** False, and nothing changed but tombstones, where a listed block went meanwhile. */
  private tryReload(last: boolean): boolean {
    const known = new Map(this.blocks.map((block) => [block.meta.ulid, block]));
    const { metas, damaged } = listBlocks(this.fs, this.dir);
    const unreadable: DamagedBlock[] = [...damaged];
    const found: Block[] = [];
    const opened: Block[] = [];
    for (const { ulid } of metas) {
      const excluded = this.excluded.get(ulid);
      if (excluded !== undefined) {
        unreadable.push({ ulid, reason: excluded });
        continue;
      }
      try {
        let block = known.get(ulid);
        if (block === undefined) {
          block = openBlock(this.fs, `${this.dir}/${ulid}`, this.cache, this.decoder);
          opened.push(block);
        } else block.reloadTombstones();
        found.push(block);
      } catch (error) {
        unreadable.push({ ulid, reason: damageOf(error) });
      }
    }
    // Asked last: of a block that has gone meanwhile, the tombstones may have been gone, too, when they were read.
    if (!last && [...metas, ...damaged].some(({ ulid }) => !this.fs.exists(`${this.dir}/${ulid}`))) {
      for (const block of opened) block.close();
      return false;
    }
    this.superseded = supersededBlocks(found.map((block) => block.meta));
    const replaced = new Set(this.superseded.map((meta) => meta.ulid));
    const serving = found.filter((block) => !replaced.has(block.meta.ulid));
    for (const block of [...known.values(), ...opened]) if (!serving.includes(block)) block.close();
    this.blocks = serving.sort((a, b) => compareMetas(a.meta, b.meta));
    this.damaged = unreadable;
    const { fs, dir } = this;
    const aside = `${dir}/${QUARANTINE_FOLDER}`;
    this.missing = [
      ...unreadable.map(({ ulid, reason }) => missingBlock(fs, dir, ulid, reason)),
      ...this.quarantined().map((ulid) => missingBlock(fs, aside, ulid, "moved aside")),
    ];
    return true;
  }

  /** Leaves a block out from now on: what was read of it is damaged. Blocks that it replaces serve again. */
  exclude({ ulid, reason }: DamagedBlock): void {
    this.excluded.set(ulid, reason);
    this.reload();
  }

  /** The blocks that may hold samples of [mint, maxt]. */
  overlapping(mint: number, maxt: number): Block[] {
    return this.blocks.filter((block) => block.overlaps(mint, maxt));
  }

  /** Names of the blocks that were moved aside because they were damaged. */
  quarantined(): string[] {
    return listQuarantine(this.fs, this.dir);
  }

  close(): void {
    for (const block of this.blocks) block.close();
    this.blocks = [];
  }
}
