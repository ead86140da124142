/** When which piece of maintenance runs: the main thread's side of the maintenance thread. */
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import type { Logger } from "../base/log.js";
import { randomWords } from "../base/random.js";
import { type DamagedBlock, listQuarantine } from "../block/block-folder.js";
import type { BlockMeta } from "../block/block-meta.js";
import type { MaintenanceStep } from "../compact/maintenance.js";
import type { Database } from "../db/database.js";
import type { Epochs } from "../db/epochs.js";
import type { DroppedSeries } from "../head/ended-series.js";
import type { RewrittenChunks } from "../head/head-deleter.js";
import { nodeFileSystem } from "../io/node-file-system.js";
import type { DeletionRequest } from "../wal/cold-records.js";
import { type DeletionSteps, deleteSeries } from "./delete-series.js";
import type { IngestPool } from "./ingest-pool.js";
import type { ThreadData } from "./thread-data.js";
import { closePool, lowerPriority, openPool, type ThreadPool } from "./thread-pool.js";
import { Turns } from "./turns.js";

export interface MaintenanceData extends ThreadData {
  readonly blockRangeMs: number;
  readonly retentionBytes: number;
  /** One word, not zero once the server stops. */
  readonly stop: SharedArrayBuffer;
  /** One word, of `Turns`. */
  readonly endSoon: SharedArrayBuffer;
}

/** Ended series leave the head once they are this share of all: each time the index is built anew. */
const ENDED_SHARE_MIN = 1 / 8;
/** A range is compacted this share of a range after its end: most late samples have come by then. */
const LATE_SHARE = 0.5;
/** The log may grow by this share of `--storage.tsdb.retention.size` until blocks are removed for it. */
const UNSEEN_SHARE_MAX = 0.02;
const EPOCH_POLL_MS = 10;
const CHECK_INTERVAL_MS_MAX = 60_000;
const MAINTENANCE_NICE = 10;

