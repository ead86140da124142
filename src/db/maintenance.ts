/** What the maintenance thread does: blocks out of the head, blocks into larger blocks, the log cut behind them. */
import { assert } from "../base/assert.js";
import type { Clock } from "../base/clock.js";
import {
  type DamagedBlock,
  deleteBlock,
  listBlocks,
  quarantineBlock,
  removeLeftovers,
} from "../block/block-folder.js";
import type { BlockMeta } from "../block/block-meta.js";
import { newBlockUlid } from "../block/block-ulid.js";
import { writeHeadBlock } from "../compact/compactor.js";
import { cleanOnce, type MaintenanceStep, maintainOnce } from "../compact/maintenance.js";
import { blocksBeyondRetention, sizedBlocks } from "../compact/retention.js";
import { type DroppedSeries, EndedSeries } from "../head/ended-series.js";
import { HeadCompactor } from "../head/head-compactor.js";
import { HeadReader } from "../head/head-reader.js";
import type { ReadLogChunk } from "../head/logged-chunks.js";
import type { FileSystem } from "../io/file-system.js";
import type { Kernel } from "../kernel/kernel.js";
import type { SharedMemory } from "../kernel/shared-memory.js";
import type { DeletionRequest } from "../wal/cold-records.js";
import { deleteSegments, type LogPlace, logFolderBytes } from "../wal/segments.js";
import { newestCheckpoint, removeOldCheckpoints, writeCheckpoint } from "./checkpoint.js";
import { writeCompactedMark } from "./compacted-mark.js";
import { openLogChunks } from "./database.js";
import { Deletion, deleteFromBlocks } from "./deletion.js";
import { removeSnapshotLeftovers, takeSnapshot } from "./snapshot.js";

export interface MaintenanceThreadOptions {
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly dir: string;
  readonly logDir: string;
  readonly blockRangeMs: number;
  /** 0: for ever. */
  readonly retentionMs: number;
  /** 0: no limit. */
  readonly retentionBytes: number;
  /** Called every few hundred series: may wait, or throw to end the work. */
  readonly checkpoint: () => void;
}

export class MaintenanceThread {
  private readonly options: MaintenanceThreadOptions;
  private readonly compactor: HeadCompactor;
  private readonly kernel: Kernel;
  private readonly scratch: number;
  private readonly ended: EndedSeries;
  readonly deletion: Deletion;
  private readonly shared: SharedMemory;
  private readonly readLogChunk: ReadLogChunk;
  private reader: HeadReader | null = null;
  /** True if the last `compactHead` left nothing behind that is older than its border. */
  private complete = false;

  constructor(shared: SharedMemory, options: MaintenanceThreadOptions) {
    this.options = options;
    const { fs, logDir, blockRangeMs, checkpoint } = options;
    const readLogChunk = openLogChunks(fs, logDir);
    this.compactor = new HeadCompactor(shared, blockRangeMs, readLogChunk, checkpoint);
    const scratch = shared.queryScratch.at(-1);
    assert(scratch !== undefined, "a query scratch for maintenance");
    this.scratch = scratch;
    this.kernel = this.compactor.kernel;
    this.ended = new EndedSeries(this.kernel, scratch);
    this.deletion = new Deletion(this.kernel, this.compactor.ingestScratch, scratch, readLogChunk);
    this.shared = shared;
    this.readLogChunk = readLogChunk;
    removeLeftovers(fs, options.dir);
    removeSnapshotLeftovers(fs, options.dir);
  }

  /**
   * Writes blocks of all that the head has before `endMs`, which lies on a border of block ranges. On return they
   * are durable; `dropHead` may follow once every reader knows them and no request is under way that began before.
   * `place`: the end of the log, or a place before it.
   */
  compactHead(endMs: number, place: LogPlace): BlockMeta[] {
    const { fs, dir, logDir, clock, checkpoint } = this.options;
    const metas: BlockMeta[] = [];
    this.complete = false;
    try {
      const sealed = this.compactor.seal(endMs);
      let start = this.compactor.firstRange(endMs);
      while (start < endMs) {
        const end = start + this.options.blockRangeMs;
        const newUlid = (): string => newBlockUlid(clock);
        const meta = writeHeadBlock(this.compactor.source(start), start, end, {
          fs,
          dir,
          newUlid,
          checkpoint,
        });
        if (meta !== null) metas.push(meta);
        this.keepSize();
        // Ranges mostly follow each other; behind a gap the next one is looked for. A chunk of a log that was
        // written with another range may cross this one: it stays in the head.
        start = meta !== null ? end : Math.max(end, this.compactor.firstRange(endMs));
      }
      const left = this.compactor.firstRange(endMs) !== Number.POSITIVE_INFINITY;
      this.complete = sealed && !left && !this.compactor.lacksChunks;
      if (this.complete && metas.length > 0) writeCompactedMark(fs, logDir, { endMs, place });
      return metas;
    } catch (error) {
      this.compactor.forget();
      throw error;
    }
  }

