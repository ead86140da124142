/** A database in this process, on any disk: one ingest thread and one query thread, both this one. */
import * as assert from "node:assert/strict";
import { BlockSet } from "../../dist/block/block-set.js";
import { PageCache } from "../../dist/block/page-cache.js";
import { CheckedDecoder } from "../../dist/chunk/checked-decoder.js";
import { Database, openLogChunks } from "../../dist/db/database.js";
import { IngestThread } from "../../dist/db/ingest-thread.js";
import { MaintenanceThread } from "../../dist/db/maintenance.js";
import type { IngestOutcome } from "../../dist/db/outcome.js";
import { StoredQueryable } from "../../dist/db/stored-queryable.js";
import { HeadReader } from "../../dist/head/head-reader.js";
import type { ReplaySummary } from "../../dist/head/replay.js";
import type { FileSystem } from "../../dist/io/file-system.js";
import { SampleColumns } from "../../dist/storage/columns.js";
import type { Queryable } from "../../dist/storage/queryable.js";
import type { DeletionRequest } from "../../dist/wal/cold-records.js";
import { deleteSeries } from "../../dist/workers/delete-series.js";
import type { FakeClock } from "./fake-clock.js";
import { encodeRequestV1, encodeRequestV2, snappyCompress, type WireSeries } from "./remote-write.js";
import { bitsOf, putSignallingNaNs } from "./signalling-nan.js";

export const DATA_DIR = "/data";
/** Small enough that series push each other out. */
const CACHE_BYTES = 1 << 16;

export interface LocalDatabaseOptions {
  readonly chunkSamplesMax?: number;
  readonly segmentBytesMax?: number;
  readonly seriesMax?: number;
  /** Instances of the kernel that requests may be given to, all on this thread. */
  readonly ingestThreads?: number;
  readonly headMemoryLimitBytes?: number;
  readonly outOfOrderWindowMs?: number;
  readonly retentionMs?: number;
  readonly labelsPerSeriesMax?: number;
  readonly labelNameBytesMax?: number;
  readonly labelValueBytesMax?: number;
  readonly blockRangeMs?: number;
  readonly retentionBytes?: number;
}

export interface LocalAnswer {
  readonly status: number;
  readonly message: string;
  readonly outcome: IngestOutcome;
}

/** A request whose samples readers see already, on its way to the log. */
export interface Started {
  readonly outcome: IngestOutcome;
  /** To be called once: submits the records, and resolves when they are durable or refused. */
  commit(): Promise<LocalAnswer>;
}

/** Every value of a series by its timestamp, as bits; histograms as their JSON. */
export type StoredSeries = Map<number, string>;

export class LocalDatabase {
  readonly database: Database;
  readonly replayed: ReplaySummary;
  private readonly threads: readonly IngestThread[];
  private readonly fs: FileSystem;
  private readonly clock: FakeClock;
  private readonly blockRangeMs: number;
  private readonly retentionBytes: number;
  private readonly freeSlots: number[];
  private readonly slotBytes: number;
  private maintenanceThread: MaintenanceThread | null = null;
  private underWay = 0;
  private whenDone: (() => void) | null = null;
  private gate: Promise<void> = Promise.resolve();
  /** What query thread 0 sees of the head alone. */
  readonly head: HeadReader;
  private stored: StoredQueryable | null = null;
  private storedOf = "";

