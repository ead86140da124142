import { Worker } from "node:worker_threads";
import type { FloodOptions, FloodOutcome } from "./flood-thread.js";

/** Begins to send on a thread of its own; the outcome comes when all connections are closed. */
export async function startFlood(
  options: FloodOptions,
): Promise<{ readonly outcome: Promise<FloodOutcome> }> {
  const worker = new Worker(new URL("flood-thread.js", import.meta.url), { workerData: options });
  const next = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  await next();
  const outcome = next() as Promise<FloodOutcome>;
  return { outcome: outcome.finally(() => worker.terminate()) };
}
