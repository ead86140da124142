/**
 * Threads of a pool that serve: each runs one task of the pool as long as it lives, which takes requests from a port
 * of its own and answers there. The pool makes and ends threads and tells of their deaths; a request costs one message
 * each way. A task of the pool for each request took 0.08 ms longer.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { AreaReader, AreaWriter, type LeftBody } from "./shared-area.js";
import type { ThreadPool } from "./thread-pool.js";

/** What the pool's task is given. `null` on the port: no more requests; the task is to end. */
export interface ServeTask {
  readonly port: MessagePort;
}

/** What every answer has. */
export interface HasBody {
  readonly body: Uint8Array;
  /** To be called once nobody reads `body` any more: the next answer may lie there. */
  readonly release?: () => void;
}

interface Ask<Request> {
  readonly request: Request;
  /** Somebody still reads the last answer's body. */
  readonly areaIsTaken: boolean;
}

interface Served<Answer> {
  /** With its body where that was not left in the area. */
  readonly answer: Answer | Omit<Answer, "body">;
  readonly left: LeftBody | null;
}

/** On a thread: answers what comes over the port, until a null. `done` is told of bodies that were copied from. */
export function serve<Request, Answer extends HasBody>(
  { port }: ServeTask,
  answer: (request: Request) => Answer,
  done: (body: Uint8Array) => void,
): Promise<void> {
  const area = new AreaWriter();
  return new Promise((resolve) => {
    port.on("message", (ask: Ask<Request> | null) => {
      if (ask === null) return resolve();
      const whole = answer(ask.request);
      const { body, ...rest } = whole;
      const left = area.leave(body, ask.areaIsTaken);
      const served: Served<Answer> = { answer: left === null ? whole : rest, left };
      port.postMessage(served, left === null ? [body.buffer as ArrayBuffer] : []);
      if (left !== null) done(body);
    });
  });
}

interface Waiting<Answer> {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

interface Thread<Answer> {
  readonly port: MessagePort;
  readonly area: AreaReader;
  readonly idleTimer: NodeJS.Timeout;
  /** Null: the thread is idle. */
  waiting: Waiting<Answer> | null;
}

/** One request at a time for each thread; threads are made as they are needed. */
export class ServingThreads<Request, Answer extends HasBody> {
  private readonly pool: ThreadPool;
  private readonly idleMs: number;
  /** Idle ones; the one that was busy last comes last, and is the next to be asked: its code is in the caches. */
  private readonly idle: Thread<Answer>[] = [];
  private readonly serving = new Set<Thread<Answer>>();

  /** `pool` runs its tasks' function `serve`, which calls that above. A thread with nothing to do for `idleMs` ends, but for one. */
  constructor(pool: ThreadPool, idleMs: number) {
    this.pool = pool;
    this.idleMs = idleMs;
  }

  /**
   * Rejects where the thread ends in the middle of it. Not more at one time than the pool may have threads: the others
   * would wait for one to end.
   */
  ask(request: Request): Promise<Answer> {
    const thread = this.idle.pop() ?? this.open();
    return new Promise((resolve, reject) => {
      thread.waiting = { resolve, reject };
      const ask: Ask<Request> = { request, areaIsTaken: thread.area.isTaken };
      thread.port.postMessage(ask);
    });
  }

  private open(): Thread<Answer> {
    const { port1: port, port2 } = new MessageChannel();
    const idleTimer = setTimeout(() => this.endIdle(thread), this.idleMs).unref();
    const thread: Thread<Answer> = { port, area: new AreaReader(), idleTimer, waiting: null };
    const task: ServeTask = { port: port2 };
    this.serving.add(thread);
    this.pool.run(task, { name: "serve", transferList: [port2] }).then(
      () => this.gone(thread, new Error("the thread ended")),
      (error) => this.gone(thread, error),
    );
    port.on("message", (served: Served<Answer>) => this.answered(thread, served));
    return thread;
  }

  private answered(thread: Thread<Answer>, { answer, left }: Served<Answer>): void {
    const { waiting, area } = thread;
    thread.waiting = null;
    thread.idleTimer.refresh();
    this.idle.push(thread);
    waiting?.resolve((left === null ? answer : { ...answer, ...area.take(left) }) as Answer);
  }

  private endIdle(thread: Thread<Answer>): void {
    if (thread.waiting !== null || this.serving.size === 1) return;
    this.remove(thread);
    thread.port.postMessage(null);
  }

  private gone(thread: Thread<Answer>, error: unknown): void {
    this.remove(thread);
    clearTimeout(thread.idleTimer);
    thread.port.close();
    thread.waiting?.reject(error);
    thread.waiting = null;
  }

  private remove(thread: Thread<Answer>): void {
    this.serving.delete(thread);
    const at = this.idle.indexOf(thread);
    if (at >= 0) this.idle.splice(at, 1);
  }
}
