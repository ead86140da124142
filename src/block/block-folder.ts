import { assert } from "../base/assert.js";
import { CorruptionError } from "../base/errors.js";
import type { FileSystem } from "../io/file-system.js";
import { isBlockName, TMP_FOR_CREATION, TMP_FOR_DELETION } from "./block-format.js";
import { type BlockMeta, readMeta } from "./block-meta.js";

/** Where damaged blocks are moved to; readers of the data folder pass over it. */
export const QUARANTINE_FOLDER = "quarantine";

export interface DamagedBlock {
  readonly ulid: string;
  readonly reason: string;
}

/** A block whose samples are not served: it is damaged, or was and lies aside. */
export interface MissingBlock extends DamagedBlock {
  /** Its samples lie in [minTime, maxTime), milliseconds; infinite where meta.json cannot be read. */
  readonly minTime: number;
  readonly maxTime: number;
}

/** What a data folder holds. */
export interface BlockListing {
  /** In the order of `compareMetas`. */
  readonly metas: readonly BlockMeta[];
  /** Blocks without a readable meta.json. */
  readonly damaged: readonly DamagedBlock[];
  /** Folders that a crash left half written or half removed. */
  readonly leftovers: readonly string[];
}

/** Lists the blocks in `dir` by their meta.json; one that cannot be read never hides the others. */
export function listBlocks(fs: FileSystem, dir: string): BlockListing {
  const metas: BlockMeta[] = [];
  const damaged: DamagedBlock[] = [];
  const leftovers: string[] = [];
  for (const name of fs.list(dir)) {
    if (name.endsWith(TMP_FOR_CREATION) || name.endsWith(TMP_FOR_DELETION)) leftovers.push(name);
    if (!isBlockName(name)) continue;
    try {
      metas.push(readMeta(fs, `${dir}/${name}`));
    } catch (error) {
      damaged.push({ ulid: name, reason: damageOf(error) });
    }
  }
  return { metas: metas.sort(compareMetas), damaged, leftovers };
}

/**
 * By time; of blocks that begin together the one with the oldest content first, for it wins where samples have the
 * same time: a block of late samples must not overrule the merged block that was there before.
 */
export function compareMetas(a: BlockMeta, b: BlockMeta): number {
  return a.minTime - b.minTime || (oldestSource(a) < oldestSource(b) ? -1 : 1);
}

function oldestSource({ ulid, compaction }: BlockMeta): string {
  return compaction.sources[0] ?? ulid;
}

/**
 * The reason in words if `error` means that a block is damaged or incomplete; any other error is thrown on: a
 * disk that fails to read says nothing about what it holds.
 */
export function damageOf(error: unknown): string {
  if (error instanceof CorruptionError) return error.message;
  const code = (error as { readonly code?: unknown }).code;
  if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") {
    return (error as Error).message;
  }
  throw error;
}

/** The block in `dir` whose file `error` complains of, null where it is none. */
export function damagedBlockOf(dir: string, error: CorruptionError): DamagedBlock | null {
  if (!error.file.startsWith(`${dir}/`)) return null;
  const ulid = error.file.slice(dir.length + 1).split("/", 1)[0];
  return isBlockName(ulid) ? { ulid, reason: error.message } : null;
}

/**
 * The blocks that another one of `metas` replaces: its parents and, should a crash have kept one of those longer
 * than its successor, every block all of whose sources went into a block of a higher level.
 */
export function supersededBlocks(metas: readonly BlockMeta[]): BlockMeta[] {
  return metas.filter((meta) => metas.some((other) => supersedes(other, meta)));
}

function supersedes(other: BlockMeta, meta: BlockMeta): boolean {
  if (other.ulid === meta.ulid) return false;
  if (other.compaction.parents.some((parent) => parent.ulid === meta.ulid)) return true;
  if (other.compaction.level <= meta.compaction.level || meta.compaction.sources.length === 0) return false;
  if (other.minTime > meta.minTime || other.maxTime < meta.maxTime) return false;
  const sources = new Set(other.compaction.sources);
  return meta.compaction.sources.every((source) => sources.has(source));
}

