/**
 * The query threads: a pool of their own, so that a heavy query never waits for ingest nor ingest for it. An
 * evaluation runs to its end on its thread; a shared word tells it that nobody waits any more. What finds no free
 * thread waits here, where it can be listed, ended and overtaken by other clients' queries.
 */
import type { Cancellation } from "../base/cancellation.js";
import { systemClock } from "../base/clock.js";
import { type RefusalCode, RefusalError } from "../base/errors.js";
import { QUERIES_WAITING_MAX, QUERY_THREAD_HEAP_MIB_MAX } from "../base/limits.js";
import type { Logger } from "../base/log.js";
import { randomWords } from "../base/random.js";
import { MetricRegistry } from "../base/self-metrics.js";
import type { DamagedBlock } from "../block/block-folder.js";
import type { Epochs } from "../db/epochs.js";
import { queryTimeoutMs } from "../wire/params.js";
import { encodeData, encodeError } from "../wire/prometheus-json.js";
import { type ActiveQuery, activeQueryJson, describeQuery, printSeconds } from "./active-query.js";
import { type QueryAnswer, type QueryRequest, WARM_UP_USER } from "./contract.js";
import { FairQueue } from "./fair-queue.js";
import { QueryBoard } from "./query-board.js";
import { QueryMetrics } from "./query-metrics.js";
import type { QueryOutcome, QueryTask, QueryThreadData } from "./query-task.js";
import { ServingThreads } from "./serving-threads.js";
import { closePool, lowerPriority, openPool, type ThreadPool } from "./thread-pool.js";
import { ThreadSlots } from "./thread-slots.js";

export interface QueryPoolOptions {
  readonly data: Omit<QueryThreadData, "board" | "threadSlots">;
  /** Queries that run at one time. */
  readonly threads: number;
  readonly epochs: Epochs;
  /** Queries that take this long are logged; 0: none. */
  readonly logSlowMs: number;
  readonly log: Logger;
  readonly registry: MetricRegistry;
  /** Told of blocks that a query found damaged and left out. */
  readonly onDamage: (damaged: readonly DamagedBlock[]) => void;
}

/** A thread that ends takes its compiled code with it. */
const IDLE_TIMEOUT_MS = 600_000;
/** Below ingest, above maintenance. */
const QUERY_NICE = 7;

export class QueryPool {
  private readonly pool: ThreadPool;
  private readonly threads: ServingThreads<QueryTask, QueryOutcome>;
  private readonly options: QueryPoolOptions;
  private readonly board: QueryBoard;
  private readonly freePlaces: number[];
  private readonly threadSlots: ThreadSlots;
  private readonly metrics: QueryMetrics;
  /** Of what the server asks itself: nobody looks at them. New ones for each round of a warm-up, as those of routes. */
  private ownMetrics = new QueryMetrics(new MetricRegistry(), NOTHING, NOTHING);
  private readonly active = new Map<string, ActiveQuery>();
  private readonly queue = new FairQueue<ActiveQuery>(QUERIES_WAITING_MAX);
  private readonly runningByClient = new Map<string, number>();
  /** With three threads and more, one is kept for the others. */
  private readonly runningByClientMax: number;
  private nextId: bigint;
  /** The threads when `threadSlots` was last looked through. */
  private swept: ThreadPool["threads"] = [];
  private closing = false;

