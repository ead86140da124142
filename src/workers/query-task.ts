import type { DamagedBlock } from "../block/block-folder.js";
import type { QueryAnswer, QueryRequest } from "./contract.js";
import type { QueryLanguage } from "./query-language.js";
import type { ReadLimits } from "./read-answer.js";
import type { ThreadData } from "./thread-data.js";

export interface QueryTask {
  readonly request: QueryRequest;
  /** Its place on the board. */
  readonly place: number;
  /** When the request came, milliseconds of the wall clock. */
  readonly receivedMs: number;
}

/** What a thread gives back. */
export interface QueryOutcome extends QueryAnswer {
  /** Samples read. */
  readonly samples: number;
  /** Blocks that were found damaged and left out: they are to be moved aside. */
  readonly damaged?: readonly DamagedBlock[];
  /** Damage that the query ended in, for the log. */
  readonly corruption?: string;
  /** What went wrong where nothing may, for the log; the client is told "internal error". */
  readonly failure?: string;
}

export interface QueryThreadData extends ThreadData, ReadLimits {
  /** Of `QueryBoard`. */
  readonly board: SharedArrayBuffer;
  /** Of `ThreadSlots`. */
  readonly threadSlots: SharedArrayBuffer;
  readonly timeoutMs: number;
  readonly lookbackDeltaMs: number;
  readonly samplesMax: number;
  readonly searchLimitMax: number;
  readonly language: QueryLanguage;
  readonly blockCacheBytes: number;
}
