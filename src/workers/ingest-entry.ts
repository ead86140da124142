/** Entry of an ingest thread: one message carries the requests that were waiting when it was made. */
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
  type IngestReply,
  type IngestRequest,
  type IngestTask,
  type IngestTaskResult,
  type ProbeFailure,
  packOutcomes,
  TASK_WORDS,
  ZSTD_BODY,
} from "./ingest-messages.js";
import { loadZstd } from "./load-zstd.js";
import { type ServeTask, takeRequests } from "./serving-thread.js";
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

/** The pool's task for as long as the thread lives. */
export function serve(task: ServeTask): Promise<void> {
  const { port } = task;
  return takeRequests(task, (request: IngestRequest) => {
    const reply = replyTo(request);
    return reply instanceof Promise ? reply.then((late) => port.postMessage(late)) : port.postMessage(reply);
  });
}

function replyTo(request: IngestRequest): IngestReply | Promise<IngestReply> {
  const [rows, work] = "probe" in request ? [request.probe, probe] : [request, ingest];
  return hasZstd(rows) && !zstdIsLoaded() ? loadZstd().then(() => work(rows)) : work(rows);
}

function hasZstd(rows: IngestTask): boolean {
  for (let i = TASK_WORDS - 1; i < rows.length; i += TASK_WORDS) if (isZstd(rows[i])) return true;
  return false;
}

function isZstd(version = 0): boolean {
  return version >= ZSTD_BODY;
}

function ingest(rows: IngestTask): IngestTaskResult {
  const thread = ingestThread();
  const outcomes: IngestOutcome[] = [];
  for (let i = 0; i < rows.length; i += TASK_WORDS) {
    const [slot = 0, length = 0, slotBytes = 0, version = 0] = rows.slice(i, i + TASK_WORDS);
    outcomes.push(thread.ingest(slot, length, slotBytes, version % ZSTD_BODY, isZstd(version)));
  }
  return packOutcomes(outcomes);
}

function probe([slot = 0, length = 0, , version = 0]: IngestTask): DryRunAnswer | ProbeFailure {
  return ingestThread().probe(slot, length, version % ZSTD_BODY, isZstd(version));
}

/** A task before that: rebuilds the head; `progress` is a shared pair of doubles {bytes done, bytes in all}. */
export function replay(progress: SharedArrayBuffer): ReplaySummary {
  const cells = new Float64Array(progress);
  const tell = (done: number, total: number): void => {
    cells[0] = done;
    cells[1] = total;
  };
  return replayDatabaseLog(data.shared, nodeFileSystem, data.logDir, tell, data.readOnly);
}
