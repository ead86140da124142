/**
 * What the front end needs from an HTTP server. Two servers stand behind it: uWebSockets.js
 * (`uws-transport.ts`) and Node's own (`node-transport.ts`); both pass the same tests.
 */

/** Takes a request body as it arrives. */
export interface BodySink {
  /** `bytes` is valid during this call only: copy what has to stay. */
  chunk(bytes: Uint8Array): void;
  /** The body is complete; nothing is called afterwards. */
  end(): void;
  /** The client went away or was too slow before the body was complete; nothing is called afterwards. */
  aborted(): void;
}

/** Flat list: name 0, value 0, name 1, value 1 … */
export type HeaderList = readonly string[];

/** Of an answer: text is sent as UTF-8. */
export type Body = Uint8Array | string;

/** One request and its answer. */
export interface Exchange {
  /** As sent: "GET", "POST" … */
  readonly method: string;
  /** Without the query string; percent escapes are still in it. */
  readonly path: string;
  /** What follows "?", "" where there is none. */
  readonly query: string;
  /** True once the client is gone or the answer is on its way: `send` does nothing from here on. */
  readonly finished: boolean;
  /** The user or token that sent this, "" where nobody was asked; set before the route sees the exchange. */
  caller: string;
  /** The client's X-Request-Id where it is usable, else one that is made when this is first read. */
  readonly requestId: string;
  /** Of the connection, as text; "" once the client is gone. A proxy's where one is on the way. */
  readonly remoteAddress: string;
  /** Called once if the client goes away before the answer is complete. */
  onGone: (() => void) | null;
  /** Value of the header `name` (lower case), "" where it is absent. Valid until the handler returns. */
  header(name: string): string;
  /** Hands the body to `sink`; call it at most once, before the handler returns. Uncalled: body discarded. */
  receive(sink: BodySink): void;
  /**
   * Answers, once. `close` ends the connection afterwards; `sent` is called when nobody reads `body` any more, or
   * never. Content-Length is added here.
   */
  send(status: number, headers: HeaderList, body: Body, close?: boolean, sent?: () => void): void;
  /**
   * Answers, once, with a body whose length nobody knows yet. `pull` is asked for the next piece when the client has
   * taken the last one, until it gives null; if it rejects, the connection is closed so that nobody takes what was
   * sent for the whole.
   */
  stream(status: number, headers: HeaderList, pull: () => Promise<Uint8Array | null>): void;
}

/** Must answer every exchange, now or later. What it throws becomes a 500. */
export type ExchangeHandler = (exchange: Exchange) => void;

/** HTTPS: the certificate as files for uWebSockets.js, as PEM text for Node. */
export interface TlsSettings {
  /** "": only the text is there. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** "" : the machine's own authorities. */
  readonly clientCaPem: string;
  /** What Go's `tls.ClientAuthType` calls it; only "" and the two that verify are known. */
  readonly clientAuth: "" | "VerifyClientCertIfGiven" | "RequireAndVerifyClientCert";
  readonly versionMin: "TLSv1.2" | "TLSv1.3";
  readonly versionMax: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's names of the suites up to TLS 1.2, between colons; "": Node's own choice. */
  readonly ciphers: string;
  /** The server's order of suites counts, not the client's. */
  readonly preferServerCiphers: boolean;
  /** OpenSSL's names of the curves, between colons; "": Node's own choice. */
  readonly curves: string;
  /** A client's certificate must have one of these alternative names; empty: any. */
  readonly allowedSans: readonly string[];
}

export interface TransportOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Longest time from the first byte of a request to its last. */
  readonly readTimeoutMs: number;
  /** Connections above this number are answered 503 and closed. */
  readonly connectionsMax: number;
  /** Request line and headers together; more is answered 431. */
  readonly headerBytesMax: number;
  readonly tls: TlsSettings | null;
  /** Headers of every answer. */
  readonly answerHeaders: HeaderList;
}

export interface Listener {
  readonly transport: "uws" | "node";
  readonly port: number;
  /** Open connections. */
  connectionCount(): number;
  /**
   * Takes other certificates and headers for new connections and answers. Throws ListenError, and nothing has
   * changed, where they cannot be used or need another start.
   */
  reload(tls: TlsSettings | null, answerHeaders: HeaderList): void;
  /** Stops accepting, lets answers under way finish for at most `graceMs`, then closes every connection. */
  close(graceMs: number): Promise<void>;
}

/** The address cannot be listened on; the message says why. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Why `Listener.reload` cannot do it. */
export const NEEDS_START = "TLS is switched on and off at a start only";
