/**
 * The part of uWebSockets.js that `uws-transport.ts` uses, described here and not taken from the package: that is
 * optional, and the server must build where it is not installed.
 */

/** Valid until the handler that got it returns. */
export interface UwsRequest {
  getHeader(lowerCaseName: string): string;
  getCaseSensitiveMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
}

/** Valid until it has ended or was aborted. */
export interface UwsResponse {
  onAborted(handler: () => void): void;
  /** `bytes` is a view of the receive buffer, valid during the call. */
  onData(handler: (bytes: ArrayBuffer, last: boolean) => void): void;
  onWritable(handler: (offset: number) => boolean): void;
  /** Puts everything that `write` writes into one system call. */
  cork(write: () => void): void;
  writeStatus(status: string): void;
  writeHeader(name: string, value: string): void;
  /** False: wait until `onWritable` before writing on. */
  write(body: Uint8Array): boolean;
  end(body: Uint8Array | string, close?: boolean): void;
  endWithoutBody(declaredBytes?: number, close?: boolean): void;
  getRemoteAddressAsText(): ArrayBuffer;
  getWriteOffset(): number;
  /** [all of it was taken, the answer is complete]. */
  tryEnd(body: Uint8Array, totalBytes: number): [boolean, boolean];
  close(): void;
}

/** A native handle. */
export interface UwsSocket {
  readonly uwsSocket: never;
}

export interface UwsApp {
  /** `change`: 1 for a new connection, -1 for one that ended. */
  filter(handler: (response: UwsResponse, change: number) => void): void;
  any(pattern: string, handler: (response: UwsResponse, request: UwsRequest) => void): void;
  /** `socket` is false where the address cannot be had. */
  listen(host: string, port: number, options: number, listened: (socket: UwsSocket | false) => void): void;
  close(): void;
}

export interface Uws {
  App(): UwsApp;
  SSLApp(options: { readonly cert_file_name: string; readonly key_file_name: string }): UwsApp;
  us_socket_local_port(socket: UwsSocket): number;
  us_listen_socket_close(socket: UwsSocket): void;
}
