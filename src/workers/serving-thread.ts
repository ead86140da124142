/**
 * A thread of a pool that serves: it runs one task of the pool as long as it lives, which takes requests from a port
 * of its own and answers there, in their order. The pool makes and ends threads and tells of their deaths; a request
 * costs one message each way. A task of the pool for each query took 0.08 ms longer.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { ThreadPool } from "./thread-pool.js";

/** What the pool's task is given, for `takeRequests`. */
export interface ServeTask {
  readonly port: MessagePort;
  /** One word that counts requests: the thread waits for it and is there at once. Null: its event loop tells it. */
  readonly bell: Int32Array | null;
}

/** Who waits for an answer. */
export interface Waiting<Answer> {
  resolve(answer: Answer): void;
  /** The thread has ended. */
  reject(error: unknown): void;
}

/** The main thread's side. */
export class ServingThread<Request, Answer> {
  private readonly port: MessagePort;
  private readonly bell: Int32Array | null;
  private readonly waiting: Waiting<Answer>[] = [];

  /** `pool` runs its tasks' function `serve`. `ended` is called once, before those who wait are told. */
  constructor(pool: ThreadPool, hasBell: boolean, ended: (error: unknown) => void) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.bell = hasBell ? new Int32Array(new SharedArrayBuffer(4)) : null;
    const task: ServeTask = { port: port2, bell: this.bell };
    const gone = (error: unknown): void => {
      // The pool may tell of a thread's end before its last answers were heard.
      for (let last = receiveMessageOnPort(port1); last !== undefined; last = receiveMessageOnPort(port1)) {
        this.answered(last.message as Answer);
      }
      port1.close();
      ended(error);
      for (const { reject } of this.waiting.splice(0)) reject(error);
    };
    pool
      .run(task, { name: "serve", transferList: [port2] })
      .then(() => gone(new Error("the thread ended")), gone);
    port1.on("message", (answer: Answer) => this.answered(answer));
  }

  /** Requests without an answer yet. */
  get asked(): number {
    return this.waiting.length;
  }

  ask(request: Request, waiting: Waiting<Answer>): void {
    this.waiting.push(waiting);
    this.post(request);
  }

  /** It ends when it has answered. */
  end(): void {
    this.post(null);
  }

  private answered(answer: Answer): void {
    this.waiting.shift()?.resolve(answer);
  }

  private post(message: Request | null): void {
    this.port.postMessage(message);
    if (this.bell === null) return;
    Atomics.add(this.bell, 0, 1);
    Atomics.notify(this.bell, 0);
  }
}

/**
 * On the thread: hands each request to `serve`, which answers on the port, and the next one when that is done, until
 * there are no more. A thread whose `serve` throws is in no known state, and ends.
 */
export async function takeRequests<Request>(
  { port, bell }: ServeTask,
  serve: (request: Request) => void | Promise<void>,
): Promise<void> {
  const next = bell === null ? fromEvents<Request>(port) : fromBell<Request>(port, bell);
  try {
    for (let request = await next(); request !== null; request = await next()) await serve(request);
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
    await new Promise(() => {});
  }
}

type Next<Request> = () => Request | null | Promise<Request | null>;

/** Waits without the event loop, which turns only while `serve` waits for something. */
function fromBell<Request>(port: MessagePort, bell: Int32Array): Next<Request> {
  let heard = 0;
  return () => {
    for (;;) {
      const received = receiveMessageOnPort(port);
      if (received !== undefined) return received.message as Request | null;
      Atomics.wait(bell, 0, heard);
      heard = Atomics.load(bell, 0);
    }
  };
}

function fromEvents<Request>(port: MessagePort): Next<Request> {
  const received: (Request | null)[] = [];
  let wake: ((request: Request | null) => void) | null = null;
  port.on("message", (request: Request | null) => {
    if (wake === null) received.push(request);
    else wake(request);
    wake = null;
  });
  return () => {
    const request = received.shift();
    if (request !== undefined) return request;
    return new Promise((resolve) => {
      wake = resolve;
    });
  };
}