  /** Opens, replays and is ready to write. */
  constructor(fs: FileSystem, clock: FakeClock, options: LocalDatabaseOptions = {}) {
    this.fs = fs;
    this.clock = clock;
    this.blockRangeMs = options.blockRangeMs ?? 7_200_000;
    this.retentionBytes = options.retentionBytes ?? 0;
    const { ingestThreads = 1, retentionMs = 15 * 24 * 3_600_000 } = options;
    this.database = Database.open({
      fs,
      clock,
      dir: DATA_DIR,
      durability: "fsync",
      ingestThreads,
      queryThreads: 1,
      headMemoryLimitBytes: options.headMemoryLimitBytes ?? 64 << 20,
      outOfOrderWindowMs: options.outOfOrderWindowMs ?? 24 * 3_600_000,
      retentionMs,
      seriesMax: options.seriesMax ?? 100_000,
      labelsPerSeriesMax: options.labelsPerSeriesMax ?? 64,
      labelNameBytesMax: options.labelNameBytesMax ?? 1024,
      labelValueBytesMax: options.labelValueBytesMax ?? 4096,
      segmentBytesMax: options.segmentBytesMax ?? 128 << 20,
      chunkSamplesMax: options.chunkSamplesMax ?? 120,
      blockRangeMs: this.blockRangeMs,
      hashSeed: [1, 2],
    });
    this.replayed = this.database.replay();
    this.database.begin(this.replayed);
    const { shared, logDir } = this.database;
    const readLogChunk = openLogChunks(fs, logDir);
    this.threads = shared.ingestScratch.map(
      (_, i) => new IngestThread(shared, i, { clock, retentionMs, readLogChunk }),
    );
    this.head = new HeadReader(shared, 0, readLogChunk);
    const { at, bytes, count } = shared.slotRegions[0];
    this.freeSlots = Array.from({ length: count }, (_, i) => at + i * bytes);
    this.slotBytes = bytes;
  }

  /** As a request over HTTP: answered when its records are durable. */
  async write(body: Uint8Array, protocol: 1 | 2): Promise<LocalAnswer> {
    await this.gate;
    return this.start(body, protocol).commit();
  }

  /** The part of a request that ingest thread `thread` does. */
  start(body: Uint8Array, protocol: 1 | 2, thread = 0): Started {
    const slot = this.freeSlots.pop();
    if (slot === undefined) throw new Error("all slots are taken");
    const outcome = this.ingest(slot, body, protocol, thread);
    this.underWay++;
    const commit = (): Promise<LocalAnswer> =>
      new Promise((resolve) =>
        this.database.commit(outcome, (error) => {
          this.freeSlots.push(slot);
          if (--this.underWay === 0) this.whenDone?.();
          const { status, message } = outcome;
          resolve(
            error === null ? { status, message, outcome } : { status: 503, message: error.message, outcome },
          );
        }),
      );
    return { outcome, commit };
  }

  writeSeries(series: readonly WireSeries[], protocol: 1 | 2 = 1): Promise<LocalAnswer> {
    return this.write(requestBody(series, protocol), protocol);
  }

  /** What a dry run of these series says. */
  probe(series: readonly WireSeries[], protocol: 1 | 2 = 1): ReturnType<IngestThread["probe"]> {
    const body = requestBody(series, protocol);
    const slot = this.freeSlots.at(-1) ?? 0;
    new Uint8Array(this.database.shared.memory.buffer).set(body, slot);
    return this.threads[0].probe(slot, body.length, protocol);
  }

  /** What query thread 0 evaluates against: the head and the blocks that are there now. */
  queryable(): Queryable {
    const blocks = new BlockSet(
      this.fs,
      DATA_DIR,
      new PageCache(1 << 20),
      new CheckedDecoder(this.head.kernel, this.head.scratch),
    );
    const ulids = blocks.blocks
      .map(({ meta, tombstones }) => `${meta.ulid} ${JSON.stringify([...tombstones])}`)
      .join();
    // As in a query thread, what was decoded is kept until the blocks change.
    if (this.stored === null || this.storedOf !== ulids) {
      this.stored = new StoredQueryable(blocks.blocks, this.head, CACHE_BYTES);
      this.storedOf = ulids;
    }
    return this.stored;
  }

  /**
   * What the maintenance thread does when a range is over. No request may be under way. Returns how many series
   * left the head.
   */
  maintain(endMs: number): number {
    const { database, maintenance: thread } = this;
    const current = database.log.segment;
    if (thread.compactHead(endMs, database.log.end).length > 0) {
      thread.dropHead();
      database.kernel.exports.sweepEvictionQueue();
    }
    const left = this.dropEnded(thread, endMs);
    const last = database.lastSegmentBefore(endMs, current);
    if (last > 0) {
      thread.truncateLog(last, database.sideRecords());
      database.forgetSegments(last);
    }
    while (thread.maintain(database.newestMs).kind !== "idle");
    return left;
  }

