/**
 * What `http/` may ask of the threads behind it. Plain data only: every message crosses a thread.
 */
import type { Cancellation } from "../base/cancellation.js";
import type { Refusal } from "../head/head-writer.js";
import type { ExceededBudget } from "../head/ingest-policy.js";
import type { IngestRules } from "../model/ingest-rules.js";
import type { ExportCursor } from "../transfer/export-series.js";
import type { BudgetState, BudgetText } from "./budgets.js";

/** Which Remote Write message a body holds. */
export type WriteProtocol = 1 | 2;

/** How a body is packed. zstd is VictoriaMetrics' protocol: a message of 1.0. */
export type WritePacking = "snappy" | "zstd";

/** Bytes of one request body on their way into shared memory. Either submitted or released, once. */
export interface IngestSlot {
  /** Bytes written so far. */
  readonly length: number;
  /** Copies `chunk` behind what is there. "full": no slot of the next size is free now (answer 503);
   * "too-large": over `--limits.request-bytes` (answer 413). */
  write(chunk: Uint8Array): "ok" | "full" | "too-large";
  /** A view of the bytes written so far, good until the slot is given away. */
  bytes(): Uint8Array;
  /** Gives the slot back unused (the client went away, a header was wrong). */
  release(): void;
}

export type { BudgetState, BudgetText } from "./budgets.js";

/** What a request lost, for the ledger: counted as in the answer and in `varve_refused_samples_total`. */
export interface RefusedSamples {
  /** By the words of `varve_refused_samples_total`. */
  readonly reasons: Readonly<Record<string, number>>;
  /** The first few. */
  readonly first: readonly Refusal[];
  readonly budgets: readonly ExceededBudget[];
}

export interface WriteAnswer {
  /** 204 | 400 | 413 | 429 | 500 | 503. */
  readonly status: number;
  /** "" with 204; else what was refused and why, the essence in the first 200 bytes. */
  readonly message: string;
  readonly samples: number;
  readonly histograms: number;
  readonly exemplars: number;
  /** Seconds, with 429 and 503. */
  readonly retryAfterSeconds: number;
  /** Series made. */
  readonly created?: number;
  /** Absent where nothing was refused, or the request as a whole. */
  readonly refused?: RefusedSamples;
}

export type QueryKind =
  | "query"
  | "query_range"
  | "series"
  | "labels"
  | "label_values"
  | "search_metric_names"
  | "search_label_names"
  | "search_label_values"
  | "format_query"
  | "parse_query"
  | "query_exemplars"
  | "rules"
  | "targets_metadata"
  | "cardinality"
  | "count_series"
  | "tsdb_status"
  | "tsdb_blocks"
  | "read"
  | "federate"
  | "export"
  /** Small questions to warm up with, as a JSON list of requests. */
  | "warm_up";

/** Where the next piece of a streamed answer begins: behind the series `after` (its labels, flat) of a query. */
export interface ReadCursor {
  readonly query: number;
  /** Null: at the query's first series. */
  readonly after: readonly string[] | null;
}

/** Who asks: what fairness and the log go by. */
export interface QueryClient {
  /** The address at the other end of the connection. */
  readonly address: string;
  /** "" where there are no users. */
  readonly user: string;
  /** The header `X-Request-Id`. */
  readonly requestId: string;
}

/** The user of a query that the server asks itself: no name that a user could have. */
export const WARM_UP_USER = "\nwarm-up";

/**
 * From the start to the first round of a warm-up, and from one to the next. After a start those who write have much to
 * send, and the processor is theirs.
 */
export const WARM_UP_ROUND_MS = 15_000;
/** More than one: what is stored changes, and blocks come. */
export const WARM_UP_ROUNDS = 5;

/** A read request as it came: parameters are judged on the query thread, with Prometheus' error texts. */
export interface QueryRequest {
  readonly kind: QueryKind;
  /** Repeated names keep their order (`match[]`). */
  readonly params: readonly (readonly [name: string, value: string])[];
  /** The `{name}` of `/label/{name}/values`. */
  readonly labelName?: string;
  /** Of a "read": the request's body, compressed as it came. */
  readonly body?: Uint8Array;
  /** Of "federate": the header. */
  readonly accept?: string;
  /** Of a "read": which piece of a streamed answer; absent: the first. */
  readonly cursor?: ReadCursor;
  /** Of an "export": which piece; absent: the first. */
  readonly exportCursor?: ExportCursor;
  readonly client?: QueryClient;
  /** What the main thread knows beside them, as plain data. */
  readonly context?: unknown;
}