  constructor(options: QueryPoolOptions) {
    const { data, threads } = options;
    this.options = options;
    this.board = QueryBoard.create(threads);
    this.freePlaces = Array.from({ length: threads }, (_, i) => i);
    // The last scratch is that of maintenance.
    this.threadSlots = ThreadSlots.create(data.shared.queryScratch.length - 1);
    this.runningByClientMax = threads >= 3 ? threads - 1 : threads;
    const [high, low] = randomWords();
    this.nextId = (BigInt(high) << 32n) | BigInt(low);
    this.metrics = new QueryMetrics(
      options.registry,
      () => this.active.size - this.queue.size,
      () => this.queue.size,
    );
    this.pool = openPool({
      filename: new URL("query-entry.js", import.meta.url).href,
      minThreads: 1,
      maxThreads: threads,
      workerData: { ...data, board: this.board.buffer, threadSlots: this.threadSlots.buffer },
      // Where there are fewer cores than work, who writes loses samples by waiting; who asks waits a little longer.
      execArgv: lowerPriority(QUERY_NICE),
      resourceLimits: { maxOldGenerationSizeMb: QUERY_THREAD_HEAP_MIB_MAX },
      atomics: "disabled",
    });
    this.threads = new ServingThreads(this.pool, IDLE_TIMEOUT_MS);
  }

  query(request: QueryRequest, cancellation: Cancellation, receivedMs: number): Promise<QueryAnswer> {
    if (request.kind === "warm_up") {
      this.ownMetrics = new QueryMetrics(new MetricRegistry(), NOTHING, NOTHING);
    }
    return new Promise((resolve) => {
      const query: ActiveQuery = {
        id: this.takeId(),
        request,
        receivedMs,
        place: -1,
        waitedMs: -1,
        settle: (answer) => {
          if (deadline !== null) clearTimeout(deadline);
          cancellation.onCancel(null);
          this.active.delete(query.id);
          this.noteAnswer(query, answer);
          resolve(answer);
        },
      };
      let deadline: NodeJS.Timeout | null = null;
      cancellation.onCancel(() => this.cancel(query.id));
      this.active.set(query.id, query);
      const refused = this.queue.push(clientOf(query), query);
      if (refused !== null) {
        this.metricsOf(query).refused.add();
        refused.settle(refusal("unavailable", "too many queries are waiting"));
      }
      if (cancellation.isCanceled) this.cancel(query.id);
      this.pump();
      if (query.place >= 0 || !this.active.has(query.id)) return;
      const timeoutMs = queryTimeoutMs(request.params, this.options.data.timeoutMs);
      deadline = setTimeout(
        () => this.leaveQueue(query, "timeout", "query timed out in query queue"),
        Math.min(timeoutMs, TIMER_MS_MAX),
      );
    });
  }

  /** Ends a query wherever it is; false where there is none of this id. */
  cancel(id: string): boolean {
    const query = this.active.get(id);
    if (query === undefined) return false;
    this.metricsOf(query).canceled.add();
    if (query.place >= 0) this.board.cancel(query.place);
    else this.leaveQueue(query, "canceled", "query was canceled in query queue");
    return true;
  }

  /** The body of `/api/v1/status/active_queries`: the longest ones first. */
  activeQueries(): QueryAnswer {
    const nowMs = systemClock.nowMs();
    const all = [...this.active.values()]
      .filter((query) => !isOwn(query))
      .sort((a, b) => a.receivedMs - b.receivedMs);
    return encodeData(
      all.map((query) =>
        activeQueryJson(query, nowMs, query.place < 0 ? 0 : this.board.samplesOf(query.place)),
      ),
    );
  }

  close(): Promise<void> {
    this.closing = true;
    return closePool(this.pool);
  }

  private takeId(): string {
    this.nextId = BigInt.asUintN(64, this.nextId + 1n);
    return this.nextId.toString(16).toUpperCase().padStart(16, "0");
  }

  private leaveQueue(query: ActiveQuery, code: RefusalCode, message: string): void {
    if (this.queue.remove(clientOf(query), query)) query.settle(refusal(code, message));
  }

  /** Gives free threads to those whose turn it is. */
  private pump(): void {
    while (this.freePlaces.length > 0) {
      const query = this.queue.shift(
        (client) => (this.runningByClient.get(client) ?? 0) < this.runningByClientMax,
      );
      if (query === null) return;
      void this.run(query, this.freePlaces.pop() as number);
    }
  }

