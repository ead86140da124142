/** Entry of a query thread. */
import { workerData } from "node:worker_threads";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { systemClock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import { Epochs } from "../db/epochs.js";
import { QueryThread } from "../db/query-thread.js";
import { nodeFileSystem } from "../io/node-file-system.js";
import type { QueryControl } from "../storage/queryable.js";
import { answerQuery } from "./query-answers.js";
import type { QueryTask, QueryThreadData } from "./query-task.js";
import { answerStatus, isStatusKind } from "./status-answers.js";
import { takeThreadIndex } from "./thread-data.js";

const data = workerData as QueryThreadData;
const thread = new QueryThread(data.shared, takeThreadIndex(data.counter), {
  fs: nodeFileSystem,
  dir: data.dataPath,
  logDir: data.logDir,
  epochs: new Epochs(data.epochs),
  blockCacheBytes: data.blockCacheBytes,
});
const cancelWords = new Int32Array(data.cancel);

/** The answer, whose body is moved to the main thread and not copied. */
export function query({ request, cancelWord, receivedMs }: QueryTask): object {
  const control = (timeoutMs: number): QueryControl => ({
    checkpoint() {
      if (Atomics.load(cancelWords, cancelWord) !== 0) {
        throw new RefusalError("canceled", "query was canceled in expression evaluation");
      }
      if (systemClock.nowMs() - receivedMs > timeoutMs) {
        throw new RefusalError("timeout", "query timed out in expression evaluation");
      }
    },
  });
  const answer = thread.run((queryable, parts) =>
    isStatusKind(request.kind)
      ? answerStatus(request, parts, control(data.timeoutMs))
      : answerQuery(request, queryable, data, receivedMs, control),
  );
  return move({ [transferableSymbol]: [answer.body.buffer], [valueSymbol]: answer } as never) as object;
}
