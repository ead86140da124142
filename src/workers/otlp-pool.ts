/** Translates OTLP on a thread of its own, started with the first request, so that no other request waits for it. */
import { OTLP_REQUESTS_MAX } from "../base/limits.js";
import type { OtlpOptions, Translated } from "../wire/otlp-translate.js";
import type { OtlpTask, OtlpThreadData } from "./otlp-task.js";
import { closePool, openPool, type ThreadPool } from "./thread-pool.js";

export class OtlpPool {
  private pool: ThreadPool | null = null;
  private readonly options: OtlpOptions;

  constructor(options: OtlpOptions) {
    this.options = options;
  }

  /** A string is the reason why the request cannot be read; null: too many wait. */
  async translate(task: OtlpTask): Promise<Translated | string | null> {
    const workerData: OtlpThreadData = { options: this.options };
    this.pool ??= openPool({
      filename: new URL("otlp-entry.js", import.meta.url).href,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: IDLE_TIMEOUT_MS,
      workerData,
      atomics: "disabled",
    });
    if (this.pool.queueSize >= OTLP_REQUESTS_MAX) return null;
    return (await this.pool.run(task, { name: "translate" })) as Translated | string;
  }

  async close(): Promise<void> {
    if (this.pool !== null) await closePool(this.pool);
  }
}

const IDLE_TIMEOUT_MS = 60_000;
