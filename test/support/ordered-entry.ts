/** Entry of a thread that answers with what it is asked: "later" after a while, "throw" not at all. */
import { setTimeout as sleep } from "node:timers/promises";
import { threadId } from "node:worker_threads";
import { type ServeTask, takeRequests } from "../../dist/workers/serving-thread.js";

const LATER_MS = 20;

function answer(request: string): string {
  if (request.endsWith("throw")) throw new Error("thrown");
  if (request === "exit") process.exit(3);
  return request === "thread" ? String(threadId) : request;
}

export function serve(task: ServeTask): Promise<void> {
  return takeRequests(task, (request: string) => {
    if (!request.startsWith("later")) return task.port.postMessage(answer(request));
    return sleep(LATER_MS).then(() => task.port.postMessage(answer(request)));
  });
}
