/** A database in this process, on any disk: one ingest thread and one query thread, both this one. */
import * as assert from "node:assert/strict";
import { Database, openLogChunks, openQueryable } from "../../dist/db/database.js";
import { IngestThread } from "../../dist/db/ingest-thread.js";
import type { IngestOutcome } from "../../dist/db/outcome.js";
import type { ReplaySummary } from "../../dist/head/replay.js";
import type { FileSystem } from "../../dist/io/file-system.js";
import { SampleColumns } from "../../dist/storage/columns.js";
import type { FakeClock } from "./fake-clock.js";
import { encodeRequestV1, encodeRequestV2, snappyCompress, type WireSeries } from "./remote-write.js";

export const DATA_DIR = "/data";

export interface LocalDatabaseOptions {
  readonly chunkSamplesMax?: number;
  readonly segmentBytesMax?: number;
  readonly seriesMax?: number;
}

export interface LocalAnswer {
  readonly status: number;
  readonly message: string;
  readonly outcome: IngestOutcome;
}

/** Every value of a series by its timestamp, as bits; histograms as their JSON. */
export type StoredSeries = Map<number, string>;

export class LocalDatabase {
  readonly database: Database;
  readonly replayed: ReplaySummary;
  private readonly thread: IngestThread;
  private readonly fs: FileSystem;
  private readonly freeSlots: number[];
  private readonly slotBytes: number;

  /** Opens, replays and is ready to write. */
  constructor(fs: FileSystem, clock: FakeClock, options: LocalDatabaseOptions = {}) {
    this.fs = fs;
    this.database = Database.open({
      fs,
      clock,
      dir: DATA_DIR,
      durability: "fsync",
      ingestThreads: 1,
      queryThreads: 1,
      headMemoryLimitBytes: 64 << 20,
      outOfOrderWindowMs: 24 * 3_600_000,
      retentionMs: 15 * 24 * 3_600_000,
      seriesMax: options.seriesMax ?? 100_000,
      labelsPerSeriesMax: 64,
      labelNameBytesMax: 1024,
      labelValueBytesMax: 4096,
      segmentBytesMax: options.segmentBytesMax ?? 128 << 20,
      chunkSamplesMax: options.chunkSamplesMax ?? 120,
      hashSeed: [1, 2],
    });
    this.replayed = this.database.replay();
    this.database.begin(this.replayed);
    const { shared, logDir } = this.database;
    this.thread = new IngestThread(shared, 0, {
      clock,
      retentionMs: 15 * 24 * 3_600_000,
      readLogChunk: openLogChunks(fs, logDir),
    });
    const { at, bytes, count } = shared.slotRegions[0];
    this.freeSlots = Array.from({ length: count }, (_, i) => at + i * bytes);
    this.slotBytes = bytes;
  }

  /** As a request over HTTP: answered when its records are durable. */
  write(body: Uint8Array, protocol: 1 | 2): Promise<LocalAnswer> {
    const slot = this.freeSlots.pop();
    if (slot === undefined) throw new Error("all slots are taken");
    const outcome = this.ingest(slot, body, protocol);
    const { status, message } = outcome;
    return new Promise((resolve) =>
      this.database.commit(outcome, (error) => {
        this.freeSlots.push(slot);
        resolve(
          error === null ? { status, message, outcome } : { status: 503, message: error.message, outcome },
        );
      }),
    );
  }

  writeSeries(series: readonly WireSeries[], protocol: 1 | 2 = 1): Promise<LocalAnswer> {
    const message = protocol === 1 ? encodeRequestV1(series) : encodeRequestV2(series);
    return this.write(snappyCompress(message), protocol);
  }

  /** Everything stored, by the printed label set. */
  contents(): Map<string, StoredSeries> {
    const { shared, logDir } = this.database;
    const queryable = openQueryable(shared, 0, this.fs, logDir);
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
      contents.set(found.labels(i).toString(), series);
    }
    return contents;
  }

  close(): Promise<void> {
    return this.database.close();
  }

  private ingest(slot: number, body: Uint8Array, protocol: 1 | 2): IngestOutcome {
    assert.ok(body.length <= this.slotBytes);
    new Uint8Array(this.database.shared.memory.buffer).set(body, slot);
    return this.thread.ingest(slot, body.length, this.slotBytes, protocol);
  }
}

/** How `contents` spells a value. */
export function valueBits(value: number): string {
  const words = new Uint32Array(Float64Array.of(value).buffer);
  return `${words[1].toString(16)}:${words[0].toString(16)}`;
}
