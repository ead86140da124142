import type { FileSystem } from "../io/file-system.js";
import { type DamagedBlock, listBlocks, supersededBlocks } from "./block-folder.js";
import type { BlockMeta } from "./block-meta.js";
import { type BlockVerification, verifyBlock } from "./verify-block.js";

export interface FolderVerification {
  readonly blocks: readonly { readonly meta: BlockMeta; readonly verification: BlockVerification }[];
  /** Blocks without a readable meta.json. */
  readonly damaged: readonly DamagedBlock[];
  /** Half written or half removed folders. Harmless; removed at the next start. */
  readonly leftovers: readonly string[];
  /** Replaced by another block of the folder. Harmless; removed at the next start. */
  readonly superseded: readonly string[];
  /** Pairs of blocks that overlap in time. Harmless; merged by the next compaction. */
  readonly overlapping: readonly (readonly [string, string])[];
}

/** Verifies every block in `dir`. `visit` is called before each one. */
export function verifyFolder(
  fs: FileSystem,
  dir: string,
  visit: (meta: BlockMeta) => void = () => {},
): FolderVerification {
  const { metas, damaged, leftovers } = listBlocks(fs, dir);
  const superseded = supersededBlocks(metas).map((meta) => meta.ulid);
  const blocks = metas.map((meta) => {
    visit(meta);
    return { meta, verification: verifyBlock(fs, `${dir}/${meta.ulid}`) };
  });
  const live = metas.filter((meta) => !superseded.includes(meta.ulid));
  const overlapping: [string, string][] = [];
  live.forEach((meta, i) => {
    // Ascending by minTime: all that begin before this one ends overlap it.
    for (const other of live.slice(i + 1)) {
      if (other.minTime < meta.maxTime) overlapping.push([meta.ulid, other.ulid]);
    }
  });
  return { blocks, damaged, leftovers, superseded, overlapping };
}
