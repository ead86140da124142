/** Threads of a pool that serve one request at a time, made as they are needed; bodies of answers lie in shared areas. */
import { type ServeTask, ServingThread, takeRequests } from "./serving-thread.js";
import { AreaReader, AreaWriter, type LeftBody } from "./shared-area.js";
import type { ThreadPool } from "./thread-pool.js";

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

/** On a thread: the pool's task. `done` is told of bodies that were copied from. */
export function serve<Request, Answer extends HasBody>(
  task: ServeTask,
  answer: (request: Request) => Answer,
  done: (body: Uint8Array) => void,
): Promise<void> {
  const area = new AreaWriter();
  return takeRequests(task, ({ request, areaIsTaken }: Ask<Request>) => {
    const whole = answer(request);
    const { body, ...rest } = whole;
    const left = area.leave(body, areaIsTaken);
    const served: Served<Answer> = { answer: left === null ? whole : rest, left };
    task.port.postMessage(served, left === null ? [body.buffer as ArrayBuffer] : []);
    if (left !== null) done(body);
  });
}

interface Thread<Request, Answer> {
  readonly serving: ServingThread<Ask<Request>, Served<Answer>>;
  readonly area: AreaReader;
  readonly idleTimer: NodeJS.Timeout;
}

export class ServingThreads<Request, Answer extends HasBody> {
  private readonly pool: ThreadPool;
  private readonly idleMs: number;
  /** Idle ones; the one that was busy last comes last, and is the next to be asked: its code is in the caches. */
  private readonly idle: Thread<Request, Answer>[] = [];
  private readonly all = new Set<Thread<Request, Answer>>();

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
    const { serving, area, idleTimer } = thread;
    return new Promise((resolve, reject) => {
      serving.ask(
        { request, areaIsTaken: area.isTaken },
        {
          resolve: ({ answer, left }) => {
            idleTimer.refresh();
            this.idle.push(thread);
            resolve((left === null ? answer : { ...answer, ...area.take(left) }) as Answer);
          },
          reject,
        },
      );
    });
  }

  private open(): Thread<Request, Answer> {
    const serving = new ServingThread<Ask<Request>, Served<Answer>>(this.pool, false, () => {
      this.remove(thread);
      clearTimeout(idleTimer);
    });
    const idleTimer = setTimeout(() => this.endIdle(thread), this.idleMs).unref();
    const thread: Thread<Request, Answer> = { serving, area: new AreaReader(), idleTimer };
    this.all.add(thread);
    return thread;
  }

  private endIdle(thread: Thread<Request, Answer>): void {
    if (thread.serving.asked > 0 || this.all.size === 1) return;
    this.remove(thread);
    thread.serving.end();
  }

  private remove(thread: Thread<Request, Answer>): void {
    this.all.delete(thread);
    const at = this.idle.indexOf(thread);
    if (at >= 0) this.idle.splice(at, 1);
  }
}
