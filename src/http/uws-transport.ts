import { STATUS_CODES } from "node:http";
import { assert } from "../base/assert.js";
import { LISTEN_SWEEP_MS, STREAMED_ANSWER_BYTES } from "../base/limits.js";
import { checkTls } from "./node-tls.js";
import { RequestId } from "./request-id.js";
import {
  type Body,
  type BodySink,
  type Exchange,
  type ExchangeHandler,
  type HeaderList,
  ListenError,
  type Listener,
  NEEDS_START,
  type TlsSettings,
  type TransportOptions,
} from "./transport.js";
import type { Uws, UwsApp, UwsRequest, UwsResponse, UwsSocket } from "./uws-native.js";

/**
 * The uWebSockets.js server. Its rules, on which the code below rests:
 * a request is valid until its handler returns; a response until it has ended or was aborted; a body chunk is a
 * view of the receive buffer, valid during the callback. It answers `Expect: 100-continue` itself, closes a
 * connection that sends nothing for 10 s or a body slower than 16 KiB/s, and answers 431 to too many headers.
 */

/** State of one listening server that its exchanges share. */
interface Shared {
  answerHeaders: HeaderList;
  readonly underWay: Set<UwsExchange>;
  readonly readTimeoutMs: number;
  connectionCount: number;
  draining: boolean;
}

class UwsExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  finished = false;
  caller = "";
  onGone: (() => void) | null = null;
  /** Sweeps until the body has to be complete; -1: not waiting for a body. */
  sweepsLeft = -1;
  /** The response may not be touched any more. */
  private gone = false;
  private address: string | null = null;
  private readonly id: RequestId;
  private request: UwsRequest | null;
  private response: UwsResponse;
  private sink: BodySink | null = null;
  private sent: (() => void) | undefined;
  private readonly shared: Shared;

  constructor(response: UwsResponse, request: UwsRequest, shared: Shared) {
    this.method = request.getCaseSensitiveMethod();
    this.path = request.getUrl();
    this.query = request.getQuery() ?? "";
    this.id = new RequestId(request.getHeader("x-request-id"));
    this.request = request;
    this.response = response;
    this.shared = shared;
    shared.underWay.add(this);
    response.onAborted(() => this.abort());
  }

  get requestId(): string {
    return this.id.value;
  }

  get remoteAddress(): string {
    if (!this.finished) this.address ??= decoder.decode(this.response.getRemoteAddressAsText());
    return this.address ?? "";
  }

  header(name: string): string {
    assert(this.request !== null, "headers are read before the handler returns");
    return this.request.getHeader(name);
  }

  /** The handler has returned: the native request is gone. */
  release(): void {
    this.request = null;
  }

  receive(sink: BodySink): void {
    this.sink = sink;
    this.sweepsLeft = Math.ceil(this.shared.readTimeoutMs / LISTEN_SWEEP_MS);
    this.response.onData((bytes, last) => this.data(bytes, last));
  }

  send(status: number, headers: HeaderList, body: Body, close = false, sent?: () => void): void {
    if (this.finished) {
      sent?.();
      return;
    }
    this.finished = true;
    this.sent = sent;
    const end = close || this.shared.draining;
    this.response.cork(() => {
      const response = this.response;
      response.writeStatus(STATUS_LINES[status] ?? `${status}`);
      writeHeaders(response, headers);
      writeHeaders(response, this.id.header(status));
      writeHeaders(response, this.shared.answerHeaders);
      this.sendBody(status, body, end);
    });
  }

  private sendBody(status: number, body: Body, close: boolean): void {
    const response = this.response;
    if (status === 204 || status === 304) {
      if (close) response.end("", true);
      else response.endWithoutBody();
    } else if (this.method === "HEAD") {
      const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
      if (close) response.endWithoutBody(length, true);
      else {
        // A length that `endWithoutBody` is told counts as a body to come, and the next request ends the connection.
        response.writeHeader("Content-Length", String(length));
        response.endWithoutBody();
      }
    } else if (close || typeof body === "string" || body.length <= STREAMED_ANSWER_BYTES) {
      response.end(body, close);
    } else {
      this.sendPieces(body);
      return;
    }
    this.settled();
  }

  /** Hands the socket what it takes now and the rest as it drains, so that no second copy of `body` is kept. */
  private sendPieces(body: Uint8Array): void {
    const response = this.response;
    const start = response.getWriteOffset();
    const [ok, done] = response.tryEnd(body, body.length);
    if (ok || done) {
      this.settled();
      return;
    }
    response.onWritable((offset) => {
      const [drained, complete] = response.tryEnd(body.subarray(offset - start), body.length);
      if (drained || complete) this.settled();
      return drained;
    });
  }

  stream(status: number, headers: HeaderList, pull: () => Promise<Uint8Array | null>): void {
    if (this.finished) return;
    this.finished = true;
    const { response } = this;
    response.cork(() => {
      response.writeStatus(STATUS_LINES[status] ?? `${status}`);
      writeHeaders(response, headers);
      writeHeaders(response, this.id.header(status));
      writeHeaders(response, this.shared.answerHeaders);
    });
    let waiting = false;
    response.onWritable(() => {
      if (waiting) {
        waiting = false;
        next();
      }
      return true;
    });
    const step = (piece: Uint8Array | null): void => {
      if (this.gone) return;
      if (piece === null) {
        response.cork(() => response.end("", this.shared.draining));
        this.settled();
        return;
      }
      let taken = true;
      response.cork(() => {
        taken = response.write(piece);
      });
      if (taken) next();
      else waiting = true;
    };
    const fail = (): void => {
      if (!this.gone) response.close();
    };
    const next = (): void => void pull().then(step, fail);
    next();
  }

  private data(bytes: ArrayBuffer, last: boolean): void {
    const sink = this.sink;
    if (sink === null) return;
    if (bytes.byteLength > 0) sink.chunk(new Uint8Array(bytes));
    if (!last) return;
    this.sink = null;
    this.sweepsLeft = -1;
    sink.end();
  }

  /** The answer is out, or can be no more. */
  private settled(): void {
    this.sent?.();
    this.sent = undefined;
    this.sweepsLeft = -1;
    this.shared.underWay.delete(this);
  }

  /** Called by the server when the connection is lost, also after `expire`. */
  private abort(): void {
    this.finished = true;
    this.gone = true;
    this.settled();
    const sink = this.sink;
    this.sink = null;
    sink?.aborted();
    const onGone = this.onGone;
    this.onGone = null;
    onGone?.();
  }

  expire(): void {
    this.response.close();
  }
}