  /** The maintenance thread, on this one. */
  get maintenance(): MaintenanceThread {
    const { database, fs, clock, blockRangeMs } = this;
    this.maintenanceThread ??= new MaintenanceThread(database.shared, {
      fs,
      clock,
      dir: DATA_DIR,
      logDir: database.logDir,
      blockRangeMs,
      retentionMs: 0,
      retentionBytes: this.retentionBytes,
      checkpoint: () => {},
    });
    return this.maintenanceThread;
  }

  /** As the server does it, between writes that wait meanwhile. */
  deleteSeries(request: DeletionRequest): Promise<void> {
    const { maintenance } = this;
    return deleteSeries(
      this.database,
      {
        whilePaused: (work) => this.whilePaused(work),
        select: async (sets) => maintenance.deletion.select(sets),
        deleteFromHead: async (entries) => maintenance.deletion.deleteFromHead(entries),
        deleteFromBlocks: async (blocks) => void maintenance.deleteFromBlocks(blocks),
      },
      request,
    );
  }

  private async whilePaused<T>(work: () => Promise<T>): Promise<T> {
    let resume = (): void => {};
    this.gate = new Promise((resolve) => {
      resume = resolve;
    });
    if (this.underWay > 0) {
      await new Promise<void>((resolve) => {
        this.whenDone = resolve;
      });
      this.whenDone = null;
    }
    return work().finally(resume);
  }

  private dropEnded(thread: MaintenanceThread, borderMs: number): number {
    const { database } = this;
    const pinned = database.pinnedRefs();
    if (!thread.prepareIndex(borderMs, pinned)) return 0;
    this.whilePrepared();
    if (!thread.replaceIndex(pinned)) return 0;
    const dropped = thread.buryEnded();
    database.releaseDropped(dropped, database.log.segment);
    return dropped.refs.length;
  }

  /** Called while an index without ended series is ready and not yet in use. */
  whilePrepared: () => void = () => {};

  /** Everything stored, by the printed label set. */
  contents(): Map<string, StoredSeries> {
    const queryable = this.queryable();
    const everything = [{ name: "__name__", op: "!=", value: "" } as const];
    const [mint, maxt] = [-8.64e15, 8.64e15];
    const found = queryable.select(everything, mint, maxt);
    const columns = new SampleColumns();
    const contents = new Map<string, StoredSeries>();
    for (let i = 0; i < found.count; i++) {
      found.read(i, mint, maxt, columns);
      const series: StoredSeries = new Map();
      for (let j = 0; j < columns.count; j++) {
        const histogram = columns.histograms?.[j];
        const bits = `${columns.valueWords[2 * j + 1].toString(16)}:${columns.valueWords[2 * j].toString(16)}`;
        series.set(columns.timestamps[j], histogram === undefined ? bits : `count ${histogram.count}`);
      }
      assert.equal(series.size, columns.count, `${found.labels(i)}: a sample is there twice`);
      contents.set(found.labels(i).toString(), series);
    }
    return contents;
  }

  close(): Promise<void> {
    return this.database.close();
  }

  private ingest(slot: number, body: Uint8Array, protocol: 1 | 2, thread: number): IngestOutcome {
    assert.ok(body.length <= this.slotBytes);
    new Uint8Array(this.database.shared.memory.buffer).set(body, slot);
    return this.threads[thread].ingest(slot, body.length, this.slotBytes, protocol);
  }
}

/** A request's body as it would come over HTTP. */
export function requestBody(series: readonly WireSeries[], protocol: 1 | 2): Uint8Array {
  const message = protocol === 1 ? encodeRequestV1(series) : encodeRequestV2(series);
  return snappyCompress(putSignallingNaNs(message));
}

/** How `contents` spells a value. */
export const valueBits: (value: number) => string = bitsOf;