  dropHead(): void {
    this.compactor.drop();
  }

  /** Series without a sample in the head that had none since `borderMs`. */
  countEnded(borderMs: number): number {
    return this.ended.countEnded(borderMs);
  }

  /** They leave the head in three steps: see `EndedSeries` for what each may not run beside. */
  prepareIndex(borderMs: number, pinned: Uint32Array): boolean {
    return this.ended.prepare(borderMs, pinned);
  }

  replaceIndex(pinned: Uint32Array): boolean {
    return this.ended.replace(pinned);
  }

  buryEnded(): DroppedSeries {
    return this.ended.bury();
  }

  /**
   * Makes the log begin behind segment `last`. `others`: records of metadata and exemplars to keep. Does nothing
   * where the head still has what no block holds: memory was too short to close it, or a chunk crosses ranges.
   */
  truncateLog(last: number, others: readonly Uint8Array[]): number {
    if (!this.complete) return 0;
    const { fs, logDir, clock } = this.options;
    const before = newestCheckpoint(fs, logDir);
    if (before !== null && before.last >= last) return 0;
    writeCheckpoint(fs, logDir, last, this.kernel, this.scratch, others, clock.nowMs());
    const deleted = deleteSegments(fs, logDir, last);
    removeOldCheckpoints(fs, logDir, last);
    return deleted;
  }

  /** The blocks' part of a deletion (`deleteFromBlocks`). */
  deleteFromBlocks(request: DeletionRequest): DamagedBlock[] {
    return deleteFromBlocks(this.options.fs, this.options.dir, request);
  }

  /** Moves damaged blocks aside; those that went meanwhile are passed over. */
  quarantine(damaged: readonly DamagedBlock[]): void {
    const { fs, dir } = this.options;
    for (const { ulid } of damaged) if (fs.exists(`${dir}/${ulid}`)) quarantineBlock(fs, dir, ulid);
  }

  /** Makes the snapshot `name`; with what the head has unless `others`, records of metadata and exemplars, is null. */
  snapshot(name: string, others: readonly Uint8Array[] | null): void {
    const { fs, clock, dir, blockRangeMs, checkpoint } = this.options;
    const { kernel, scratch } = this;
    this.reader ??= new HeadReader(this.shared, this.shared.queryScratch.length - 1, this.readLogChunk);
    const reader = this.reader;
    const head = others === null ? null : { kernel, reader, scratch, blockRangeMs, others };
    takeSnapshot(fs, clock, dir, name, head, checkpoint);
  }

  /** Writes one block with tombstones anew; to be called again until it says "idle". */
  cleanTombstones(): MaintenanceStep {
    const { fs, dir, clock, checkpoint } = this.options;
    return cleanOnce({ fs, dir, newUlid: () => newBlockUlid(clock), checkpoint });
  }

  /** Removes the oldest blocks while all is larger than it may be: before another one is written. */
  private keepSize(): void {
    const { fs, dir, logDir, retentionBytes } = this.options;
    if (retentionBytes === 0) return;
    const limits = { retentionMs: 0, retentionBytes, newestMs: 0, otherBytes: logFolderBytes(fs, logDir) };
    const sized = sizedBlocks(fs, dir, listBlocks(fs, dir).metas);
    for (const { ulid } of blocksBeyondRetention(sized, limits)) deleteBlock(fs, dir, ulid);
  }

  /** One step of upkeep of the blocks; to be called again until it says "idle". */
  maintain(newestMs: number): MaintenanceStep {
    const { fs, dir, logDir, clock, checkpoint, retentionMs, retentionBytes, blockRangeMs } = this.options;
    const otherBytes = retentionBytes === 0 ? 0 : logFolderBytes(fs, logDir);
    return maintainOnce({
      fs,
      dir,
      newUlid: () => newBlockUlid(clock),
      checkpoint,
      retentionMs,
      retentionBytes,
      newestMs,
      otherBytes,
      blockRangeMs,
    });
  }
}
