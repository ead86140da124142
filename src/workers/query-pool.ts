/**
 * The query threads: a pool of their own, so that a heavy query never waits for ingest nor ingest for it. An
 * evaluation runs to its end on its thread; a shared word tells it that nobody waits any more.
 */
import { Piscina } from "piscina";
import { assert } from "../base/assert.js";
import type { QueryAnswer, QueryRequest } from "./contract.js";
import { CANCEL_WORDS, type QueryTask, type QueryThreadData } from "./query-task.js";

export class QueryPool {
  private readonly pool: Piscina;
  private readonly cancelWords: Int32Array;
  private readonly freeWords: number[];

  constructor(data: Omit<QueryThreadData, "cancel">, threads: number, concurrencyMax: number) {
    const cancel = new SharedArrayBuffer(4 * CANCEL_WORDS);
    this.cancelWords = new Int32Array(cancel);
    this.freeWords = Array.from({ length: CANCEL_WORDS }, (_, i) => i);
    this.pool = new Piscina({
      filename: new URL("query-entry.js", import.meta.url).href,
      minThreads: 1,
      maxThreads: threads,
      idleTimeout: 60_000,
      maxQueue: Math.max(concurrencyMax, threads),
      workerData: { ...data, cancel },
      atomics: "disabled",
    });
  }

  async query(request: QueryRequest, signal: AbortSignal, receivedMs: number): Promise<QueryAnswer> {
    const word = this.freeWords.pop();
    if (word === undefined) return busy();
    assert(this.cancelWords[word] === 0, "a free word is zero");
    const cancel = (): void => {
      Atomics.store(this.cancelWords, word, 1);
    };
    if (signal.aborted) cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      const task: QueryTask = { request, cancelWord: word, receivedMs };
      return (await this.pool.run(task, { name: "query" })) as QueryAnswer;
    } catch (error) {
      return failed(error instanceof Error ? error.message : String(error));
    } finally {
      signal.removeEventListener("abort", cancel);
      Atomics.store(this.cancelWords, word, 0);
      this.freeWords.push(word);
    }
  }

  close(): Promise<void> {
    return this.pool.destroy();
  }
}

const encoder = new TextEncoder();

function errorAnswer(status: number, errorType: string, error: string): QueryAnswer {
  return { status, body: encoder.encode(JSON.stringify({ status: "error", errorType, error })) };
}

function busy(): QueryAnswer {
  return errorAnswer(503, "unavailable", "too many queries are waiting");
}

/** The pool's queue is full, or the thread died of something no query can cause. */
function failed(message: string): QueryAnswer {
  if (message.includes("queue is at limit")) return busy();
  return errorAnswer(500, "internal", message);
}
