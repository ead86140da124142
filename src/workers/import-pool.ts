/** Imports over HTTP: read on a thread of their own, then sent the way of every write request. */
import { setTimeout as sleep } from "node:timers/promises";
import { SLOT_WAIT_MS_MAX, SLOT_WAIT_TICK_MS } from "../base/limits.js";
import type { ParsedImport } from "../transfer/http-import.js";
import type { ImportAnswer, ImportRequest, IngestSlot, WriteAnswer } from "./contract.js";
import { closePool, openPool, type ThreadPool } from "./thread-pool.js";

/** Imports that may be read or wait to be; each holds its body. */
const QUEUE_MAX = 16;

/** The write path as an import sees it. */
export interface ImportTarget {
  acquireSlot(): IngestSlot | null;
  ingest(slot: IngestSlot): Promise<WriteAnswer>;
}

export class ImportPool {
  private readonly pool: ThreadPool;
  private readonly target: ImportTarget;
  /** Bodies that are being read, or wait for it. */
  private reading = 0;

  constructor(target: ImportTarget) {
    this.target = target;
    this.pool = openPool({
      filename: new URL("import-entry.js", import.meta.url).href,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: 30_000,
      atomics: "disabled",
    });
  }

  async import(request: ImportRequest): Promise<ImportAnswer> {
    if (this.reading > QUEUE_MAX) return { status: 503, message: "too many imports are waiting" };
    let parsed: ParsedImport | ImportAnswer;
    this.reading++;
    try {
      parsed = (await this.pool.run(request, { name: "parse" })) as ParsedImport | ImportAnswer;
    } catch {
      return { status: 500, message: "the import could not be read" };
    } finally {
      this.reading--;
    }
    return "status" in parsed ? parsed : this.store(parsed);
  }

  /** One request after the other: an import must not crowd out those who write now. */
  private async store({ requests, samples, problems, problemCount }: ParsedImport): Promise<ImportAnswer> {
    let stored = 0;
    const refusals: string[] = [];
    for (const request of requests) {
      const answer = await this.write(request);
      stored += answer.samples + answer.histograms;
      if (answer.status === 400) refusals.push(answer.message);
      else if (answer.status !== 204) {
        const message = `${answer.message}; ${stored} of ${samples} samples were stored before: the same body may be sent again`;
        return { status: 503, message };
      }
    }
    if (problemCount === 0 && refusals.length === 0) return { status: 204, message: "" };
    const lines = problems.map(({ line, reason }) => `line ${line}: ${reason}`);
    if (problemCount > problems.length) lines.push(`… and ${problemCount - problems.length} more lines`);
    const counts = [`stored ${stored} of ${samples} samples`];
    if (problemCount > 0) counts.push(`${problemCount} lines cannot be read`);
    const message = [counts.join(", "), ...refusals.slice(0, REFUSALS_NAMED_MAX), ...lines];
    if (refusals.some((text) => text.includes("too old"))) message.push(OLD_SAMPLES);
    return { status: 400, message: message.join("\n") };
  }

  private async write(request: Uint8Array): Promise<WriteAnswer> {
    for (let waitedMs = 0; ; waitedMs += SLOT_WAIT_TICK_MS) {
      const slot = this.target.acquireSlot();
      const outcome = slot?.write(request);
      if (slot !== null && outcome === "ok") return this.target.ingest(slot);
      slot?.release();
      if (outcome === "too-large")
        return { ...NOTHING, status: 400, message: "a series is too large for a request" };
      if (waitedMs >= SLOT_WAIT_MS_MAX)
        return { ...NOTHING, status: 503, message: "all request slots are in use" };
      await sleep(SLOT_WAIT_TICK_MS);
    }
  }

  close(): Promise<void> {
    return closePool(this.pool);
  }
}

const REFUSALS_NAMED_MAX = 5;
const OLD_SAMPLES =
  "samples older than the out-of-order window cannot be sent to a running server: stop it and use `varve import`";
const NOTHING: WriteAnswer = {
  status: 503,
  message: "",
  samples: 0,
  histograms: 0,
  exemplars: 0,
  retryAfterSeconds: 5,
};
