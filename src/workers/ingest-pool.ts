/**
 * Hands request bodies to the ingest threads and their records to the log. A task takes all requests that wait
 * (up to a bound): under load a task's fixed cost is shared, and an idle server answers a single request at once.
 */
import { availableParallelism } from "node:os";
import { RETRY_AFTER_SECONDS } from "../base/limits.js";
import { ShortFirstQueue } from "../base/short-first-queue.js";
import type { Database } from "../db/database.js";
import type { DryRunAnswer } from "../db/dry-run.js";
import type { IngestOutcome } from "../db/outcome.js";
import { REASON_KEYS } from "../head/reasons.js";
import type { ReplaySummary } from "../head/replay.js";
import type { WriteAnswer, WritePacking, WriteProtocol } from "./contract.js";
import {
  type IngestReply,
  type IngestRequest,
  type IngestTaskResult,
  type ProbeFailure,
  unpackOutcomes,
  ZSTD_BODY,
} from "./ingest-messages.js";
import type { IngestMetrics } from "./ingest-metrics.js";
import { ServingThread } from "./serving-thread.js";
import type { Slot } from "./slots.js";
import type { ThreadData } from "./thread-data.js";
import { closePool, openPool, type ThreadPool } from "./thread-pool.js";

/** Tasks under way per thread: one that runs and one that waits at its side. */
const TASKS_PER_THREAD = 2;
const REQUESTS_PER_TASK_MAX = 16;
/** Compressed, one request at least: what comes behind a task has to wait for all of it. */
const TASK_BYTES_MAX = 512 * 1024;
const GATHERED_REQUESTS = 4;

interface Pending {
  readonly slot: Slot;
  /** Which half of `pendingSince` counts it. */
  readonly barrier: number;
}

interface Waiting extends Pending {
  /** As a task has it. */
  readonly version: number;
  readonly resolve: (answer: WriteAnswer) => void;
}

export class IngestPool {
  private readonly pool: ThreadPool;
  private readonly db: Database;
  private readonly metrics: IngestMetrics;
  private readonly onFatal: (error: unknown) => void;
  private readonly threadCount: number;
  /** Null until the first request: before it the threads may have the log to replay. */
  private threads: readonly ServingThread<IngestRequest, IngestReply>[] | null = null;
  private readonly queue = new ShortFirstQueue<Waiting>();
  private tasks = 0;
  /** Requests that were handed to a thread and have no answer yet. */
  private underWay = 0;
  private paused: (() => void) | null = null;
  /** Requests that have a slot and no answer yet: those since the last barrier, and those before it. */
  private readonly pendingSince = [0, 0];
  private barriers = 0;
  private readonly resumed: (() => void)[] = [];
  private barrierTurn: Promise<void> = Promise.resolve();
  private barrierReached: (() => void) | null = null;
  private idle: (() => void) | null = null;
  private closing = false;

  constructor(
    db: Database,
    threads: number,
    data: ThreadData,
    metrics: IngestMetrics,
    onFatal: (error: unknown) => void,
  ) {
    this.db = db;
    this.metrics = metrics;
    this.onFatal = onFatal;
    this.threadCount = threads;
    this.pool = openPool({
      filename: new URL("ingest-entry.js", import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      workerData: data,
      atomics: "disabled",
    });
  }

  /** Rebuilds the head on one of the threads, before the first request. */
  async replay(progress: SharedArrayBuffer): Promise<ReplaySummary> {
    return (await this.pool.run(progress, { name: "replay" })) as ReplaySummary;
  }

  ingest(slot: Slot, protocol: WriteProtocol, packing?: WritePacking): Promise<WriteAnswer> {
    return new Promise((resolve) => {
      const barrier = this.enter();
      const version = versionOf(protocol, packing);
      this.queue.push({ slot, version, barrier, resolve }, slot.length);
      // Requests that arrive in the same turn of the event loop share a task.
      if (this.queue.length === 1) setImmediate(() => this.pump());
    });
  }

  /** What `ingest` would do; throws where the thread failed. */
  async probe(
    slot: Slot,
    protocol: WriteProtocol,
    packing?: WritePacking,
  ): Promise<DryRunAnswer | ProbeFailure> {
    const barrier = this.enter();
    while (this.paused !== null) await new Promise<void>((resolve) => this.resumed.push(resolve));
    this.underWay++;
    try {
      const row = [slot.at, slot.length, slot.room, versionOf(protocol, packing)];
      const asked = new Promise<IngestReply>((resolve, reject) => {
        this.leastBusy().ask({ probe: row }, { resolve, reject });
      });
      return (await asked) as DryRunAnswer | ProbeFailure;
    } finally {
      this.leave({ slot, barrier });
    }
  }

  private leastBusy(): ServingThread<IngestRequest, IngestReply> {
    this.threads ??= this.serve();
    return this.threads.reduce((least, thread) => (thread.asked < least.asked ? thread : least));
  }

  private serve(): ServingThread<IngestRequest, IngestReply>[] {
    const hasBell = availableParallelism() > this.threadCount;
    const ended = (error: unknown): void => {
      // A kernel that trapped may hold locks: only a new process, from the log, is sure to be right.
      if (!this.closing) this.onFatal(error);
    };
    return Array.from({ length: this.threadCount }, () => new ServingThread(this.pool, hasBell, ended));
  }

  /** Counts a request that has a slot. */
  private enter(): number {
    const barrier = this.barriers & 1;
    this.pendingSince[barrier] = (this.pendingSince[barrier] ?? 0) + 1;
    return barrier;
  }

  get pendingCount(): number {
    return (this.pendingSince[0] ?? 0) + (this.pendingSince[1] ?? 0);
  }

  private pump(): void {
    while (this.paused === null && this.queue.length > 0 && this.tasks < this.tasksAllowed()) {
      // What waits is shared among the threads that have no task, so that one of them does not get it all.
      const idle = Math.max(1, this.threadCount - this.tasks);
      const share = Math.ceil(this.queue.length / idle);
      const batch = this.take(Math.min(share, REQUESTS_PER_TASK_MAX));
      this.tasks++;
      this.underWay += batch.length;
      const task: number[] = [];
      for (const { slot, version } of batch) task.push(slot.at, slot.length, slot.room, version);
      this.leastBusy().ask(task, {
        resolve: (result) => this.settle(batch, unpackOutcomes(result as IngestTaskResult)),
        reject: () => {
          for (const request of batch) this.answer(request, unavailable("an ingest thread failed"));
        },
      });
    }
  }

  /** At most so many requests. */
  private take(requestsMax: number): readonly Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    while (batch.length < requestsMax) {
      bytes += this.queue.first()?.slot.length ?? 0;
      if (batch.length > 0 && bytes > TASK_BYTES_MAX) break;
      const request = this.queue.take();
      if (request === undefined) break;
      batch.push(request);
    }
    return batch;
  }

