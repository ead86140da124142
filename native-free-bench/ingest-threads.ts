/**
 * How the ingest threads share one head: each thread takes requests of its own connections straight from memory, with
 * no dispatch and no log between, so that what is compared is decoding, lookup and appending alone.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { systemClock } from "../dist/base/clock.js";
import { Database } from "../dist/db/database.js";
import { nodeFileSystem } from "../dist/io/node-file-system.js";
import type { IngestThreadJob } from "./ingest-thread-entry.js";
import type { RequestSource } from "./request-cache.js";
import type { Workload } from "./workloads.js";

const MIB = 1 << 20;
const DAY_MS = 86_400_000;

/** Wall time of a whole workload on `threads` ingest threads, all started at once. */
export async function runIngestThreads(
  source: RequestSource,
  workload: Workload,
  threads: number,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "varve-bench-db-"));
  const db = Database.open({
    fs: nodeFileSystem,
    clock: systemClock,
    dir: folder,
    durability: "memory",
    ingestThreads: threads,
    queryThreads: 1,
    headMemoryLimitBytes: 1024 * MIB,
    outOfOrderWindowMs: DAY_MS,
    retentionMs: 365 * DAY_MS,
    seriesMax: 2_000_000,
    labelsPerSeriesMax: 64,
    labelNameBytesMax: 1024,
    labelValueBytesMax: 4096,
    segmentBytesMax: 128 * MIB,
    chunkSamplesMax: 240,
    blockRangeMs: 7_200_000,
    hashSeed: [1, 2],
  });
  // State 0: the threads wait; 1: they run.
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from({ length: threads }, (_, index) => {
    const workerData = jobOf(db, source, workload, threads, index, gate);
    return new Worker(new URL("./ingest-thread-entry.js", import.meta.url), { workerData });
  });
  try {
    await Promise.all(workers.map(nextMessage));
    const done = Promise.all(workers.map(nextMessage));
    const startedAt = performance.now();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await done;
    return performance.now() - startedAt;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The bodies of the connections that fall to one thread, round by round. */
function jobOf(
  db: Database,
  source: RequestSource,
  workload: Workload,
  threads: number,
  index: number,
  gate: Int32Array,
): IngestThreadJob {
  const own = source.connections.map((_, connection) => connection).filter((c) => c % threads === index);
  const bytes = own.reduce((sum, c) => sum + source.connections[c]!.lengths.reduce((a, b) => a + b, 0), 0);
  const bodies = new Uint8Array(new SharedArrayBuffer(bytes));
  const lengths: number[] = [];
  const body = new Uint8Array(source.bodyBytesMax);
  let at = 0;
  const most = Math.max(...own.map((c) => source.connections[c]!.lengths.length));
  for (let request = 0; request < most; request++) {
    for (const connection of own) {
      if (request >= source.connections[connection]!.lengths.length) continue;
      const length = source.read(connection, request, body);
      bodies.set(body.subarray(0, length), at);
      lengths.push(length);
      at += length;
    }
  }
  const region = db.shared.slotRegions.find(({ bytes: slotBytes }) => slotBytes >= source.bodyBytesMax)!;
  return {
    shared: db.shared,
    index,
    version: workload.protocol,
    slotAt: region.at + index * region.bytes,
    slotBytes: region.bytes,
    bodies,
    lengths,
    gate,
  };
}

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
