/** Entry of a thread that takes its time to load; the word of its data tells when it has. */
import { setTimeout as sleep } from "node:timers/promises";
import { workerData } from "node:worker_threads";

await sleep(200);
Atomics.store(new Int32Array(workerData as SharedArrayBuffer), 0, 1);

export function work(): number {
  return 7;
}
