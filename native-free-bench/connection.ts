/**
 * A keep-alive connection that costs its process next to nothing: one request in flight; of an answer it reads the
 * head and how long the body is. What a client spends on headers and on unpacking would be in every program's times.
 */
import { createConnection, type Socket } from "node:net";
import { gunzipSync } from "node:zlib";

/** An answer that came in full. */
export interface Answer {
  readonly status: number;
  /** The body in words: for refusals. */
  text(): string;
}

const HEAD_END = "\r\n\r\n";
const LAST_CHUNK = Buffer.from("0\r\n\r\n", "latin1");

export class Connection {
  readonly #socket: Socket;
  readonly #host: string;
  #received: Buffer[] = [];
  /** Bytes in `#received`. */
  #bytes = 0;
  #head: Head | null = null;
  #resolve: ((answer: Answer) => void) | null = null;
  #reject: ((error: Error) => void) | null = null;
  #ended: Error | null = null;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#host = `127.0.0.1:${port}`;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("the server closed the connection")));
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ port, host: "127.0.0.1" });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket, port));
      });
    });
  }

  /** Answers may be compressed, as browsers and Grafana take them. */
  get(path: string): Promise<Answer> {
    return this.#request(`GET ${path} HTTP/1.1\r\nAccept-Encoding: gzip\r\n`, null);
  }

  /** `headers`: lines, each with its end. */
  post(path: string, headers: string, body: Uint8Array): Promise<Answer> {
    return this.#request(`POST ${path} HTTP/1.1\r\n${headers}Content-Length: ${body.length}\r\n`, body);
  }

  /** False once either side has ended it. */
  get isOpen(): boolean {
    return this.#ended === null;
  }

  close(): void {
    this.#socket.destroy();
  }

  #request(head: string, body: Uint8Array | null): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(this.#ended);
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.cork();
      this.#socket.write(`${head}Host: ${this.#host}\r\nUser-Agent: varve-bench\r\n\r\n`, "latin1");
      if (body !== null) this.#socket.write(body);
      this.#socket.uncork();
    });
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#bytes += chunk.length;
    if (this.#head === null) {
      this.#head = headOf(this.#received.length === 1 ? chunk : Buffer.concat(this.#received));
      if (this.#head === null) return;
    }
    const head = this.#head;
    if (head.isChunked ? !this.#endsWithLastChunk() : this.#bytes < head.bytes + head.bodyBytes) return;
    const received = this.#received;
    this.#received = [];
    this.#bytes = 0;
    this.#head = null;
    const resolve = this.#resolve;
    this.#resolve = null;
    this.#reject = null;
    resolve?.({ status: head.status, text: () => textOf(received, head) });
  }

  #endsWithLastChunk(): boolean {
    let last = this.#received.at(-1)!;
    if (last.length < LAST_CHUNK.length) last = Buffer.concat(this.#received);
    return last.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    const reject = this.#reject;
    this.#resolve = null;
    this.#reject = null;
    reject?.(error);
  }
}

interface Head {
  readonly status: number;
  /** Of the head itself. */
  readonly bytes: number;
  readonly bodyBytes: number;
  readonly isChunked: boolean;
  readonly isPacked: boolean;
}

/** Null where it has not come in full. */
function headOf(received: Buffer): Head | null {
  const end = received.indexOf(HEAD_END, 0, "latin1");
  if (end < 0) return null;
  const head = received.toString("latin1", 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  return {
    status: Number(head.slice(9, 12)),
    bytes: end + HEAD_END.length,
    bodyBytes: Number(length ?? 0),
    isChunked: length === undefined && /\r\ntransfer-encoding: *chunked/i.test(head),
    isPacked: /\r\ncontent-encoding: *gzip/i.test(head),
  };
}

function textOf(received: Buffer[], { bytes, isChunked, isPacked }: Head): string {
  const body = Buffer.concat(received).subarray(bytes);
  const whole = isChunked ? joinChunks(body) : body;
  return (isPacked ? gunzipSync(whole) : whole).toString("utf8");
}

function joinChunks(body: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const lineEnd = body.indexOf("\r\n", at, "latin1");
    const bytes = Number.parseInt(body.toString("latin1", at, lineEnd), 16);
    if (!(bytes > 0)) break;
    chunks.push(body.subarray(lineEnd + 2, lineEnd + 2 + bytes));
    at = lineEnd + 2 + bytes + 2;
  }
  return Buffer.concat(chunks);
}