  private async run(query: ActiveQuery, place: number): Promise<void> {
    const client = clientOf(query);
    query.place = place;
    query.waitedMs = systemClock.nowMs() - query.receivedMs;
    this.metricsOf(query).waited.observe(query.waitedMs / 1000);
    this.board.clear(place);
    this.runningByClient.set(client, (this.runningByClient.get(client) ?? 0) + 1);
    this.freeThreadSlots();
    let answer: QueryAnswer;
    try {
      const { request, receivedMs } = query;
      const task: QueryTask = { request, place, receivedMs };
      const outcome = await this.threads.ask(task);
      this.board.setSamples(place, outcome.samples);
      if (outcome.damaged !== undefined) this.options.onDamage(outcome.damaged);
      if (outcome.corruption !== undefined) {
        this.options.log.error("a query met damage", { reason: outcome.corruption });
      }
      if (outcome.failure !== undefined) {
        const { endpoint, query: text } = describeQuery(query);
        this.options.log.error("a query failed", { endpoint, query: text, err: outcome.failure });
      }
      answer = outcome;
    } catch (error) {
      answer = this.failed(error);
    }
    query.settle(answer);
    const left = (this.runningByClient.get(client) ?? 1) - 1;
    if (left > 0) this.runningByClient.set(client, left);
    else this.runningByClient.delete(client);
    this.freePlaces.push(place);
    this.pump();
  }

  /** Threads come and go; a query that one of them left in the middle is none that maintenance must wait for. */
  private freeThreadSlots(): void {
    const { threads } = this.pool;
    const areSame = threads.length === this.swept.length && threads.every((one, i) => one === this.swept[i]);
    if (areSame) return;
    this.swept = threads;
    const alive = new Set(threads.map(({ threadId }) => threadId));
    this.threadSlots.sweep(alive, (index) => this.options.epochs.leave(index));
  }

  /** The thread ended in the middle of the query. */
  private failed(error: unknown): QueryAnswer {
    this.freeThreadSlots();
    if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") {
      return refusal("execution", "query needs more memory than a query may have");
    }
    if (this.closing) return refusal("unavailable", "the server is stopping");
    this.options.log.error("a query thread failed", { err: String(error) });
    return refusal("internal", "a query thread failed");
  }

  private metricsOf(query: ActiveQuery): QueryMetrics {
    const { ownMetrics, metrics } = this;
    return isOwn(query) ? ownMetrics : metrics;
  }

  private noteAnswer(query: ActiveQuery, { status }: QueryAnswer): void {
    const { logSlowMs, log } = this.options;
    const metrics = this.metricsOf(query);
    const tookMs = systemClock.nowMs() - query.receivedMs;
    const samples = query.place < 0 ? 0 : this.board.samplesOf(query.place);
    metrics.samples.add(samples);
    metrics.answered(query.request.kind, tookMs);
    if (logSlowMs === 0 || tookMs < logSlowMs || isOwn(query)) return;
    metrics.slow.add();
    const { endpoint, query: text, times } = describeQuery(query);
    const { client } = query.request;
    log.warn("slow query", {
      id: query.id,
      endpoint,
      query: text,
      ...times,
      status,
      duration: printSeconds(tookMs),
      waited: printSeconds(query.waitedMs < 0 ? tookMs : query.waitedMs),
      samples,
      remote: client?.address ?? "",
      ...(client === undefined || client.user === "" ? {} : { user: client.user }),
      ...(client === undefined || client.requestId === "" ? {} : { requestId: client.requestId }),
    });
  }
}

/** Longer timers would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const NOTHING = (): number => 0;

/** True for what the server asks itself: nobody wants to see it. */
function isOwn({ request }: ActiveQuery): boolean {
  return request.client?.user === WARM_UP_USER;
}

/** Whom fairness is about: the user where there are users, else the address. */
function clientOf({ request: { client } }: ActiveQuery): string {
  if (client === undefined) return "";
  const { address, user } = client;
  return user === "" ? address : `user ${user}`;
}

function refusal(code: RefusalCode, message: string): QueryAnswer {
  return encodeError(new RefusalError(code, message));
}
