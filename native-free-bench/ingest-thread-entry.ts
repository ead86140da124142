/** A thread of `ingest-threads.ts`: says that it is there, waits for the gate, takes its requests, says that it is done. */
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../dist/base/clock.js";
import { IngestThread } from "../dist/db/ingest-thread.js";
import type { SharedMemory } from "../dist/kernel/shared-memory.js";

export interface IngestThreadJob {
  readonly shared: SharedMemory;
  readonly index: number;
  readonly version: number;
  readonly slotAt: number;
  readonly slotBytes: number;
  /** One behind the other, `lengths` long. */
  readonly bodies: Uint8Array;
  readonly lengths: readonly number[];
  readonly gate: Int32Array;
}

const { shared, index, version, slotAt, slotBytes, bodies, lengths, gate } = workerData as IngestThreadJob;
const thread = new IngestThread(shared, index, {
  clock: systemClock,
  retentionMs: 365 * 86_400_000,
  readLogChunk: () => {
    throw new Error("nothing was evicted");
  },
});
// The slots lie below the heap, which grows: this view stays right.
const slot = new Uint8Array(shared.memory.buffer, slotAt, slotBytes);
parentPort!.postMessage("ready");
Atomics.wait(gate, 0, 0);
let at = 0;
for (const length of lengths) {
  slot.set(bodies.subarray(at, at + length));
  at += length;
  const { status, message } = thread.ingest(slotAt, length, slotBytes, version);
  if (status !== 204) throw new Error(`${status} ${message}`);
}
parentPort!.postMessage("done");
