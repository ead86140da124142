/** What a worker thread is started with: plain data and shareable objects. */
import type { SharedMemory } from "../kernel/shared-memory.js";

export interface ThreadData {
  readonly shared: SharedMemory;
  /** Ingest threads count themselves: each takes the next number, and with it its scratch. */
  readonly counter: SharedArrayBuffer;
  readonly dataPath: string;
  readonly logDir: string;
  readonly retentionMs: number;
  /** Of `Epochs`. */
  readonly epochs: SharedArrayBuffer;
  readonly readOnly: boolean;
}

/** This thread's number in its pool. */
export function takeThreadIndex(counter: SharedArrayBuffer): number {
  return Atomics.add(new Int32Array(counter), 0, 1);
}
