/**
 * The database as the main thread has it: memory, log and what hangs on both. Ingest and query threads join it
 * with the plain data of `shared` (`IngestThread`, `openQueryable`); in one process everything may be called
 * from the same thread, as the embedded harness and the crash tests do.
 */

import { type DroppedSeries, SpareRefs } from "../head/ended-series.js";
import { HeadReader } from "../head/head-reader.js";
import { decodeLabels } from "../head/label-bytes.js";
import { MergeTable } from "../head/merge-table.js";
import type { ReplaySummary } from "../head/replay.js";
import { SeriesLog } from "../head/series-log.js";
import type { FileSystem } from "../io/file-system.js";
import { LockFile } from "../io/lock-file.js";
import * as L from "../kernel/assembly/layout.js";
import { Kernel } from "../kernel/kernel.js";
import { createSharedMemory, type SharedMemory } from "../kernel/shared-memory.js";
import type { Labels } from "../model/labels.js";
import type { Queryable } from "../storage/queryable.js";
import {
  type DeletionRequest,
  decodeExemplars,
  decodeMetadata,
  encodeDeletion,
  encodeExemplars,
  encodeMetadata,
  encodeTombstones,
  type TombstoneEntry,
} from "../wal/cold-records.js";
import { GroupCommit, type LogStatus } from "../wal/group-commit.js";
import {
  CHUNK_PREFIX_BYTES,
  encodeRecord,
  RECORD_HEADER_BYTES,
  RecordType,
  recordBytes,
  recordPayloadBytesAt,
  recordTypeAt,
} from "../wal/record-format.js";
import { RecordReader } from "../wal/segments.js";
import { newestCheckpoint } from "./checkpoint.js";
import { readCompactedMark } from "./compacted-mark.js";
import { mergeRecords } from "./merge-path.js";
import { type DatabaseOptions, sharedMemoryOptions } from "./options.js";
import type { IngestOutcome } from "./outcome.js";
import { replayDatabaseLog } from "./replay-log.js";
import { ExemplarStore, MetadataStore } from "./side-stores.js";

/** Heap shares of the memory limit: above the first, chunks that lie in the log leave down to the second. */
const EVICT_ABOVE = 0.8;
const EVICT_TO = 0.75;

/** Not Prometheus' "wal": a Prometheus started on the folder must not take our segments for its own. */
export const LOG_FOLDER = "varve-wal";
const LOCK_NAME = "lock";

export class Database {
  readonly shared: SharedMemory;
  readonly kernel: Kernel;
  readonly metadata: MetadataStore = new MetadataStore();
  readonly exemplars: ExemplarStore = new ExemplarStore();
  readonly merges: MergeTable;
  readonly logDir: string;
  evictedBytes = 0;
  /** Time of the newest sample ever acknowledged. */
  newestMs: number = Number.NEGATIVE_INFINITY;
  private readonly segmentNewestMs = new Map<number, number>();
  private readonly options: DatabaseOptions;
  /** Null: opened for reading only. */
  private readonly lock: LockFile | null;
  private commits: GroupCommit | null = null;
  private spareRefs: SpareRefs | null = null;

  private constructor(options: DatabaseOptions, lock: LockFile | null) {
    this.options = options;
    this.lock = lock;
    this.logDir = `${options.dir}/${LOG_FOLDER}`;
    this.shared = createSharedMemory(sharedMemoryOptions(options));
    this.kernel = Kernel.openFirst(this.shared);
    this.merges = new MergeTable(this.shared.merges);
  }

