/** Entry of a query thread. */
import { threadId, workerData } from "node:worker_threads";
import { assert } from "../base/assert.js";
import { systemClock } from "../base/clock.js";
import { CorruptionError, RefusalError } from "../base/errors.js";
import { underControl } from "../base/patience.js";
import { Epochs } from "../db/epochs.js";
import { QueryThread, type StoredParts } from "../db/query-thread.js";
import { nodeFileSystem } from "../io/node-file-system.js";
import type { Queryable, QueryControl } from "../storage/queryable.js";
import { giveBackBuffer } from "../wire/json-writer.js";
import { queryTimeoutMs } from "../wire/params.js";
import { encodeError } from "../wire/prometheus-json.js";
import { answerCardinality, isCardinalityKind } from "./cardinality-answers.js";
import { answerExport } from "./export-answer.js";
import { answerQuery } from "./query-answers.js";
import { QueryBoard } from "./query-board.js";
import type { QueryOutcome, QueryTask, QueryThreadData } from "./query-task.js";
import { smallQuestions, warmUp } from "./query-warm-up.js";
import type { ServeTask } from "./serving-thread.js";
import { serve as serveOn } from "./serving-threads.js";
import { answerStatus, isStatusKind } from "./status-answers.js";
import { ThreadSlots } from "./thread-slots.js";

const data = workerData as QueryThreadData;
const board = new QueryBoard(data.board);
const index = new ThreadSlots(data.threadSlots).take(threadId);
assert(index >= 0, "there are more slots than threads");
const thread = new QueryThread(data.shared, index, {
  fs: nodeFileSystem,
  dir: data.dataPath,
  logDir: data.logDir,
  epochs: new Epochs(data.epochs),
  blockCacheBytes: data.blockCacheBytes,
});

/** Merged and expired blocks keep their files, and the space of those, until this thread has let go of them. */
const REFRESH_MS = 10_000;
setInterval(() => {
  try {
    thread.run(() => undefined);
  } catch {
    // The next query meets the same and says so.
  }
}, REFRESH_MS).unref();

/** Nobody cancels what a thread asks itself. */
const ownBoard = QueryBoard.create(1);
warmUp({
  run: (work) => thread.run(work),
  answer: (request, queryable, parts) =>
    giveBackBuffer(
      evaluate({ request, place: 0, receivedMs: systemClock.nowMs() }, ownBoard, queryable, parts).body,
    ),
});

/** The pool's task: as long as the thread lives. */
export function serve(task: ServeTask): Promise<void> {
  return serveOn(task, query, giveBackBuffer);
}

function query(task: QueryTask): QueryOutcome {
  const answered = answer(() => thread.run((queryable, parts) => evaluate(task, board, queryable, parts)));
  const damaged = thread.takeDamaged();
  return damaged.length === 0 ? answered : { ...answered, damaged };
}

function evaluate(
  { request, place, receivedMs }: QueryTask,
  onBoard: QueryBoard,
  queryable: Queryable,
  parts: StoredParts,
): QueryOutcome {
  const startControl = (timeoutMs: number): QueryControl => ({
    checkpoint(samples) {
      if (samples !== undefined) onBoard.setSamples(place, samples);
      if (onBoard.isCanceled(place)) {
        throw new RefusalError("canceled", "query was canceled in expression evaluation");
      }
      if (systemClock.nowMs() - receivedMs > timeoutMs) {
        throw new RefusalError("timeout", "query timed out in expression evaluation");
      }
    },
  });
  const waitedMs = systemClock.nowMs() - receivedMs;
  const control = startControl(queryTimeoutMs(request.params, data.timeoutMs));
  const { warnings } = parts;
  return underControl(control.checkpoint, () =>
    request.kind === "warm_up"
      ? { ...smallQuestions(parts), samples: 0 }
      : isStatusKind(request.kind)
        ? { ...answerStatus(request, parts, control), samples: 0 }
        : request.kind === "export"
          ? { ...answerExport(request, queryable, parts, control), samples: 0 }
          : isCardinalityKind(request.kind)
            ? { ...answerCardinality(request, queryable, parts, control), samples: 0 }
            : answerQuery(request, queryable, data, { nowMs: receivedMs, waitedMs, startControl, warnings }),
  );
}

/** Damage of the log, which no other copy stands in for, is an answer, too, as is whatever else goes wrong. */
function answer(run: () => QueryOutcome): QueryOutcome {
  try {
    return run();
  } catch (error) {
    const answered = { ...encodeError(error), samples: 0 };
    if (error instanceof CorruptionError) return { ...answered, corruption: error.message };
    return { ...answered, failure: error instanceof Error ? (error.stack ?? "") : String(error) };
  }
}
