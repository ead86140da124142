/** Entry of a query thread: from a request's parameters to the bytes of its answer. */
import { workerData } from "node:worker_threads";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { RefusalError } from "../base/errors.js";
import { openQueryable } from "../db/database.js";
import { nodeFileSystem } from "../io/node-file-system.js";
import { compareLabels } from "../model/labels.js";
import { encodeError, encodeSeries, encodeStrings } from "../wire/prometheus-json.js";
import type { QueryAnswer } from "./contract.js";
import type { QueryTask, QueryThreadData } from "./query-task.js";
import { takeThreadIndex } from "./thread-data.js";

const data = workerData as QueryThreadData;
const queryable = openQueryable(data.shared, takeThreadIndex(data.counter), nodeFileSystem, data.logDir);

/** The answer, whose body is moved to the main thread and not copied. */
export function query({ request }: QueryTask): object {
  const result = answer(request.kind, request.labelName ?? "");
  return move({ [transferableSymbol]: [result.body.buffer], [valueSymbol]: result } as never) as object;
}

function answer(kind: string, labelName: string): QueryAnswer {
  const maxt = 2 ** 50;
  try {
    if (kind === "labels") return encodeStrings(queryable.labelNames([], 0, maxt));
    if (kind === "label_values") return encodeStrings(queryable.labelValues(labelName, [], 0, maxt));
    if (kind === "series") {
      const set = queryable.select([], 0, maxt);
      return encodeSeries(Array.from({ length: set.count }, (_, i) => set.labels(i)).sort(compareLabels));
    }
    throw new RefusalError("unsupported", `${kind} is not supported yet`);
  } catch (error) {
    return encodeError(error);
  }
}