/** Removes a block: gone for every reader, also after a crash, from the moment its name is. */
export function deleteBlock(fs: FileSystem, dir: string, ulid: string): void {
  const doomed = `${dir}/${ulid}${TMP_FOR_DELETION}`;
  fs.removeTree(doomed);
  fs.rename(`${dir}/${ulid}`, doomed);
  fs.fsyncDirectory(dir);
  fs.removeTree(doomed);
}

/** Removes what a crash left. To be called while nothing writes or deletes blocks in `dir`. */
export function removeLeftovers(fs: FileSystem, dir: string): string[] {
  const { leftovers } = listBlocks(fs, dir);
  for (const name of leftovers) fs.removeTree(`${dir}/${name}`);
  return [...leftovers];
}

/** Moves a damaged block aside; returns where it lies now. */
export function quarantineBlock(fs: FileSystem, dir: string, ulid: string): string {
  const folder = `${dir}/${QUARANTINE_FOLDER}`;
  fs.mkdir(folder);
  const target = `${folder}/${ulid}`;
  fs.removeTree(target);
  fs.rename(`${dir}/${ulid}`, target);
  fs.fsyncDirectory(folder);
  fs.fsyncDirectory(dir);
  return target;
}

/** Names of the blocks that lie aside, oldest first. */
export function listQuarantine(fs: FileSystem, dir: string): string[] {
  const folder = `${dir}/${QUARANTINE_FOLDER}`;
  return fs.exists(folder) ? fs.list(folder).filter(isBlockName) : [];
}

/** What the block in `folder` is about, as far as its meta.json can be read. */
export function missingBlock(fs: FileSystem, folder: string, ulid: string, reason: string): MissingBlock {
  let range = { minTime: Number.NEGATIVE_INFINITY, maxTime: Number.POSITIVE_INFINITY };
  try {
    range = readMeta(fs, `${folder}/${ulid}`);
  } catch {
    // Nobody knows which samples were in it.
  }
  return { ulid, reason, minTime: range.minTime, maxTime: range.maxTime };
}

/** Bytes of all files below `path`. */
export function treeBytes(fs: FileSystem, path: string): number {
  const { bytes, directory } = fs.stat(path);
  if (!directory) return bytes;
  let total = 0;
  for (const name of fs.list(path)) total += treeBytes(fs, `${path}/${name}`);
  return total;
}

/**
 * Makes `target` a folder with the same blocks, by hard links: instant, and no space until the originals go.
 * Both on one disk. Blocks never change; their tombstones are replaced, not overwritten, so neither side sees
 * what is deleted from the other later. `add` puts more into the folder before it gets its name. Durable on return;
 * on an error nothing is left of it.
 */
export function snapshotBlocks(
  fs: FileSystem,
  dir: string,
  ulids: readonly string[],
  target: string,
  add: (folder: string) => void = () => {},
): void {
  assert(!fs.exists(target), "a snapshot goes into a new folder");
  const tmp = `${target}${TMP_FOR_CREATION}`;
  fs.removeTree(tmp);
  try {
    fs.mkdir(tmp);
    for (const ulid of ulids) linkTree(fs, `${dir}/${ulid}`, `${tmp}/${ulid}`);
    add(tmp);
    fs.fsyncDirectory(tmp);
    fs.rename(tmp, target);
    fs.fsyncDirectory(target.slice(0, Math.max(1, target.lastIndexOf("/"))));
  } catch (error) {
    fs.removeTree(tmp);
    throw error;
  }
}

function linkTree(fs: FileSystem, from: string, to: string): void {
  if (!fs.stat(from).directory) return fs.link(from, to);
  fs.mkdir(to);
  for (const name of fs.list(from)) linkTree(fs, `${from}/${name}`, `${to}/${name}`);
  fs.fsyncDirectory(to);
}