  /** A second task per thread pays only once a few requests wait for it: until then they gather. */
  private tasksAllowed(): number {
    return this.queue.length >= GATHERED_REQUESTS ? this.threadCount * TASKS_PER_THREAD : this.threadCount;
  }

  private settle(batch: readonly Waiting[], outcomes: readonly IngestOutcome[]): void {
    this.tasks--;
    batch.forEach((request, i) => {
      const outcome = outcomes[i] as IngestOutcome;
      this.db.commit(outcome, (error) => {
        if (error === null) this.metrics.count(outcome);
        this.answer(request, error === null ? answerOf(outcome) : unavailable(error.message));
      });
    });
    this.pump();
  }

  private answer(request: Waiting, answer: WriteAnswer): void {
    request.resolve(answer);
    this.leave(request);
  }

  private leave(request: Pending): void {
    request.slot.release();
    if (--this.underWay === 0) this.paused?.();
    const left = (this.pendingSince[request.barrier] ?? 0) - 1;
    this.pendingSince[request.barrier] = left;
    if (left > 0) return;
    if (request.barrier !== (this.barriers & 1)) this.barrierReached?.();
    if (this.pendingCount === 0) this.idle?.();
  }

  /** Resolves when every request that was received before is answered. */
  barrier(): Promise<void> {
    const reached = this.barrierTurn.then(() => this.oneBarrier());
    this.barrierTurn = reached;
    return reached;
  }

  private oneBarrier(): Promise<void> {
    const before = this.barriers++ & 1;
    if (this.pendingSince[before] === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.barrierReached = () => {
        this.barrierReached = null;
        resolve();
      };
    });
  }

  /** Runs `work` while no request is under way: those that arrive wait. One at a time. */
  async whilePaused<T>(work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      this.paused = resolve;
      if (this.underWay === 0) resolve();
    });
    try {
      return await work();
    } finally {
      this.paused = null;
      for (const resume of this.resumed.splice(0)) resume();
      this.pump();
    }
  }

  /** Waits for what is under way and ends the threads. */
  async close(): Promise<void> {
    if (this.pendingCount > 0) {
      await new Promise<void>((resolve) => {
        this.idle = resolve;
      });
    }
    this.closing = true;
    await closePool(this.pool);
  }
}

function versionOf(protocol: WriteProtocol, packing: WritePacking | undefined): number {
  return packing === "zstd" ? protocol + ZSTD_BODY : protocol;
}

function answerOf(outcome: IngestOutcome): WriteAnswer {
  const { status, message, histograms, exemplars, created, reasons, refusals, budgets } = outcome;
  const answer: WriteAnswer = {
    status,
    message,
    samples: outcome.samples + outcome.dropped,
    histograms,
    exemplars,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    created,
  };
  if (reasons === null) return answer;
  const counts = reasons.flatMap((count, why) =>
    count === 0 ? [] : [[REASON_KEYS[why] ?? `reason_${why}`, count] as const],
  );
  return { ...answer, refused: { reasons: Object.fromEntries(counts), first: refusals, budgets } };
}

export function unavailable(message: string): WriteAnswer {
  return {
    status: 503,
    message,
    samples: 0,
    histograms: 0,
    exemplars: 0,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  };
}
