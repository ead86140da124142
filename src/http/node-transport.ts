import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { KEEP_ALIVE_MS, LISTEN_SWEEP_MS } from "../base/limits.js";
import { NodeTls } from "./node-tls.js";
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

/** Node's own server: for machines on which uWebSockets.js cannot load, and for client certificates. */
class NodeExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  finished = false;
  caller = "";
  onGone: (() => void) | null = null;
  private readonly id: RequestId;
  private readonly request: IncomingMessage;
  private readonly response: ServerResponse;
  private readonly shared: Shared;

  constructor(request: IncomingMessage, response: ServerResponse, shared: Shared) {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    this.method = request.method ?? "";
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? "" : url.slice(mark + 1);
    this.request = request;
    this.response = response;
    this.shared = shared;
    this.id = new RequestId(this.header("x-request-id"));
    shared.underWay++;
    response.once("close", () => this.closed());
  }

  get requestId(): string {
    return this.id.value;
  }

  get remoteAddress(): string {
    return this.request.socket.remoteAddress ?? "";
  }

  header(name: string): string {
    const value = this.request.headers[name];
    return typeof value === "string" ? value : (value?.join(", ") ?? "");
  }

  receive(sink: BodySink): void {
    const { request } = this;
    let open = true;
    request.on("data", (bytes: Uint8Array) => {
      if (open) sink.chunk(bytes);
    });
    request.once("end", () => {
      if (!open) return;
      open = false;
      sink.end();
    });
    request.once("close", () => {
      if (!open) return;
      open = false;
      sink.aborted();
    });
  }

  send(status: number, headers: HeaderList, body: Body, close = false, sent?: () => void): void {
    if (this.finished) {
      sent?.();
      return;
    }
    this.finished = true;
    const { response } = this;
    const all: string[] = [...headers, ...this.id.header(status), ...this.shared.answerHeaders];
    if (status !== 204 && status !== 304) {
      all.push("Content-Length", String(typeof body === "string" ? Buffer.byteLength(body) : body.length));
    }
    if (close || this.shared.draining) all.push("Connection", "close");
    response.writeHead(status, all);
    if (status === 204 || status === 304 || this.method === "HEAD") response.end(sent);
    else response.end(body, sent);
  }

  stream(status: number, headers: HeaderList, pull: () => Promise<Uint8Array | null>): void {
    if (this.finished) return;
    this.finished = true;
    const { response } = this;
    const all: string[] = [...headers, ...this.id.header(status), ...this.shared.answerHeaders];
    if (this.shared.draining) all.push("Connection", "close");
    response.writeHead(status, all);
    const step = (piece: Uint8Array | null): void => {
      if (response.destroyed) return;
      if (piece === null) response.end();
      else if (response.write(piece)) next();
      else response.once("drain", next);
    };
    const next = (): void => void pull().then(step, () => response.destroy());
    next();
  }

  private closed(): void {
    this.shared.underWay--;
    this.finished = true;
    if (this.response.writableFinished) return;
    const onGone = this.onGone;
    this.onGone = null;
    onGone?.();
  }
}

interface Shared {
  answerHeaders: HeaderList;
  underWay: number;
  connectionCount: number;
  draining: boolean;
}

function serve(shared: Shared, connectionsMax: number, handler: ExchangeHandler) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const exchange = new NodeExchange(request, response, shared);
    if (shared.connectionCount > connectionsMax) {
      exchange.send(503, ["Retry-After", "5"], "too many connections\n", true);
      return;
    }
    try {
      handler(exchange);
    } catch (error) {
      exchange.send(500, [], "internal error\n", true);
      throw error;
    }
  };
}

async function listening(server: Server, options: TransportOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "address already in use" : error.message;
      reject(new ListenError(`cannot listen on ${options.host}:${options.port}: ${why}`));
    });
    server.listen({ host: options.host, port: options.port, backlog: 1024, exclusive: true }, resolve);
  });
}

export async function listenNode(options: TransportOptions, handler: ExchangeHandler): Promise<Listener> {
  const { answerHeaders } = options;
  const shared: Shared = { answerHeaders, underWay: 0, connectionCount: 0, draining: false };
  const settings = {
    maxHeaderSize: options.headerBytesMax,
    requestTimeout: options.readTimeoutMs,
    headersTimeout: Math.min(options.readTimeoutMs, 10_000),
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: LISTEN_SWEEP_MS,
    noDelay: true,
  };
  const onRequest = serve(shared, options.connectionsMax, handler);
  const tls = options.tls === null ? null : new NodeTls(options.tls, settings, onRequest);
  const server: Server = tls?.server ?? createServer(settings, onRequest);
  server.on("connection", (socket: Socket) => {
    shared.connectionCount++;
    socket.once("close", () => shared.connectionCount--);
  });
  await listening(server, options);
  return {
    transport: "node",
    port: (server.address() as AddressInfo).port,
    connectionCount: () => shared.connectionCount,
    reload(settingsNow: TlsSettings | null, headersNow: HeaderList): void {
      if ((settingsNow === null) !== (tls === null)) throw new ListenError(NEEDS_START);
      if (settingsNow !== null) tls?.reload(settingsNow);
      shared.answerHeaders = headersNow;
    },
    async close(graceMs: number): Promise<void> {
      shared.draining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
