/** Entry of an ingest thread: one task carries the requests that were waiting when it was made. */
import { workerData } from "node:worker_threads";
import { systemClock } from "../base/clock.js";
import { openLogChunks } from "../db/database.js";
import type { DryRunAnswer } from "../db/dry-run.js";
import { IngestThread } from "../db/ingest-thread.js";
import type { IngestOutcome } from "../db/outcome.js";
import { replayDatabaseLog } from "../db/replay-log.js";
import { zstdIsLoaded } from "../encoding/zstd.js";
import type { ReplaySummary } from "../head/replay.js";
import { nodeFileSystem } from "../io/node-file-system.js";
import {
  type IngestTask,
  type IngestTaskResult,
  type ProbeFailure,
  packOutcomes,
  TASK_WORDS,
  ZSTD_BODY,
} from "./ingest-messages.js";
import { loadZstd } from "./load-zstd.js";
import { type ThreadData, takeThreadIndex } from "./thread-data.js";

const data = workerData as ThreadData;
const index = takeThreadIndex(data.counter);
let thread: IngestThread | undefined;

function ingestThread(): IngestThread {
  thread ??= new IngestThread(data.shared, index, {
    clock: systemClock,
    retentionMs: data.retentionMs,
    readLogChunk: openLogChunks(nodeFileSystem, data.logDir),
  });
  return thread;
}

export function ingest(task: IngestTask): IngestTaskResult | Promise<IngestTaskResult> {
  for (let i = TASK_WORDS - 1; i < task.length; i += TASK_WORDS) {
    if (isZstd(task[i]) && !zstdIsLoaded()) return loadZstd().then(() => ingestAll(task));
  }
  return ingestAll(task);
}

function ingestAll(task: IngestTask): IngestTaskResult {
  const thread = ingestThread();
  const outcomes: IngestOutcome[] = [];
  for (let i = 0; i < task.length; i += TASK_WORDS) {
    const [slot = 0, length = 0, slotBytes = 0, version = 0] = task.slice(i, i + TASK_WORDS);
    outcomes.push(thread.ingest(slot, length, slotBytes, version % ZSTD_BODY, isZstd(version)));
  }
  return packOutcomes(outcomes);
}

function isZstd(version = 0): boolean {
  return version >= ZSTD_BODY;
}

/** A dry run of the body in a slot: {slot, length, version}. */
export async function probe(task: readonly number[]): Promise<DryRunAnswer | ProbeFailure> {
  const [slot = 0, length = 0, version = 0] = task;
  if (isZstd(version)) await loadZstd();
  return ingestThread().probe(slot, length, version % ZSTD_BODY, isZstd(version));
}

/** Rebuilds the head; `progress` is a shared pair of doubles {bytes done, bytes in all}. */
export function replay(progress: SharedArrayBuffer): ReplaySummary {
  const cells = new Float64Array(progress);
  const tell = (done: number, total: number): void => {
    cells[0] = done;
    cells[1] = total;
  };
  return replayDatabaseLog(data.shared, nodeFileSystem, data.logDir, tell, data.readOnly);
}
