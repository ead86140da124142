/**
 * A sender that costs next to nothing: raw sockets, one per connection, one request in flight on each, bodies
 * read from the request cache. Of an answer it reads the status line, the length and, on refusal, the body.
 */
import { createConnection, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { RequestSource } from "./request-cache.js";

export interface SendOptions {
  readonly port: number;
  readonly path: string;
  readonly protocol: 1 | 2;
  /** Ends the burst early: no connection begins another request once it returns true. */
  readonly stop?: () => boolean;
  /** At most this many requests a second, spread evenly over all connections. Default: as fast as it is answered. */
  readonly requestsPerSecond?: number;
  /** Told of every answer: when its request was due or sent, on `performance.now()`, and how long it took. */
  readonly answered?: (sentAtMs: number, tookMs: number) => void;
}

export interface SendResult {
  readonly requests: number;
  readonly samplesAcknowledged: number;
  /** From the first request to the last answer. */
  readonly wallMs: number;
  /** One per answered request, ascending. */
  readonly latenciesMs: Float64Array;
  /** Per connection: how many of its requests, from the first on, were answered 2xx. */
  readonly acknowledged: readonly number[];
  /** Answers other than 2xx. */
  readonly refusals: number;
  /** The first of them, or what cut a connection. */
  readonly firstRefusal: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends all requests of the source. A cut connection ends that connection's part; it does not throw. */
export async function sendRequests(source: RequestSource, options: SendOptions): Promise<SendResult> {
  const clients = await Promise.all(source.connections.map(() => Client.connect(options.port)));
  const latencies = new Float64Array(source.requestCount);
  const acknowledged = source.connections.map(() => 0);
  let answered = 0;
  let samplesAcknowledged = 0;
  let refusals = 0;
  let firstRefusal = "";
  const startedAt = performance.now();
  const sendAll = async (client: Client, connection: number): Promise<void> => {
    const body = Buffer.allocUnsafe(source.bodyBytesMax);
    const { lengths, samples } = source.connections[connection]!;
    const periodMs = (1000 * clients.length) / (options.requestsPerSecond ?? Number.POSITIVE_INFINITY);
    for (let request = 0; request < lengths.length && options.stop?.() !== true; request++) {
      const length = source.read(connection, request, body);
      const early = startedAt + (request + connection / clients.length) * periodMs - performance.now();
      if (early > 1) await sleep(early);
      const sentAt = performance.now();
      const answer = await client.post(headOf(options, length), body.subarray(0, length));
      const tookMs = performance.now() - sentAt;
      latencies[answered++] = tookMs;
      options.answered?.(sentAt, tookMs);
      if (answer.status >= 200 && answer.status < 300) {
        samplesAcknowledged += samples[request]!;
        acknowledged[connection] = request + 1;
      } else {
        refusals++;
        if (firstRefusal === "") firstRefusal = `${answer.status} ${answer.body.slice(0, 300)}`;
      }
    }
  };
  await Promise.all(
    clients.map((client, connection) =>
      sendAll(client, connection).catch((error: Error) => {
        if (firstRefusal === "") firstRefusal = error.message;
      }),
    ),
  );
  const wallMs = performance.now() - startedAt;
  for (const client of clients) client.close();
  return {
    requests: answered,
    samplesAcknowledged,
    wallMs,
    latenciesMs: latencies.slice(0, answered).sort(),
    acknowledged,
    refusals,
    firstRefusal,
  };
}

function headOf({ port, path, protocol }: SendOptions, length: number): string {
  const type =
    protocol === 1 ? "application/x-protobuf" : "application/x-protobuf;proto=io.prometheus.write.v2.Request";
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUser-Agent: varve-bench\r\n` +
    `Content-Type: ${type}\r\nContent-Encoding: snappy\r\n` +
    `X-Prometheus-Remote-Write-Version: ${protocol === 1 ? "0.1.0" : "2.0.0"}\r\nContent-Length: ${length}\r\n\r\n`
  );
}

/** The value at a share (0–1) of an ascending list; 0 of an empty one. */
export function quantileOf(ascending: ArrayLike<number>, share: number): number {
  if (ascending.length === 0) return 0;
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))]!;
}

/** One keep-alive connection. */
class Client {
  readonly #socket: Socket;
  #received = "";
  #resolve: ((answer: Answer) => void) | null = null;
  #reject: ((error: Error) => void) | null = null;
  #ended: Error | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("the server closed the connection")));
  }

  static connect(port: number): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ port, host: "127.0.0.1" });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Client(socket));
      });
    });
  }

  post(head: string, body: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(this.#ended);
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.cork();
      this.#socket.write(head, "latin1");
      this.#socket.write(body);
      this.#socket.uncork();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Answers of a write path are short and have a length; a chunked one ends with its last chunk. */
  #take(chunk: Buffer): void {
    this.#received += chunk.toString("latin1");
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const rest = this.#received.slice(headEnd + 4);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined && /\r\ntransfer-encoding: *chunked/i.test(head)) {
      if (!rest.endsWith("0\r\n\r\n")) return;
    } else if (rest.length < Number(length ?? 0)) return;
    this.#received = "";
    const resolve = this.#resolve;
    this.#resolve = null;
    this.#reject = null;
    resolve?.({ status: Number(head.slice(9, 12)), body: rest });
  }

  #end(error: Error): void {
    this.#ended ??= error;
    const reject = this.#reject;
    this.#resolve = null;
    this.#reject = null;
    reject?.(error);
  }
}