export interface QueryAnswer {
  readonly status: number;
  /** The whole body; of JSON with its envelope. */
  readonly body: Uint8Array;
  /** To be called once nobody reads `body` any more: another answer's may lie there then. */
  readonly release?: () => void;
  /** Absent: JSON. */
  readonly contentType?: string;
  /** Of a streamed answer: where its next piece begins; absent behind the last one. */
  readonly next?: ReadCursor;
  /** The same of an "export". */
  readonly nextExport?: ExportCursor;
}

/** The body of an import, as it came. */
export interface ImportRequest {
  readonly body: Uint8Array;
  readonly gzip: boolean;
  readonly format: "openmetrics" | "prometheus" | "jsonl";
  /** Of samples that name no time; milliseconds. */
  readonly timestampMs: number;
  /** Labels that every series gets, flat. */
  readonly labels: readonly string[];
}

export interface ImportAnswer {
  /** 204 | 400 | 413 | 503. With 400 what is not named in the message is stored. */
  readonly status: number;
  readonly message: string;
}

/** OTLP metrics as they came. */
export interface OtlpRequest {
  readonly body: Uint8Array;
  readonly json: boolean;
  readonly gzip: boolean;
}

export interface OtlpAnswer {
  /** 200, also where some were refused; 400 where everything was; 413, 429, 500, 503. */
  readonly status: number;
  /** Data points that were not stored. */
  readonly refused: number;
  /** Why; "" where everything was stored. */
  readonly message: string;
}

export type ReadyState =
  | { readonly state: "starting"; readonly message: string }
  | { readonly state: "ready" }
  | { readonly state: "degraded"; readonly message: string }
  | { readonly state: "stopping" };

/** How far the replay of the log has come, in segments: `/api/v1/status/walreplay`. */
export interface ReplayProgress {
  readonly min: number;
  readonly max: number;
  readonly current: number;
}

/** What `/api/v1/admin/tsdb/*` can ask for. */
export type AdminAction = "delete_series" | "clean_tombstones" | "snapshot";

/** Budgets of series. */
export interface BudgetSettings {
  list(): BudgetState[];
  /** Throws RefusalError; durable when it resolves. */
  set(budget: BudgetText): Promise<void>;
  remove(match: string): Promise<void>;
}

/** The database behind the front end. */
export interface Engine {
  ready(): ReadyState;
  /** Null: all slots are taken (503 + Retry-After). */
  acquireSlot(): IngestSlot | null;
  /** Answers after the group commit. Never rejects. The slot is the engine's from here on. */
  ingest(slot: IngestSlot, protocol: WriteProtocol, packing?: WritePacking): Promise<WriteAnswer>;
  /** Answers when everything of it is as durable as a write. Never rejects. */
  importText(request: ImportRequest): Promise<ImportAnswer>;
  /** What `ingest` would do, as the body of an answer; nothing is stored. Never rejects. The slot is the engine's. */
  probe(slot: IngestSlot, protocol: WriteProtocol, packing?: WritePacking): Promise<QueryAnswer>;
  /** Translates and stores. Never rejects. */
  ingestOtlp(request: OtlpRequest): Promise<OtlpAnswer>;
  /** Never rejects: errors are answers. An abort ends the evaluation within 100 ms. */
  query(request: QueryRequest, cancellation: Cancellation): Promise<QueryAnswer>;
  /** `/api/v1/status/active_queries`: the answer's JSON body. */
  activeQueries(): QueryAnswer;
  /** Ends a query that waits or runs; false where there is none of this id. */
  cancelQuery(id: string): boolean;
  /** `/api/v1/metadata`: the answer's JSON body. */
  metadata(params: readonly (readonly [string, string])[]): QueryAnswer;
  /** Changes what is stored. Never rejects: errors are answers. */
  admin(
    action: AdminAction,
    params: readonly (readonly [name: string, value: string])[],
  ): Promise<QueryAnswer>;
  /** Own metrics in the Prometheus text format, without those of the front end. */
  metricsText(): string;
  /** Fields of `/api/v1/status/runtimeinfo`. */
  runtimeInfo(): Readonly<Record<string, string | number | boolean>>;
  readonly budgets: BudgetSettings;
  /** Rules for label sets on their way in, from the next request on; null: none. */
  setRules(rules: IngestRules | null): Promise<void>;
  /** Drains, commits, closes. Resolves when everything acknowledged is on disk and the lock is released. */
  close(): Promise<void>;
}
