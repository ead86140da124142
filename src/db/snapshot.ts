/** Snapshots: folders under `snapshots/` that a server, ours or Prometheus, can be pointed at. */
import type { Clock } from "../base/clock.js";
import { listBlocks, snapshotBlocks, supersededBlocks } from "../block/block-folder.js";
import { TMP_FOR_CREATION } from "../block/block-format.js";
import { newBlockUlid } from "../block/block-ulid.js";
import { writeHeadBlock } from "../compact/compactor.js";
import type { HeadReader } from "../head/head-reader.js";
import { headSnapshotSource } from "../head/head-snapshot.js";
import type { FileSystem } from "../io/file-system.js";
import type { Kernel } from "../kernel/kernel.js";
import { writeCheckpoint } from "./checkpoint.js";
import { LOG_FOLDER } from "./database.js";

const SNAPSHOTS_FOLDER = "snapshots";

/** What the head has, as blocks and a checkpoint of its series, metadata and exemplars. */
export interface SnapshotHead {
  readonly kernel: Kernel;
  readonly reader: HeadReader;
  /** The query scratch of both. */
  readonly scratch: number;
  readonly blockRangeMs: number;
  /** Log records of metadata and exemplars. */
  readonly others: readonly Uint8Array[];
}

/**
 * Makes the folder `name` under `snapshots/`: hard links of all blocks and, unless `head` is null, what the head has.
 * It is there as a whole or not at all, and durable on return. Nothing else may write or delete blocks meanwhile.
 */
export function takeSnapshot(
  fs: FileSystem,
  clock: Clock,
  dir: string,
  name: string,
  head: SnapshotHead | null,
  checkpoint: () => void,
): void {
  const { metas } = listBlocks(fs, dir);
  const replaced = new Set(supersededBlocks(metas).map(({ ulid }) => ulid));
  const ulids = metas.map(({ ulid }) => ulid).filter((ulid) => !replaced.has(ulid));
  fs.mkdir(`${dir}/${SNAPSHOTS_FOLDER}`);
  snapshotBlocks(fs, dir, ulids, `${dir}/${SNAPSHOTS_FOLDER}/${name}`, (folder) => {
    if (head !== null) addHead(fs, clock, folder, head, checkpoint);
  });
}

function addHead(
  fs: FileSystem,
  clock: Clock,
  folder: string,
  { kernel, reader, scratch, blockRangeMs, others }: SnapshotHead,
  checkpoint: () => void,
): void {
  const { minTime, maxTime } = reader.counts.measure(checkpoint);
  const newUlid = (): string => newBlockUlid(clock);
  for (
    let start = Math.floor(minTime / blockRangeMs) * blockRangeMs;
    start <= maxTime;
    start += blockRangeMs
  ) {
    const end = start + blockRangeMs;
    writeHeadBlock(headSnapshotSource(reader, start, end - 1), start, end, {
      fs,
      dir: folder,
      newUlid,
      checkpoint,
    });
  }
  const logDir = `${folder}/${LOG_FOLDER}`;
  fs.mkdir(logDir);
  writeCheckpoint(fs, logDir, 0, kernel, scratch, others, clock.nowMs());
}

/** Removes what a crash left of snapshots. */
export function removeSnapshotLeftovers(fs: FileSystem, dir: string): void {
  const folder = `${dir}/${SNAPSHOTS_FOLDER}`;
  if (!fs.exists(folder)) return;
  for (const name of fs.list(folder)) if (name.endsWith(TMP_FOR_CREATION)) fs.removeTree(`${folder}/${name}`);
}