function writeHeaders(response: UwsResponse, headers: HeaderList): void {
  for (let i = 0; i < headers.length; i += 2) {
    response.writeHeader(headers[i] as string, headers[i + 1] as string);
  }
}

const decoder = new TextDecoder();
const STATUS_LINES: string[] = [];
for (const [status, text] of Object.entries(STATUS_CODES)) STATUS_LINES[Number(status)] = `${status} ${text}`;

function serve(shared: Shared, connectionsMax: number, handler: ExchangeHandler) {
  return (response: UwsResponse, request: UwsRequest): void => {
    const exchange = new UwsExchange(response, request, shared);
    if (shared.connectionCount > connectionsMax) {
      exchange.send(503, ["Retry-After", "5"], "too many connections\n", true);
    } else {
      try {
        handler(exchange);
      } catch (error) {
        exchange.send(500, [], "internal error\n", true);
        exchange.release();
        throw error;
      }
    }
    exchange.release();
  };
}

function sweep(shared: Shared): void {
  for (const exchange of shared.underWay) {
    if (exchange.sweepsLeft > 0 && --exchange.sweepsLeft === 0) exchange.expire();
  }
}

async function drain(shared: Shared, graceMs: number): Promise<void> {
  // An answer that was given in this turn goes to its socket when the handler has returned.
  await new Promise((resolve) => setImmediate(resolve));
  for (let waitedMs = 0; shared.underWay.size > 0 && waitedMs < graceMs; waitedMs += DRAIN_POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
}

const DRAIN_POLL_MS = 10;

/** Fails where the native module cannot be loaded on this machine. */
export async function loadUws(headerBytesMax: number): Promise<Uws> {
  // Read by the native module when it is loaded; its own bound is 4 KiB, too little for long GET queries.
  process.env["UWS_HTTP_MAX_HEADERS_SIZE"] = String(headerBytesMax);
  const loaded = (await import("uWebSockets.js")) as { readonly default?: Uws };
  assert(loaded.default !== undefined, "uWebSockets.js is a CommonJS module");
  return loaded.default;
}

/** One certificate's sockets: uWebSockets.js cannot change the certificate of an app. */
interface Sockets {
  readonly app: UwsApp;
  readonly listening: UwsSocket;
  connectionCount: number;
}

class UwsServer implements Listener {
  readonly transport = "uws";
  readonly port: number;
  private readonly uws: Uws;
  private readonly options: TransportOptions;
  private readonly handler: ExchangeHandler;
  private readonly shared: Shared;
  private readonly sweeper: NodeJS.Timeout;
  private tls: TlsSettings | null;
  private current: Sockets;
  /** Those that served earlier certificates and still have connections. */
  private retired: Sockets[] = [];
  private closed: Promise<void> | null = null;

  /** Throws ListenError where the address cannot be had. */
  constructor(uws: Uws, options: TransportOptions, handler: ExchangeHandler) {
    this.uws = uws;
    this.options = options;
    this.handler = handler;
    this.tls = options.tls;
    const { answerHeaders, readTimeoutMs } = options;
    this.shared = { answerHeaders, underWay: new Set(), readTimeoutMs, connectionCount: 0, draining: false };
    this.current = this.open(options.tls, options.port);
    this.port = uws.us_socket_local_port(this.current.listening);
    // A port that the system chose can be listened on again only where it was asked for by its number.
    if (options.port === 0 && options.tls !== null) this.listenAgain(options.tls);
    this.sweeper = setInterval(() => this.sweep(), LISTEN_SWEEP_MS);
    this.sweeper.unref();
  }

  connectionCount(): number {
    return this.shared.connectionCount;
  }

  reload(tls: TlsSettings | null, answerHeaders: HeaderList): void {
    if ((tls === null) !== (this.tls === null)) throw new ListenError(NEEDS_START);
    if (tls !== null && (tls.certPem !== this.tls?.certPem || tls.keyPem !== this.tls.keyPem)) {
      checkTls(tls);
      this.listenAgain(tls);
      this.tls = tls;
    }
    this.shared.answerHeaders = answerHeaders;
  }

  /** The address is free again at once; connections that are open go on with the certificate they know. */
  private listenAgain(tls: TlsSettings): void {
    this.uws.us_listen_socket_close(this.current.listening);
    this.retired.push(this.current);
    this.current = this.open(tls, this.port);
  }

  /** The native handles are freed by the first call: a second must not touch them. */
  close(graceMs: number): Promise<void> {
    this.closed ??= this.end(graceMs);
    return this.closed;
  }

  private open(tls: TlsSettings | null, port: number): Sockets {
    const { uws, shared, options } = this;
    const app =
      tls === null ? uws.App() : uws.SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile });
    app.any("/*", serve(shared, options.connectionsMax, this.handler));
    let listening: UwsSocket | false = false;
    // A shared port would let a second server steal half of the connections without a word.
    app.listen(options.host, port, EXCLUSIVE_PORT, (socket) => {
      listening = socket;
    });
    if (listening === false) throw new ListenError(`cannot listen on ${options.host}:${port}`);
    const sockets: Sockets = { app, listening, connectionCount: 0 };
    const count = (_response: UwsResponse, change: number): void => {
      const by = change > 0 ? 1 : -1;
      sockets.connectionCount += by;
      shared.connectionCount += by;
    };
    app.filter(count);
    return sockets;
  }

  private sweep(): void {
    sweep(this.shared);
    const unused = this.retired.filter(({ connectionCount }) => connectionCount === 0);
    for (const { app } of unused) app.close();
    if (unused.length > 0) this.retired = this.retired.filter((sockets) => !unused.includes(sockets));
  }

  private async end(graceMs: number): Promise<void> {
    this.shared.draining = true;
    this.uws.us_listen_socket_close(this.current.listening);
    await drain(this.shared, graceMs);
    clearInterval(this.sweeper);
    for (const { app } of [...this.retired, this.current]) app.close();
  }
}

export async function listenUws(options: TransportOptions, handler: ExchangeHandler): Promise<Listener> {
  const uws = await loadUws(options.headerBytesMax);
  if (options.tls !== null) checkTls(options.tls);
  return new UwsServer(uws, options, handler);
}

/** `LIBUS_LISTEN_EXCLUSIVE_PORT` of the native module. */
const EXCLUSIVE_PORT = 1;
