/** Entry of a thread that serves: it answers with what it is asked and the thread's number, or does as it is told. */
import { threadId } from "node:worker_threads";
import type { ServeTask } from "../../dist/workers/serving-threads.js";

export function serve({ port }: ServeTask): Promise<void> {
  return new Promise((resolve) => {
    port.on("message", (request: string | null) => {
      if (request === null) resolve();
      else if (request === "exit") process.exit(3);
      else if (request === "throw") throw new Error("thrown");
      else if (request !== "wait") port.postMessage({ request, threadId });
    });
  });
}
