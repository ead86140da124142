import type { Clock } from "../base/clock.js";
import { MERGE_TABLE_BYTES } from "../head/merge-table.js";
import type { FileSystem } from "../io/file-system.js";
import type { SharedMemoryOptions } from "../kernel/shared-memory.js";
import type { Durability } from "../wal/group-commit.js";

/** What a database is opened with. Sizes in bytes, times in milliseconds. */
export interface DatabaseOptions {
  readonly fs: FileSystem;
  readonly clock: Clock;
  /** The data folder; made where it is absent. */
  readonly dir: string;
  readonly durability: Durability;
  readonly ingestThreads: number;
  readonly queryThreads: number;
  readonly headMemoryLimitBytes: number;
  readonly outOfOrderWindowMs: number;
  readonly retentionMs: number;
  readonly seriesMax: number;
  readonly labelsPerSeriesMax: number;
  readonly labelNameBytesMax: number;
  readonly labelValueBytesMax: number;
  readonly segmentBytesMax: number;
  readonly chunkSamplesMax: number;
  /** Span of the head's blocks, a multiple of one second. */
  readonly blockRangeMs: number;
  /** Two words of chance for the hash of label sets. */
  readonly hashSeed: readonly [number, number];
}

const KIB = 1024;
const MIB: number = 1024 * KIB;
/** Most requests are under 256 KiB; a few large ones at a time may be read and decoded. */
const SLOTS: SharedMemoryOptions["slots"] = [
  { bytes: 256 * KIB, count: 128 },
  { bytes: 4 * MIB, count: 12 },
  { bytes: 32 * MIB + 64 * KIB, count: 2 },
];
/** Refs are never used twice in a process: room for churn beyond the live series. */
const SERIES_ROOM = 4 << 20;

export function sharedMemoryOptions(options: DatabaseOptions): SharedMemoryOptions {
  return {
    // one more of each for maintenance
    ingestThreads: options.ingestThreads + 1,
    queryThreads: options.queryThreads + 1,
    seriesMax: Math.max(SERIES_ROOM, Math.min(2 * options.seriesMax, 4 * SERIES_ROOM)),
    seriesLimit: options.seriesMax,
    memoryLimitBytes: options.headMemoryLimitBytes,
    labelsPerSeriesMax: options.labelsPerSeriesMax,
    labelNameBytesMax: options.labelNameBytesMax,
    labelValueBytesMax: options.labelValueBytesMax,
    outOfOrderWindowMs: options.outOfOrderWindowMs,
    chunkSamplesMax: options.chunkSamplesMax,
    blockRangeSeconds: options.blockRangeMs / 1000,
    slots: SLOTS,
    hashSeed: options.hashSeed,
    mergeBytes: MERGE_TABLE_BYTES,
  };
}
