/** Entry of a query thread. */
import { threadId, workerData } from "node:worker_threads";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { assert } from "../base/assert.js";
import { systemClock } from "../base/clock.js";
import { CorruptionError, RefusalError } from "../base/errors.js";
import { underControl } from "../base/patience.js";
import { Epochs } from "../db/epochs.js";
import { QueryThread } from "../db/query-thread.js";
import { nodeFileSystem } from "../io/node-file-system.js";
import type { QueryControl } from "../storage/queryable.js";
import { queryTimeoutMs } from "../wire/params.js";
import { encodeError } from "../wire/prometheus-json.js";
import { answerCardinality, isCardinalityKind } from "./cardinality-answers.js";
import { answerExport } from "./export-answer.js";
import { answerQuery } from "./query-answers.js";
import { QueryBoard } from "./query-board.js";
import type { QueryOutcome, QueryTask, QueryThreadData } from "./query-task.js";
import { warmUp } from "./query-warm-up.js";
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

const NO_CONTROL: QueryControl = { checkpoint: () => undefined };
warmUp({
  run: (work) => thread.run(work),
  answer(request, queryable) {
    const nowMs = systemClock.nowMs();
    const startControl = (): QueryControl => NO_CONTROL;
    answerQuery(request, queryable, data, { nowMs, waitedMs: 0, startControl, warnings: () => [] });
  },
});

/** The answer, whose body is moved to the main thread and not copied. */
export function query({ request, place, receivedMs }: QueryTask): object {
  const startControl = (timeoutMs: number): QueryControl => ({
    checkpoint(samples) {
      if (samples !== undefined) board.setSamples(place, samples);
      if (board.isCanceled(place)) {
        throw new RefusalError("canceled", "query was canceled in expression evaluation");
      }
      if (systemClock.nowMs() - receivedMs > timeoutMs) {
        throw new RefusalError("timeout", "query timed out in expression evaluation");
      }
    },
  });
  const waitedMs = systemClock.nowMs() - receivedMs;
  const control = startControl(queryTimeoutMs(request.params, data.timeoutMs));
  const answered = answer(() =>
    thread.run((queryable, parts) => {
      const { warnings } = parts;
      return underControl(control.checkpoint, () =>
        isStatusKind(request.kind)
          ? { ...answerStatus(request, parts, control), samples: 0 }
          : request.kind === "export"
            ? { ...answerExport(request, queryable, parts, control), samples: 0 }
            : isCardinalityKind(request.kind)
              ? { ...answerCardinality(request, queryable, parts, control), samples: 0 }
              : answerQuery(request, queryable, data, {
                  nowMs: receivedMs,
                  waitedMs,
                  startControl,
                  warnings,
                }),
      );
    }),
  );
  const damaged = thread.takeDamaged();
  const outcome: QueryOutcome = damaged.length === 0 ? answered : { ...answered, damaged };
  return move({ [transferableSymbol]: [outcome.body.buffer], [valueSymbol]: outcome } as never) as object;
}

/** Damage of the log, which no other copy stands in for, is an answer, too. */
function answer(run: () => QueryOutcome): QueryOutcome {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return { ...encodeError(error), samples: 0, corruption: error.message };
  }
}
