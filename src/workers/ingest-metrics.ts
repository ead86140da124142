import { type Counter, labelText, MetricRegistry } from "../base/self-metrics.js";
import type { Database } from "../db/database.js";
import type { IngestOutcome } from "../db/outcome.js";
import { REASON_KEYS } from "../head/reasons.js";
import type { ReplaySummary } from "../head/replay.js";
import * as L from "../kernel/assembly/layout.js";
import { SYNC_MS_BOUNDS } from "../wal/group-commit.js";

/** The engine's own metrics. Counted on the main thread only, when an answer is certain. */
export class IngestMetrics {
  readonly registry: MetricRegistry = new MetricRegistry();
  private readonly samples: Counter;
  private readonly histograms: Counter;
  private readonly exemplars: Counter;
  private readonly duplicates: Counter;
  private readonly outOfOrder: Counter;
  private readonly created: Counter;
  private readonly dropped: Counter;
  private readonly refused: ReadonlyMap<number, Counter>;

  constructor() {
    const { registry } = this;
    const counter = (name: string, help: string): Counter => registry.counter(`varve_${name}`, help);
    this.samples = counter("ingested_samples_total", "Float samples acknowledged, repeated ones included.");
    this.histograms = counter("ingested_histograms_total", "Native histograms acknowledged.");
    this.exemplars = counter("ingested_exemplars_total", "Exemplars acknowledged.");
    this.duplicates = counter("duplicate_samples_total", "Samples acknowledged that were stored already.");
    this.outOfOrder = counter(
      "out_of_order_samples_total",
      "Samples stored behind newer ones of their series.",
    );
    this.created = counter("head_series_created_total", "Series created since the start.");
    this.dropped = counter("relabel_dropped_samples_total", "Samples that relabelling rules dropped.");
    this.refused = new Map(
      Object.entries(REASON_KEYS).map(([why, reason]) => [
        Number(why),
        registry.counter(
          "varve_refused_samples_total",
          "Samples, histograms and series refused.",
          labelText({ reason }),
        ),
      ]),
    );
  }

  get createdSeries(): number {
    return this.created.value;
  }

  count(outcome: IngestOutcome): void {
    this.samples.add(outcome.samples);
    if (outcome.histograms > 0) this.histograms.add(outcome.histograms);
    if (outcome.exemplars > 0) this.exemplars.add(outcome.exemplars);
    if (outcome.duplicates > 0) this.duplicates.add(outcome.duplicates);
    if (outcome.outOfOrder > 0) this.outOfOrder.add(outcome.outOfOrder);
    if (outcome.dropped > 0) this.dropped.add(outcome.dropped);
    if (outcome.created > 0) this.created.add(outcome.created);
    outcome.reasons?.forEach((count, why) => {
      if (count > 0) this.refused.get(why)?.add(count);
    });
  }

  /** What is asked of the database at each scrape. */
  watch(db: Database, replayed: ReplaySummary, freeSlots: () => number, pending: () => number): void {
    const { registry } = this;
    const gauge = (name: string, help: string, read: () => number): void =>
      registry.gauge(`varve_${name}`, help, read);
    const counter = (name: string, help: string, read: () => number): void =>
      registry.counterFrom(`varve_${name}`, help, read);
    gauge("head_series", "Series in the head.", () => db.kernel.seriesCount() - db.kernel.deadSeries());
    gauge("head_memory_bytes", "Heap bytes of the head in use.", () => db.kernel.liveBytes());
    gauge("head_memory_limit_bytes", "Bound of the head's heap bytes.", () => db.shared.memoryLimitBytes);
    counter(
      "head_chunks_evicted_bytes_total",
      "Bytes of chunks that left memory for the log.",
      () => db.evictedBytes,
    );
    counter(
      "log_chunks_damaged_total",
      "Reads of chunks that lie only in the log and were found damaged there.",
      () => Atomics.load(db.kernel.u32(), (L.CTRL + L.C_DAMAGED_CHUNKS) >>> 2),
    );
    gauge("merge_sources", "Series that are merged into others.", () => db.merges.sourceCount);
    gauge("merge_targets", "Series that they are merged into.", () => db.merges.targetCount);
    gauge("metadata_metrics", "Metric names with metadata.", () => db.metadata.size);
    gauge("exemplars", "Exemplars kept.", () => db.exemplars.size);
    gauge("ingest_slots_free", "Free slots for request bodies.", freeSlots);
    gauge("ingest_requests_pending", "Write requests received and not answered yet.", pending);
    counter("wal_commits_total", "Groups written to the log.", () => db.log.commits);
    counter("wal_bytes_total", "Bytes written to the log.", () => db.log.bytes);
    counter("wal_failures_total", "Groups that the disk refused.", () => db.log.failures);
    gauge("wal_segment", "Number of the log's newest segment.", () => db.log.segment);
    gauge("wal_replay_samples", "Samples read back from the log at the start.", () => replayed.samples);
    gauge(
      "wal_replay_damages",
      "Damaged places found in the log at the start.",
      () => replayed.damages.filter(({ kind }) => kind === "damaged").length,
    );
    const sync = registry.histogram(
      "varve_wal_sync_seconds",
      "Time of write and sync of a group.",
      syncSeconds(),
    );
    this.syncSource = () => {
      sync.counts.set(db.log.syncMsCounts);
      sync.sum = db.log.syncMsSum / 1000;
    };
  }

  /** What maintenance has done, asked at each scrape. */
  watchMaintenance(done: {
    readonly compactions: number;
    readonly blocksWritten: number;
    readonly seriesDropped: number;
    readonly failures: number;
    readonly deletions: number;
    readonly quarantined: readonly string[];
  }): void {
    const counter = (name: string, help: string, read: () => number): void =>
      this.registry.counterFrom(`varve_${name}`, help, read);
    counter("compactions_total", "Compactions of the head and of blocks.", () => done.compactions);
    counter("head_blocks_written_total", "Blocks written from the head.", () => done.blocksWritten);
    counter(
      "head_series_dropped_total",
      "Series that left the head because they had ended.",
      () => done.seriesDropped,
    );
    counter("deletions_total", "Requests that deleted samples.", () => done.deletions);
    this.registry.gauge(
      "varve_quarantined_blocks",
      "Damaged blocks that lie aside and are not served.",
      () => done.quarantined.length,
    );
    this.quarantined = () => done.quarantined;
    counter("maintenance_failures_total", "Maintenance runs that failed.", () => done.failures);
  }

  watchDisk(disk: { readonly freeBytes: number; readonly refusal: string | null }): void {
    const gauge = (name: string, help: string, read: () => number): void =>
      this.registry.gauge(`varve_${name}`, help, read);
    gauge("storage_free_bytes", "Free bytes of the disk that holds the data.", () => disk.freeBytes);
    gauge("storage_below_floor", "1 while writes are refused because of --storage.min-free-bytes.", () =>
      disk.refusal === null ? 0 : 1,
    );
  }

  private syncSource: () => void = () => {};
  private quarantined: () => readonly string[] = () => [];

  private nameQuarantined(block: string): void {
    this.registry.gauge(
      "varve_quarantined_block",
      "1 for each damaged block that lies aside.",
      () => (this.quarantined().includes(block) ? 1 : Number.NaN),
      labelText({ block }),
    );
  }

  text(): string {
    this.syncSource();
    for (const block of this.quarantined()) this.nameQuarantined(block);
    return this.registry.text();
  }
}

function syncSeconds(): number[] {
  return SYNC_MS_BOUNDS.map((ms) => ms / 1000);
}
