import type { QueryRequest } from "./contract.js";
import type { QueryLanguage } from "./query-language.js";
import type { ReadLimits } from "./read-answer.js";
import type { ThreadData } from "./thread-data.js";

/** Queries that may be received and not answered at one time. */
export const CANCEL_WORDS = 1024;

export interface QueryTask {
  readonly request: QueryRequest;
  /** Index into the shared cancel words: not zero once nobody waits. */
  readonly cancelWord: number;
  /** When the request came, milliseconds of the wall clock. */
  readonly receivedMs: number;
}

export interface QueryThreadData extends ThreadData, ReadLimits {
  readonly cancel: SharedArrayBuffer;
  readonly timeoutMs: number;
  readonly lookbackDeltaMs: number;
  readonly samplesMax: number;
  readonly language: QueryLanguage;
  readonly blockCacheBytes: number;
}
