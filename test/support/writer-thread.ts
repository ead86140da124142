/** A worker thread that writes the same few series as fast as it can until told to stop. */
import { parentPort, workerData } from "node:worker_threads";
import { IngestThread } from "../../dist/db/ingest-thread.js";
import type { SharedMemory } from "../../dist/kernel/shared-memory.js";
import { requestBody } from "./database.js";
import { FakeClock } from "./fake-clock.js";

export interface WriterData {
  readonly shared: SharedMemory;
  readonly index: number;
  /** Int32: anything but 0 ends the thread. */
  readonly stop: SharedArrayBuffer;
}

export const WRITER_SERIES = 8;
export const WRITER_START_MS: number = new FakeClock().nowMs() - 3_600_000;
const SAMPLES_PER_REQUEST = 5;

/** The n-th sample of writer `index` of two: their timestamps interleave. */
export function writerTimestamp(index: number, n: number): number {
  return WRITER_START_MS + 2 * n + index;
}

export function writerValue(series: number, timestamp: number): number {
  return series + ((timestamp * 7919) % 1000) / 8;
}

function run({ shared, index, stop }: WriterData): void {
  const thread = new IngestThread(shared, index, {
    clock: new FakeClock(),
    retentionMs: 86_400_000,
    readLogChunk: () => {
      throw new Error("no chunk leaves memory");
    },
  });
  const stopped = new Int32Array(stop);
  const { at, bytes } = shared.slotRegions[0];
  const slot = at + index * bytes;
  let n = 0;
  for (; Atomics.load(stopped, 0) === 0; n += SAMPLES_PER_REQUEST) {
    const times = Array.from({ length: SAMPLES_PER_REQUEST }, (_, i) => writerTimestamp(index, n + i));
    const series = Array.from({ length: WRITER_SERIES }, (_, s) => ({
      labels: [["__name__", `written_${s}`]] as const,
      samples: times.map((timestamp) => ({ timestamp, value: writerValue(s, timestamp) })),
    }));
    const body = requestBody(series, 1);
    new Uint8Array(shared.memory.buffer).set(body, slot);
    const { status, message } = thread.ingest(slot, body.length, bytes, 1);
    if (status !== 204) throw new Error(message);
  }
  parentPort?.postMessage(n);
}

if (parentPort !== null) run(workerData as WriterData);