export class Maintenance {
  compactions = 0;
  failures = 0;
  blocksWritten = 0;
  seriesDropped = 0;
  deletions = 0;
  /** Names of the damaged blocks that lie aside. */
  quarantined: readonly string[] = [];
  private readonly pool: ThreadPool;
  private readonly db: Database;
  private readonly ingest: IngestPool;
  private readonly epochs: Epochs;
  private readonly data: MaintenanceData;
  private readonly log: Logger;
  private readonly turns: Turns;
  private logBytesSeen = 0;
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
    this.turns = new Turns(data.endSoon);
    this.pool = openPool({
      filename: new URL("maintenance-entry.js", import.meta.url).href,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      workerData: data,
      atomics: "disabled",
      execArgv: lowerPriority(MAINTENANCE_NICE),
    });
  }

  start(): void {
    this.listQuarantined();
    const interval = Math.min(CHECK_INTERVAL_MS_MAX, this.data.blockRangeMs / 8);
    this.timer = setInterval(() => void this.runDue(), interval);
  }

  /** Now and then: with a bound on size the log must not grow for long unseen. */
  tick(): void {
    const { retentionBytes } = this.data;
    if (retentionBytes === 0) return;
    if (this.db.log.bytes - this.logBytesSeen > retentionBytes * UNSEEN_SHARE_MAX) void this.runDue();
  }

  /** Does what is due now; resolves when it is done. Only one at a time. */
  runDue(): Promise<void> {
    this.running ??= this.runOnce().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async runOnce(): Promise<void> {
    if (this.stopping) return;
    this.listQuarantined();
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
    const started = systemClock.monotonicMs();
    const { metas, place } = await this.turns.take(async () => {
      const place = this.db.log.end;
      return { metas: (await this.run("compactHead", { endMs, place })) as BlockMeta[], place };
    });
    if (metas.length > 0) {
      await this.afterQueries(async () => {
        // Chunks that a request closed are in that request's hands until it is answered.
        await this.ingest.barrier();
        await this.run("dropHead");
        this.db.kernel.exports.sweepEvictionQueue();
      });
      this.compactions++;
      this.blocksWritten += metas.length;
      this.log.info("compacted the head", {
        blocks: metas.length,
        samples: metas.reduce((sum, meta) => sum + meta.stats.numSamples, 0),
        took: `${((systemClock.monotonicMs() - started) / 1000).toFixed(3)}s`,
      });
    }
    await this.dropEnded(endMs); // before the checkpoint, which then need not name them
    await this.turns.take(() => this.truncateLog(this.db.lastSegmentBefore(endMs, place.segment)));
  }

  /** Runs `work` once every query that may not know what just changed is over. Others have turns meanwhile. */
  private async afterQueries(work: () => Promise<void>): Promise<void> {
    const generation = this.epochs.advance();
    while (!this.epochs.settled(generation)) await sleep(EPOCH_POLL_MS);
    await this.turns.take(work);
  }

  private async truncateLog(last: number): Promise<void> {
    if (last === 0) return;
    const deleted = (await this.run("truncateLog", { last, others: this.db.sideRecords() })) as number;
    if (deleted === 0) return;
    this.db.forgetSegments(last);
    this.log.info("truncated the log", { segments: deleted, through: last });
  }

  /** Takes series out of the head that had their last sample before `borderMs`; blocks hold them. */
  private async dropEnded(borderMs: number): Promise<void> {
    const { db } = this;
    const live = db.kernel.seriesCount() - db.kernel.deadSeries();
    const ended = await this.turns.take(async () => (await this.run("countEnded", borderMs)) as number);
    if (ended === 0 || ended < ENDED_SHARE_MIN * live) return;
    let pausedMs = 0;
    const dropped = await this.turns.take(async () => {
      const prepared = await this.run("prepareIndex", { borderMs, pinned: db.pinnedRefs() });
      if (prepared === false) return null;
      const replaced = await this.ingest.whilePaused(async () => {
        const started = systemClock.monotonicMs();
        const done = await this.run("replaceIndex", db.pinnedRefs());
        pausedMs = systemClock.monotonicMs() - started;
        return done as boolean;
      });
      return replaced ? ((await this.run("buryEnded")) as DroppedSeries) : null;
    });
    if (dropped === null) {
      this.log.warn("no memory to drop ended series", { series: ended });
      return;
    }
    const segment = db.log.segment;
    await this.afterQueries(async () => db.releaseDropped(dropped, segment));
    this.seriesDropped += dropped.refs.length;
    this.log.info("dropped ended series", {
      series: dropped.refs.length,
      paused: `${pausedMs.toFixed(1)}ms`,
    });
  }

  private async maintainBlocks(): Promise<void> {
    for (;;) {
      const step = await this.turns.takeUntilAsked(async () => {
        this.logBytesSeen = this.db.log.bytes;
        return (await this.run("maintain", this.db.newestMs)) as MaintenanceStep | null;
      });
      if (step?.kind === "idle" || this.stopping) return;
      if (step !== null) this.changed(step);
    }
  }

  /**
   * Deletes samples (`deleteSeries`). Resolves when that is durable and in force for everything that is asked
   * afterwards; rejects where it is not, with the RefusalError that says why.
   */
  deleteSeries(request: DeletionRequest): Promise<void> {
    return this.turns.takeSoon(async () => {
      const steps: DeletionSteps = {
        whilePaused: (work) => this.ingest.whilePaused(work),
        select: async (sets) => (await this.run("selectRefs", sets)) as Uint32Array,
        deleteFromHead: async (entries) =>
          (await this.run("deleteFromHead", entries)) as RewrittenChunks | null,
        deleteFromBlocks: async (blocks) => {
          const damaged = (await this.run("deleteFromBlocks", blocks)) as DamagedBlock[];
          this.epochs.advance();
          for (const { ulid, reason } of damaged) this.report({ kind: "quarantined", ulid, reason });
        },
      };
      await deleteSeries(this.db, steps, request);
      this.deletions++;
    });
  }

  /** Moves blocks aside that a query found damaged. Never rejects: what fails is tried again when it is met again. */
  async quarantine(damaged: readonly DamagedBlock[]): Promise<void> {
    try {
      await this.turns.takeSoon(async () => {
        await this.run("quarantine", damaged);
        for (const { ulid, reason } of damaged) this.changed({ kind: "quarantined", ulid, reason });
      });
    } catch (error) {
      this.log.error("a damaged block could not be moved aside", { err: String(error) });
    }
  }

  /** Writes every block with tombstones anew without what they cover. */
  async cleanTombstones(): Promise<void> {
    for (;;) {
      const step = await this.turns.takeUntilAsked(
        async () => (await this.run("cleanTombstones")) as MaintenanceStep | null,
      );
      if (step?.kind === "idle") return;
      if (step !== null) this.changed(step);
    }
  }

  /** Makes a snapshot; resolves to its name once it is durable. */
  snapshot(skipHead: boolean): Promise<string> {
    return this.turns.takeSoon(async () => {
      const name = snapshotName(systemClock.nowMs());
      await this.run("snapshot", { name, others: skipHead ? null : this.db.sideRecords() });
      return name;
    });
  }

  /** Runs one of the functions of maintenance-entry.ts. */
  private async run(name: string, task?: unknown): Promise<unknown> {
    if (this.stopping) throw new RefusalError("unavailable", "the server is stopping");
    return await this.pool.run(task, { name });
  }

  private changed(step: MaintenanceStep): void {
    this.epochs.advance();
    this.report(step);
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
      this.listQuarantined();
    }
  }

  private listQuarantined(): void {
    try {
      this.quarantined = listQuarantine(nodeFileSystem, this.data.dataPath);
    } catch (error) {
      this.log.error("the quarantine cannot be listed", { err: String(error) });
    }
  }

  /** Ends what is under way at its next checkpoint; nothing is left half done. */
  async close(): Promise<void> {
    this.stopping = true;
    if (this.timer !== null) clearInterval(this.timer);
    Atomics.store(new Int32Array(this.data.stop), 0, 1);
    await this.running;
    await closePool(this.pool);
  }
}

/** As Prometheus names them: the time in UTC, and chance. */
function snapshotName(nowMs: number): string {
  const time = new Date(nowMs)
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(/[-:]/g, "");
  const hex = randomWords().map((word) => word.toString(16).padStart(8, "0"));
  return `${time}-${hex.join("")}`;
}