  /** Takes the folder's lock (RefusalError "unavailable" where another process has it) and reserves the memory. */
  static open(options: DatabaseOptions): Database {
    options.fs.mkdir(options.dir);
    const lock = LockFile.acquire(options.fs, `${options.dir}/${LOCK_NAME}`, options.clock);
    try {
      return new Database(options, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Opens the folder without its lock, and without writing anything: `replay` and `beginReadOnly` are all that may
   * follow. Another process may be writing to it: what it does later is seen in blocks only.
   */
  static openReadOnly(options: DatabaseOptions): Database {
    return new Database(options, null);
  }

  /** Rebuilds the head on this thread. Elsewhere: `replayDatabaseLog`; then `begin` with what it returned. */
  replay(progress?: (bytesDone: number, bytesTotal: number) => void): ReplaySummary {
    return replayDatabaseLog(this.shared, this.options.fs, this.logDir, progress, this.lock === null);
  }

  /** Takes up what was replayed, for reading. */
  beginReadOnly(replayed: ReplaySummary): void {
    for (const entry of replayed.metadata) this.metadata.put(entry);
    for (const entry of replayed.exemplars) this.exemplars.put(entry);
    for (const [segment, newestMs] of replayed.segmentNewestMs) this.saw(segment, newestMs);
  }

  /** Opens the log for writing behind what was replayed. */
  begin(replayed: ReplaySummary, onStatus?: (status: LogStatus) => void): void {
    this.beginReadOnly(replayed);
    const { fs, clock, durability, segmentBytesMax } = this.options;
    const prologue = new SeriesLog(this.kernel);
    this.commits = new GroupCommit(fs, this.logDir, {
      durability,
      clock,
      segmentBytesMax,
      firstSegment: this.coveredSegment() + 1,
      prologue,
      ...(onStatus === undefined ? {} : { onStatus }),
    });
    this.spareRefs = new SpareRefs(this.kernel, prologue, this.commits.segment);
    this.keepBelowLimit();
  }

  /** The last segment that a checkpoint or a compaction speaks of: no new one may be taken for it. */
  private coveredSegment(): number {
    const { fs } = this.options;
    const checkpoint = newestCheckpoint(fs, this.logDir)?.last ?? 0;
    return Math.max(checkpoint, readCompactedMark(fs, this.logDir)?.place.segment ?? 0);
  }

  get log(): GroupCommit {
    if (this.commits === null) throw new RangeError("the database is not open for writing yet");
    return this.commits;
  }

  /**
   * Makes an outcome's records durable, then calls `done`. The slot that may hold them is the caller's again
   * only then. `error` is set where nothing of it may be acknowledged.
   */
  commit(outcome: IngestOutcome, done: (error: Error | null) => void): void {
    const { recordAt, recordBytes: bytes, recordCap, closedChunks, cold } = outcome;
    const buffers: Uint8Array[] = [];
    if (bytes > 0) buffers.push(this.kernel.u8().subarray(recordAt, recordAt + bytes));
    if (cold !== null) buffers.push(cold);
    if (buffers.length === 0) return done(null);
    this.log.submit(buffers, (place, error) => {
      if (error === null) {
        if (place !== null) this.saw(place.segment, outcome.newestMs);
        if (closedChunks > 0 && place !== null) {
          this.kernel.exports.chunksLogged(recordAt + bytes, closedChunks, place.segment, place.offset);
        }
        if (cold !== null) this.learn(cold);
      } else this.kernel.exports.forgetMetadata();
      if (recordCap > 0) this.kernel.exports.free(recordAt, recordCap);
      this.kernel.exports.settleLiveBytes();
      this.keepBelowLimit();
      done(error);
    });
  }

  /**
   * Logs a deletion of what the log holds so far, by matchers: also of series that left the head because blocks hold
   * all of their samples. To be durable before `commitTombstones`.
   */
  commitDeletion(request: DeletionRequest): Promise<void> {
    return this.commitRecord(encodeRecord(RecordType.DELETION, encodeDeletion(request)));
  }

  /**
   * Logs what is then taken out of the head: replay takes `entries` away from what was logged before. No request
   * may be between head and log. Rejects where that is not durable.
   */
  commitTombstones(entries: readonly TombstoneEntry[]): Promise<void> {
    const record = encodeRecord(RecordType.TOMBSTONE, encodeTombstones(entries));
    return this.commitRecord(record).then(() => this.exemplars.delete(entries));
  }

  private commitRecord(record: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) =>
      this.log.submit([record], (_, error) => {
        this.kernel.exports.settleLiveBytes();
        if (error === null) resolve();
        else reject(error);
      }),
    );
  }

  /** Takes metadata and exemplars out of records that are durable now. */
  private learn(records: Uint8Array): void {
    for (let at = 0; at < records.length; at += recordBytes(recordPayloadBytesAt(records, at))) {
      const start = at + RECORD_HEADER_BYTES;
      const payload = records.subarray(start, start + recordPayloadBytesAt(records, at));
      const type = recordTypeAt(records, at);
      if (type === RecordType.METADATA) for (const entry of decodeMetadata(payload)) this.metadata.put(entry);
      if (type === RecordType.EXEMPLARS)
        for (const entry of decodeExemplars(payload)) this.exemplars.put(entry);
    }
  }

  private saw(segment: number, newestMs: number): void {
    if (newestMs > this.newestMs) this.newestMs = newestMs;
    const known = this.segmentNewestMs.get(segment) ?? Number.NEGATIVE_INFINITY;
    if (newestMs > known || !this.segmentNewestMs.has(segment)) this.segmentNewestMs.set(segment, newestMs);
  }

  /**
   * The last segment, below `current`, up to which every sample is older than `endMs`, 0 where there is none:
   * those that a block holds all of once the head was compacted up to there.
   */
  lastSegmentBefore(endMs: number, current: number): number {
    let last = 0;
    for (const segment of [...this.segmentNewestMs.keys()].sort((a, b) => a - b)) {
      if (segment >= current || (this.segmentNewestMs.get(segment) ?? 0) >= endMs) break;
      last = segment;
    }
    return last;
  }

  /** Series that something beside samples names: they must stay in the head. */
  pinnedRefs(): Uint32Array {
    return Uint32Array.from(this.exemplars.entries(), ({ ref }) => ref);
  }

  /** Frees what is left of series that ended, once no query runs that began before they were dropped. `segment`:
   * the newest of the log that may name them. */
  releaseDropped(dropped: DroppedSeries, segment: number): void {
    this.spareRefs?.release(dropped, segment);
  }

  /** Refs that have no series and wait until the log has forgotten the one they had. */
  get waitingRefs(): number {
    return this.spareRefs?.waitingCount ?? 0;
  }

  /** Segments up to `last` are gone, and a checkpoint stands for them. */
  forgetSegments(last: number): void {
    this.spareRefs?.truncated(last);
    for (const segment of this.segmentNewestMs.keys()) {
      if (segment <= last) this.segmentNewestMs.delete(segment);
    }
  }

  /** Metadata, exemplars and the values of merged series as log records, for a checkpoint. */
  sideRecords(): Uint8Array[] {
    const metadata = [...this.metadata.entries()].flatMap(([, entries]) => [...entries].reverse());
    const exemplars = [...this.exemplars.entries()];
    const records: Uint8Array[] = [];
    if (metadata.length > 0) records.push(encodeRecord(RecordType.METADATA, encodeMetadata(metadata)));
    if (exemplars.length > 0) records.push(encodeRecord(RecordType.EXEMPLARS, encodeExemplars(exemplars)));
    records.push(...mergeRecords([...this.merges.entries()]));
    return records;
  }

  private keepBelowLimit(): void {
    const limit = this.shared.memoryLimitBytes;
    if (this.kernel.liveBytes() > limit * EVICT_ABOVE)
      this.evictedBytes += this.kernel.exports.evict(limit * EVICT_TO);
  }

  /** The label set of a series that some record or exemplar names. */
  labelsOf(ref: number): Labels {
    const words = this.kernel.u32();
    const series = this.kernel.seriesAt(ref) >>> 2;
    const at = words[series + (L.S_LABELS >>> 2)];
    return decodeLabels(this.kernel.u8(), at, words[series + (L.S_LABELS_LEN >>> 2)]);
  }

  /** Bytes of address space that hold anything: the high-water mark of the heap. */
  heapTopBytes(): number {
    return this.kernel.u32()[(L.CTRL + L.C_HEAP_TOP) >>> 2];
  }

  /** Now and then: recovers a degraded log without senders, and keeps the lock's heartbeat. */
  tick(): void {
    this.commits?.probe();
    this.keepBelowLimit(); // above the limit requests are refused before they reach a commit
    this.lock?.refresh();
  }

  async close(): Promise<void> {
    await this.commits?.close();
    this.lock?.release();
  }
}

/** Reads chunks back from the log of `dir`, for any thread. */
export function openLogChunks(
  fs: FileSystem,
  logDir: string,
): (segment: number, offset: number) => Uint8Array {
  const reader = new RecordReader(fs, logDir);
  return (segment, offset) =>
    reader.readRecord(segment, offset, RecordType.CHUNK).subarray(CHUNK_PREFIX_BYTES);
}

/** The head alone, for query thread `index`. */
export function openQueryable(
  shared: SharedMemory,
  index: number,
  fs: FileSystem,
  logDir: string,
): Queryable {
  return new HeadReader(shared, index, openLogChunks(fs, logDir));
}
