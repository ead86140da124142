/** Entry of the maintenance thread. */
import { workerData } from "node:worker_threads";
import { systemClock } from "../base/clock.js";
import type { DamagedBlock } from "../block/block-folder.js";
import type { BlockMeta } from "../block/block-meta.js";
import type { MaintenanceStep } from "../compact/maintenance.js";
import { MaintenanceThread } from "../db/maintenance.js";
import type { DroppedSeries } from "../head/ended-series.js";
import type { RewrittenChunks } from "../head/head-deleter.js";
import { nodeFileSystem } from "../io/node-file-system.js";
import type { DeletionRequest, TombstoneEntry } from "../wal/cold-records.js";
import type { LogPlace } from "../wal/segments.js";
import type { MaintenanceData } from "./maintenance.js";

const data = workerData as MaintenanceData;
const pause = new Int32Array(new SharedArrayBuffer(4));
const stop = new Int32Array(data.stop);
const endSoon = new Int32Array(data.endSoon);
let endable = false;
let workedSinceMs = systemClock.monotonicMs();

/**
 * What nobody waits for works WORK_MS and rests REST_MS. A lower priority alone is not enough: V8 compiles the code of
 * this thread on helper threads, which have the priority of the process, and who comes back from a rest may keep the
 * processor for a few milliseconds; so the pieces are short. While the eight hours of W2 were compacted on two calm
 * cores, writes took 1.1 to 1.6 times as long as before at the 99th percentile; without rests, 2.2 to 2.6 times.
 */
const WORK_MS = 0.5;
const REST_MS = 1.5;
let resting = false;

/** Somebody waits for this thread (see `Turns`). */
class EndedEarly extends Error {}

function withRests<T>(work: () => T): T {
  resting = true;
  try {
    return work();
  } finally {
    resting = false;
  }
}

/** Null: ended early, and nothing was changed. */
function unlessEnded<T>(work: () => T): T | null {
  endable = true;
  try {
    return work();
  } catch (error) {
    if (error instanceof EndedEarly) return null;
    throw error;
  } finally {
    endable = false;
  }
}

const thread = new MaintenanceThread(data.shared, {
  fs: nodeFileSystem,
  clock: systemClock,
  dir: data.dataPath,
  logDir: data.logDir,
  blockRangeMs: data.blockRangeMs,
  retentionMs: data.retentionMs,
  retentionBytes: data.retentionBytes,
  checkpoint() {
    if (Atomics.load(stop, 0) !== 0) throw new Error("the server is stopping");
    if (endable && Atomics.load(endSoon, 0) !== 0) throw new EndedEarly();
    if (!resting || systemClock.monotonicMs() - workedSinceMs < WORK_MS) return;
    Atomics.wait(pause, 0, 0, REST_MS);
    workedSinceMs = systemClock.monotonicMs();
  },
});

export function compactHead(task: { readonly endMs: number; readonly place: LogPlace }): BlockMeta[] {
  return withRests(() => thread.compactHead(task.endMs, task.place));
}

export function dropHead(): void {
  thread.dropHead();
}

export function countEnded(borderMs: number): number {
  return thread.countEnded(borderMs);
}

export function prepareIndex(task: { readonly borderMs: number; readonly pinned: Uint32Array }): boolean {
  return thread.prepareIndex(task.borderMs, task.pinned);
}

export function replaceIndex(pinned: Uint32Array): boolean {
  return thread.replaceIndex(pinned);
}

export function buryEnded(): DroppedSeries {
  return thread.buryEnded();
}

export function truncateLog(task: { readonly last: number; readonly others: readonly Uint8Array[] }): number {
  return thread.truncateLog(task.last, task.others);
}

export function maintain(newestMs: number): MaintenanceStep | null {
  return withRests(() => unlessEnded(() => thread.maintain(newestMs)));
}

export function cleanTombstones(): MaintenanceStep | null {
  return unlessEnded(() => thread.cleanTombstones());
}

export function selectRefs(sets: DeletionRequest["sets"]): Uint32Array {
  return thread.deletion.select(sets);
}

export function deleteFromHead(entries: readonly TombstoneEntry[]): RewrittenChunks | null {
  return thread.deletion.deleteFromHead(entries);
}

export function deleteFromBlocks(request: DeletionRequest): DamagedBlock[] {
  return thread.deleteFromBlocks(request);
}

export function quarantine(damaged: readonly DamagedBlock[]): void {
  thread.quarantine(damaged);
}

export function snapshot(task: {
  readonly name: string;
  readonly others: readonly Uint8Array[] | null;
}): void {
  thread.snapshot(task.name, task.others);
}
