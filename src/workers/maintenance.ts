/** When which piece of maintenance runs: the main thread's side of the maintenance thread. */
import { setTimeout as sleep } from "node:timers/promises";
import { Piscina } from "piscina";
import { systemClock } from "../base/clock.js";
import type { Logger } from "../base/log.js";
import type { BlockMeta } from "../block/block-meta.js";
import type { MaintenanceStep } from "../compact/maintenance.js";
import type { Database } from "../db/database.js";
import type { Epochs } from "../db/epochs.js";
import type { DroppedSeries } from "../head/ended-series.js";
import type { IngestPool } from "./ingest-pool.js";
import type { ThreadData } from "./thread-data.js";

export interface MaintenanceData extends ThreadData {
  readonly blockRangeMs: number;
  readonly retentionBytes: number;
  /** One word, not zero once the server stops. */
  readonly stop: SharedArrayBuffer;
}

/** Ended series leave the head once they are this share of all: each time the index is built anew. */
const ENDED_SHARE_MIN = 1 / 8;
/** A range is compacted this share of a range after its end: most late samples have come by then. */
const LATE_SHARE = 0.5;
const EPOCH_POLL_MS = 10;
const CHECK_INTERVAL_MS_MAX = 60_000;

export class Maintenance {
  compactions = 0;
  failures = 0;
  blocksWritten = 0;
  seriesDropped = 0;
  private readonly pool: Piscina;
  private readonly db: Database;
  private readonly ingest: IngestPool;
  private readonly epochs: Epochs;
  private readonly data: MaintenanceData;
  private readonly log: Logger;
  private compactedEndMs = Number.NEGATIVE_INFINITY;
  private running: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private stopping = false;

  constructor(db: Database, ingest: IngestPool, epochs: Epochs, data: MaintenanceData, log: Logger) {
    this.db = db;
    this.ingest = ingest;
    this.epochs = epochs;
    this.data = data;
    this.log = log;
    this.pool = new Piscina({
      filename: new URL("maintenance-entry.js", import.meta.url).href,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      workerData: data,
      atomics: "disabled",
    });
  }

  start(): void {
    const interval = Math.min(CHECK_INTERVAL_MS_MAX, this.data.blockRangeMs / 8);
    this.timer = setInterval(() => void this.run(), interval);
  }

  /** Does what is due now; resolves when it is done. Only one run at a time. */
  run(): Promise<void> {
    this.running ??= this.runOnce().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async runOnce(): Promise<void> {
    if (this.stopping) return;
    try {
      const newest = Math.max(this.db.newestMs, systemClock.nowMs());
      const range = this.data.blockRangeMs;
      const endMs = Math.floor((newest - LATE_SHARE * range) / range) * range;
      if (endMs > this.compactedEndMs || this.compactedEndMs === Number.NEGATIVE_INFINITY) {
        await this.compactHead(endMs);
        this.compactedEndMs = endMs;
      }
      await this.maintainBlocks();
    } catch (error) {
      if (this.stopping) return;
      this.failures++;
      const err = error instanceof Error ? error.message : String(error);
      this.log.error("maintenance failed", { err });
    }
  }

  private async compactHead(endMs: number): Promise<void> {
    const place = this.db.log.end;
    const started = systemClock.monotonicMs();
    const metas = (await this.pool.run({ endMs, place }, { name: "compactHead" })) as BlockMeta[];
    if (metas.length > 0) {
      this.epochs.advance();
      // Chunks that a request closed are in that request's hands until it is answered.
      await this.ingest.barrier();
      while (!this.epochs.settled()) await sleep(EPOCH_POLL_MS);
      await this.pool.run(undefined, { name: "dropHead" });
      this.db.kernel.exports.sweepEvictionQueue();
      this.compactions++;
      this.blocksWritten += metas.length;
      this.log.info("compacted the head", {
        blocks: metas.length,
        samples: metas.reduce((sum, meta) => sum + meta.stats.numSamples, 0),
        took: `${((systemClock.monotonicMs() - started) / 1000).toFixed(3)}s`,
      });
    }
    await this.truncateLog(this.db.lastSegmentBefore(endMs, place.segment));
    await this.dropEnded(endMs);
  }

  private async truncateLog(last: number): Promise<void> {
    if (last === 0) return;
    const deleted = (await this.pool.run(
      { last, others: this.db.sideRecords() },
      { name: "truncateLog" },
    )) as number;
    if (deleted === 0) return;
    this.db.forgetSegments(last);
    this.log.info("truncated the log", { segments: deleted, through: last });
  }

  /** Takes series out of the head that had their last sample before `borderMs`; blocks hold them. */
  private async dropEnded(borderMs: number): Promise<void> {
    const { db } = this;
    const live = db.kernel.seriesCount() - db.kernel.deadSeries();
    const ended = (await this.pool.run(borderMs, { name: "countEnded" })) as number;
    if (ended === 0 || ended < ENDED_SHARE_MIN * live) return;
    const started = systemClock.monotonicMs();
    const dropped = await this.ingest.whilePaused(async () => {
      const task = { borderMs, pinned: db.pinnedRefs() };
      return (await this.pool.run(task, { name: "dropEnded" })) as DroppedSeries | null;
    });
    const paused = systemClock.monotonicMs() - started;
    if (dropped === null) {
      this.log.warn("no memory to drop ended series", { series: ended });
      return;
    }
    const segment = db.log.segment;
    this.epochs.advance();
    while (!this.epochs.settled()) await sleep(EPOCH_POLL_MS);
    db.releaseDropped(dropped, segment);
    this.seriesDropped += dropped.refs.length;
    this.log.info("dropped ended series", { series: dropped.refs.length, paused: `${paused.toFixed(1)}ms` });
  }

  private async maintainBlocks(): Promise<void> {
    for (;;) {
      const task = { newestMs: this.db.newestMs, otherBytes: this.db.heapTopBytes() };
      const step = (await this.pool.run(task, { name: "maintain" })) as MaintenanceStep;
      if (step.kind === "idle" || this.stopping) return;
      this.epochs.advance();
      this.report(step);
    }
  }

  private report(step: MaintenanceStep): void {
    if (step.kind === "compacted") {
      this.compactions++;
      const block = step.block?.ulid ?? "";
      this.log.info("compacted blocks", { parents: step.parents.length, block });
    } else if (step.kind === "deleted") {
      this.log.info("deleted blocks", { blocks: step.ulids.join(","), why: step.why });
    } else if (step.kind === "quarantined") {
      this.log.error("moved a damaged block aside", { block: step.ulid, reason: step.reason });
    }
  }

  /** Ends what is under way at its next checkpoint; nothing is left half done. */
  async close(): Promise<void> {
    this.stopping = true;
    if (this.timer !== null) clearInterval(this.timer);
    Atomics.store(new Int32Array(this.data.stop), 0, 1);
    await this.running;
    await this.pool.destroy();
  }
}
