/** The database behind the front end: threads, slots and the log, put together. */
import type { Cancellation } from "../base/cancellation.js";
import { systemClock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import type { Logger } from "../base/log.js";
import { randomWords } from "../base/random.js";
import { Database } from "../db/database.js";
import { DiskFloor } from "../db/disk-floor.js";
import { Epochs } from "../db/epochs.js";
import type { DatabaseOptions } from "../db/options.js";
import type { ReplaySummary } from "../head/replay.js";
import { nodeFileSystem } from "../io/node-file-system.js";
import type { IngestRules } from "../model/ingest-rules.js";
import type { LogStatus } from "../wal/group-commit.js";
import { logBytes } from "../wal/segments.js";
import { DEFAULT_OTLP_OPTIONS, type OtlpOptions } from "../wire/otlp-translate.js";
import { encodeData, encodeError } from "../wire/prometheus-json.js";
import { parseIncludeMetadata } from "../wire/search-params.js";
import { AdminRequests } from "./admin-requests.js";
import type { Budgets, BudgetText } from "./budgets.js";
import type { CardinalityContext } from "./cardinality-answers.js";
import { Churn } from "./churn.js";
import type {
  AdminAction,
  Engine,
  ImportAnswer,
  ImportRequest,
  IngestSlot,
  OtlpAnswer,
  OtlpRequest,
  QueryAnswer,
  QueryRequest,
  ReadyState,
  ReplayProgress,
  WriteAnswer,
  WritePacking,
  WriteProtocol,
} from "./contract.js";
import { encodeExemplarsAnswer } from "./exemplars-answer.js";
import { ImportPool } from "./import-pool.js";
import { IngestMetrics } from "./ingest-metrics.js";
import { IngestPool, unavailable } from "./ingest-pool.js";
import { Maintenance } from "./maintenance.js";
import { encodeMetadataAnswer } from "./metadata-answer.js";
import { OtlpIngest } from "./otlp-ingest.js";
import { PolicyControl } from "./policy-control.js";
import { languageOf, type QueryLanguage } from "./query-language.js";
import { QueryPool } from "./query-pool.js";
import { replayPrometheusLogs } from "./replay-prometheus.js";
import { ReplayedSegments } from "./replayed-segments.js";
import { withMetadata } from "./search-answer.js";
import { type Slot, SlotPool } from "./slots.js";
import type { ThreadData } from "./thread-data.js";

/** How the engine is opened. Sizes in bytes, times in milliseconds. */
export interface EngineOptions {
  readonly dataPath: string;
  readonly durability: "fsync" | "write" | "memory";
  readonly headMemoryBytesMax: number;
  readonly outOfOrderWindowMs: number;
  /** Infinity: for ever. */
  readonly retentionMs: number;
  readonly ingestWorkers: number;
  readonly requestBytesMax: number;
  readonly labelsPerSeriesMax: number;
  readonly labelNameBytesMax: number;
  readonly labelValueBytesMax: number;
  /** 0: no limit but memory. */
  readonly seriesMax: number;
  readonly queryTimeoutMs: number;
  readonly querySamplesMax: number;
  readonly lookbackDeltaMs: number;
  readonly queryConcurrencyMax: number;
  /** Samples in an answer to a remote read that is not streamed; 0: no limit. */
  readonly readSamplesMax: number;
  readonly readFrameBytesMax: number;
  /** Results of a search that may be asked for; 0: any number. */
  readonly searchLimitMax: number;
  /** Queries that take this long are logged; 0, the default: none. */
  readonly logSlowQueryMs?: number;
  /** How OTLP is translated; default: as Prometheus does it without any setting. */
  readonly otlp?: OtlpOptions;
  /** Values of `--enable-feature`. */
  readonly features?: readonly string[];
  readonly blockRangeMs: number;
  /** 0: no limit. */
  readonly retentionBytes: number;
  /** With fewer free bytes on the disk writes are refused; 0: never. */
  readonly freeBytesMin: number;
  readonly blockCacheBytes: number;
  /** Nothing is written and no lock taken: blocks and log are served as they are. */
  readonly readOnly?: boolean;
  /** Budgets of the command line. */
  readonly seriesBudgets?: readonly BudgetText[];
  /** Rules for label sets on their way in; null: none. */
  readonly ingestRules?: IngestRules | null;
  /** Told once where nothing but a new process will do. */
  readonly onFatal: (error: unknown) => void;
}

const SERIES_WITHOUT_LIMIT = 8 << 20;
const SEGMENT_BYTES_MAX: number = 128 << 20;
const CHUNK_SAMPLES_MAX = 240;
const TICK_MS = 1000;
const PROGRESS_MS = 500;
/** Names in one line of `/-/ready`. */
const QUARANTINED_SHOWN_MAX = 10;
const REPLAYING = "replaying the log";
const READ_ONLY_RELOAD_MS = 30_000;
const ONLY_READS = "this server only reads (--storage.read-only)";
/** A shorter log is replayed on the main thread while the others start: it takes less time than a thread's start. */
const REPLAY_HERE_BYTES_MAX: number = 128 << 20;
/** Threads that died and were replaced need a scratch, too. */
const SPARE_QUERY_SCRATCH = 2;
const QUERY_THREADS_MAX = 4;
const INGEST_THREADS_MAX = 8;

/** Opens the folder, replays its log and starts the threads. Throws RefusalError where another process has it. */
export async function openEngine(
  options: EngineOptions,
  log: Logger,
  progress: (message: string, replay?: ReplayProgress) => void,
): Promise<Engine> {
  const ingestThreads = Math.min(options.ingestWorkers, INGEST_THREADS_MAX);
  const queryThreads = Math.min(Math.max(options.queryConcurrencyMax, 1), QUERY_THREADS_MAX);
  const databaseOptions: DatabaseOptions = {
    fs: nodeFileSystem,
    clock: systemClock,
    dir: options.dataPath,
    durability: options.durability,
    ingestThreads,
    queryThreads: queryThreads + SPARE_QUERY_SCRATCH,
    headMemoryLimitBytes: options.headMemoryBytesMax,
    outOfOrderWindowMs: options.outOfOrderWindowMs,
    retentionMs: options.retentionMs,
    seriesMax: options.seriesMax === 0 ? SERIES_WITHOUT_LIMIT : options.seriesMax,
    labelsPerSeriesMax: options.labelsPerSeriesMax,
    labelNameBytesMax: options.labelNameBytesMax,
    labelValueBytesMax: options.labelValueBytesMax,
    segmentBytesMax: SEGMENT_BYTES_MAX,
    chunkSamplesMax: CHUNK_SAMPLES_MAX,
    blockRangeMs: options.blockRangeMs,
    hashSeed: randomWords(),
  };
  const db =
    options.readOnly === true
      ? Database.openReadOnly({ ...databaseOptions, outOfOrderWindowMs: Number.MAX_SAFE_INTEGER })
      : Database.open(databaseOptions);
  const engine = new ThreadedEngine(db, options, ingestThreads, queryThreads, log);
  try {
    await engine.replay(progress);
  } catch (error) {
    await engine.close();
    throw error;
  }
  return engine;
}

class ThreadedEngine implements Engine {
  private readonly db: Database;
  private readonly log: Logger;
  private readonly durability: string;
  private readonly options: EngineOptions;
  private readonly readOnly: boolean;
  private readonly epochs: Epochs;
  private readonly language: QueryLanguage;
  private readonly slots: SlotPool;
  private readonly ingestPool: IngestPool;
  private readonly queryPool: QueryPool;
  private readonly importPool: ImportPool;
  private readonly maintenance: Maintenance;
  private readonly adminRequests: AdminRequests;
  private readonly floor: DiskFloor;
  private readonly policy: PolicyControl;
  private readonly churn = new Churn();
  private readonly otlp: OtlpIngest;
  private readonly metrics = new IngestMetrics();
  private status: LogStatus = { state: "ok" };
  private ticker: NodeJS.Timeout | null = null;
  private stopping = false;

  constructor(
    db: Database,
    options: EngineOptions,
    ingestThreads: number,
    queryThreads: number,
    log: Logger,
  ) {
    this.db = db;
    this.log = log;
    this.durability = options.durability;
    this.otlp = new OtlpIngest(this, options.otlp ?? DEFAULT_OTLP_OPTIONS, log);
    this.language = languageOf(options.features ?? []);
    this.slots = new SlotPool(db.shared, options.requestBytesMax);
    this.options = options;
    this.readOnly = options.readOnly ?? false;
    const epochs = Epochs.create(db.shared.queryScratch.length);
    this.epochs = epochs;
    const data = (): ThreadData => ({
      shared: db.shared,
      counter: new SharedArrayBuffer(4),
      dataPath: options.dataPath,
      logDir: db.logDir,
      retentionMs: options.retentionMs,
      epochs: epochs.buffer,
      readOnly: options.readOnly ?? false,
    });
    this.ingestPool = new IngestPool(db, ingestThreads, data(), this.metrics, (error) =>
      this.fatal(error, options),
    );
    this.importPool = new ImportPool({
      acquireSlot: () => this.acquireSlot(),
      ingest: (slot) => this.ingest(slot, 1),
    });
    this.queryPool = new QueryPool({
      data: {
        ...data(),
        timeoutMs: options.queryTimeoutMs,
        lookbackDeltaMs: options.lookbackDeltaMs,
        samplesMax: options.querySamplesMax,
        readSamplesMax: options.readSamplesMax,
        readFrameBytesMax: options.readFrameBytesMax,
        searchLimitMax: options.searchLimitMax,
        language: this.language,
        blockCacheBytes: Math.ceil(options.blockCacheBytes / queryThreads),
      },
      threads: queryThreads,
      epochs,
      logSlowMs: options.logSlowQueryMs ?? 0,
      log,
      registry: this.metrics.registry,
      onDamage: (damaged) => void this.maintenance.quarantine(damaged),
    });
    this.policy = new PolicyControl(db, this.ingestPool, this.queryPool, options, log);
    this.maintenance = new Maintenance(
      db,
      this.ingestPool,
      epochs,
      {
        ...data(),
        blockRangeMs: options.blockRangeMs,
        retentionBytes: options.retentionBytes,
        stop: new SharedArrayBuffer(4),
        endSoon: new SharedArrayBuffer(4),
      },
      log,
    );
    this.floor = new DiskFloor(nodeFileSystem, options.dataPath, options.freeBytesMin);
    this.adminRequests = new AdminRequests(this.maintenance, log);
  }

  private tick(): void {
    this.db.tick();
    this.maintenance.tick();
    this.checkFreeBytes();
    this.churn.mark(systemClock.monotonicMs(), this.db.kernel.seriesCount(), this.metrics.createdSeries);
    this.policy.tick();
  }

  get budgets(): Budgets {
    return this.policy.budgets;
  }

  setRules(rules: IngestRules | null): Promise<void> {
    return this.policy.setRules(rules);
  }

  private fatal(error: unknown, options: EngineOptions): void {
    this.stopping = true;
    options.onFatal(error);
  }

  async replay(progress: (message: string, replay?: ReplayProgress) => void): Promise<void> {
    if (!this.readOnly) nodeFileSystem.mkdir(this.db.logDir);
    const cells = new Float64Array(new SharedArrayBuffer(16));
    const segments = new ReplayedSegments(nodeFileSystem, this.db.logDir);
    progress(REPLAYING, segments.progress(0));
    const reporter = setInterval(() => {
      const [done = 0, total = 0] = cells;
      const percent = total === 0 ? 0 : Math.floor((100 * done) / total);
      const message = `${REPLAYING}: ${percent}% of ${Math.round(total / 2 ** 20)} MiB`;
      progress(message, segments.progress(done));
      this.log.info(message);
    }, PROGRESS_MS);
    const started = systemClock.monotonicMs();
    try {
      const small = logBytes(nodeFileSystem, this.db.logDir) <= REPLAY_HERE_BYTES_MAX;
      const replayed = small
        ? this.db.replay()
        : await this.ingestPool.replay(cells.buffer as SharedArrayBuffer);
      progress(REPLAYING, segments.progress(Number.POSITIVE_INFINITY));
      this.report(replayed, systemClock.monotonicMs() - started);
      if (this.readOnly) {
        this.db.beginReadOnly(replayed);
        await this.readOn();
        return;
      }
      this.db.begin(replayed, (status) => this.changed(status));
      this.metrics.watch(
        this.db,
        replayed,
        () => this.slots.freeCount,
        () => this.ingestPool.pendingCount,
      );
    } finally {
      clearInterval(reporter);
    }
    await this.policy.open();
    this.tick();
    this.ticker = setInterval(() => this.tick(), TICK_MS);
    this.metrics.watchMaintenance(this.maintenance);
    this.metrics.watchDisk(this.floor);
    this.maintenance.start();
  }

  /** Takes up now and then what another process changes in the folder's blocks. */
  private async readOn(): Promise<void> {
    const { dataPath } = this.options;
    await replayPrometheusLogs(this.db, nodeFileSystem, dataPath, this.log);
    this.log.info("serving without writing: no lock is taken", { path: dataPath });
    this.ticker = setInterval(() => this.epochs.advance(), READ_ONLY_RELOAD_MS);
  }

  private report(replayed: ReplaySummary, tookMs: number): void {
    for (const damage of replayed.damages) {
      const { kind, file, start, end, reason, kept } = damage;
      const fields = { file, start, end, reason, ...(kept === null ? {} : { kept }) };
      const torn = this.readOnly ? "passed over the torn end of the log" : "cut the torn end of the log";
      if (kind === "torn") this.log.info(torn, fields);
      else this.log.warn("skipped damaged bytes of the log", fields);
    }
    const { segments, records, samples, series, bytes, unusable } = replayed;
    if (unusable > 0) this.log.warn("log records that could not be used", { records: unusable });
    if (segments === 0) return;
    this.log.info("replayed the log", {
      segments,
      records,
      series,
      samples,
      size: `${(bytes / 2 ** 20).toFixed(1)}MiB`,
      took: `${(tookMs / 1000).toFixed(3)}s`,
    });
  }

  private checkFreeBytes(): void {
    const { floor } = this;
    const before = floor.refusal;
    floor.check();
    if (before === null && floor.refusal !== null)
      this.log.error("writes are refused", { reason: floor.refusal });
    else if (before !== null && floor.refusal === null)
      this.log.info("there is space again: writes are taken");
  }

  private changed(status: LogStatus): void {
    const before = this.status.state;
    this.status = status;
    if (status.state === "degraded") this.log.error("the log cannot be written", { reason: status.reason });
    else if (status.state === "ok" && before === "degraded") this.log.info("the log can be written again");
  }

  ready(): ReadyState {
    if (this.stopping) return { state: "stopping" };
    if (this.status.state === "degraded") return { state: "degraded", message: this.status.reason };
    if (this.floor.refusal !== null) return { state: "degraded", message: this.floor.refusal };
    const { quarantined } = this.maintenance;
    if (quarantined.length > 0) return { state: "degraded", message: describeQuarantine(quarantined) };
    return { state: "ready" };
  }

  acquireSlot(): IngestSlot | null {
    return this.stopping ? null : this.slots.acquire();
  }

  ingest(slot: IngestSlot, protocol: WriteProtocol, packing?: WritePacking): Promise<WriteAnswer> {
    if (this.readOnly) {
      slot.release();
      return Promise.resolve(unavailable(ONLY_READS));
    }
    if (this.stopping || this.status.state !== "ok") {
      slot.release();
      const reason = this.status.state === "degraded" ? this.status.reason : "the server is stopping";
      return Promise.resolve(unavailable(reason));
    }
    if (this.floor.refusal !== null) {
      slot.release();
      return Promise.resolve(unavailable(this.floor.refusal));
    }
    return this.ingestPool.ingest(slot as Slot, protocol, packing);
  }

  importText(request: ImportRequest): Promise<ImportAnswer> {
    return this.importPool.import(request);
  }

  async probe(slot: IngestSlot, protocol: WriteProtocol, packing?: WritePacking): Promise<QueryAnswer> {
    try {
      const answer = await this.ingestPool.probe(slot as Slot, protocol, packing);
      if ("samples" in answer) return encodeData(answer);
      throw new RefusalError(answer.status === 400 ? "bad_data" : "unavailable", answer.message);
    } catch (error) {
      return encodeError(error);
    }
  }

  ingestOtlp(request: OtlpRequest): Promise<OtlpAnswer> {
    return this.otlp.ingest(request);
  }

  query(request: QueryRequest, cancellation: Cancellation): Promise<QueryAnswer> {
    if (request.kind === "cardinality") {
      const now = systemClock.monotonicMs();
      const before = this.churn.before(now, this.db.kernel.seriesCount(), this.metrics.createdSeries);
      const context: CardinalityContext = { ...before, senders: request.context };
      return this.queryPool.query({ ...request, context }, cancellation, systemClock.nowMs());
    }
    if (request.kind === "query_exemplars") {
      const labelsOf = (ref: number) => this.db.labelsOf(ref);
      return Promise.resolve(
        encodeExemplarsAnswer(this.db.exemplars, labelsOf, request.params, this.language),
      );
    }
    const answer = this.queryPool.query(request, cancellation, systemClock.nowMs());
    return request.kind === "search_metric_names" ? this.describeMetrics(request, answer) : answer;
  }

  /** Metadata lies on this thread only. */
  private async describeMetrics(request: QueryRequest, found: Promise<QueryAnswer>): Promise<QueryAnswer> {
    const answer = await found;
    if (answer.status !== 200 || !parseIncludeMetadata(request.params)) return answer;
    return withMetadata(answer, (metric) => this.db.metadata.get(metric)[0]);
  }

  activeQueries(): QueryAnswer {
    return this.queryPool.activeQueries();
  }

  cancelQuery(id: string): boolean {
    return this.queryPool.cancel(id);
  }

  admin(action: AdminAction, params: readonly (readonly [string, string])[]): Promise<QueryAnswer> {
    if (this.readOnly) return Promise.resolve(encodeError(new RefusalError("unavailable", ONLY_READS)));
    return this.adminRequests.answer(action, params);
  }

  metadata(params: readonly (readonly [string, string])[]): QueryAnswer {
    return encodeMetadataAnswer(this.db.metadata, params);
  }

  metricsText(): string {
    return this.metrics.text();
  }

  runtimeInfo(): Readonly<Record<string, string | number | boolean>> {
    return {
      durability: this.durability,
      timeSeriesCount: this.db.kernel.seriesCount() - this.db.kernel.deadSeries(),
    };
  }

  async close(): Promise<void> {
    this.stopping = true;
    if (this.ticker !== null) clearInterval(this.ticker);
    await this.importPool.close();
    await this.otlp.close();
    await this.ingestPool.close();
    await this.maintenance.close();
    await this.queryPool.close();
    await this.db.close();
  }
}

function describeQuarantine(ulids: readonly string[]): string {
  const shown = ulids.slice(0, QUARANTINED_SHOWN_MAX).join(", ");
  const more =
    ulids.length > QUARANTINED_SHOWN_MAX ? ` and ${ulids.length - QUARANTINED_SHOWN_MAX} more` : "";
  return `damaged blocks lie in quarantine/, their samples are not served: ${shown}${more}`;
}
