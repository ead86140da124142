/** Entry of a thread that serves: it answers with what it is asked and the thread's number, or does as it is told. */
import { threadId } from "node:worker_threads";
import type { ServeTask } from "../../dist/workers/serving-thread.js";
import { type HasBody, serve as serveOn } from "../../dist/workers/serving-threads.js";

export interface Answer extends HasBody {
  readonly request: string;
  readonly threadId: number;
}

/** "fill BYTE LENGTH": with a body of so many of that byte. */
function answer(request: string): Answer {
  if (request === "exit") process.exit(3);
  if (request === "throw") throw new Error("thrown");
  if (request === "wait") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  const [, byte, length] = request.split(" ");
  return { request, threadId, body: new Uint8Array(Number(length ?? 0)).fill(Number(byte)) };
}

export function serve(task: ServeTask): Promise<void> {
  return serveOn(task, answer, (body) => body.fill(0));
}
