/** One HTTP request as it goes over the wire, and what a server answers to it. */
import { Agent, request as httpRequest } from "node:http";
import { gunzipSync, inflateSync } from "node:zlib";
import { snappyUncompress } from "../support/remote-write.js";

export interface ApiRequest {
  readonly method: string;
  /** As sent, percent escapes included. */
  readonly path: string;
  /** The pairs of the query string as sent; joined with "&". */
  readonly query: readonly string[];
  /** The pairs of a form body as sent; null: the body is `body`. */
  readonly form: readonly string[] | null;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** The body goes out in pieces, without its length. */
  readonly streamed?: boolean;
}

export interface Reply {
  readonly status: number;
  /** Lower-case names; only those that a client of the API may rely on. */
  readonly headers: Readonly<Record<string, string>>;
  /** Unpacked; bytes that are no text as latin1. */
  readonly body: string;
}

export interface Client {
  ask(url: string, request: ApiRequest): Promise<Reply>;
  close(): void;
}

const TIMEOUT_MS = 30_000;
const HEADERS: readonly string[] = [
  ...["content-type", "content-encoding", "allow", "location", "vary"],
  ...["access-control-allow-origin", "access-control-allow-headers"],
  ...["access-control-allow-methods", "access-control-expose-headers"],
  ...["x-prometheus-remote-write-samples-written", "x-prometheus-remote-write-histograms-written"],
  "x-prometheus-remote-write-exemplars-written",
];

export function targetOf({ path, query }: ApiRequest): string {
  return query.length === 0 ? path : `${path}?${query.join("&")}`;
}

export function bodyOf({ form, body }: ApiRequest): Uint8Array {
  return form === null ? body : Buffer.from(form.join("&"), "latin1");
}

/** Sends what no well-behaved client would: paths and query strings go out as they are. */
export function openClient(): Client {
  // The server closes idle connections sooner.
  const agent = new Agent({ keepAlive: true, timeout: 4000 });
  return { ask: (url, request) => send(agent, url, request), close: () => agent.destroy() };
}

function send(agent: Agent, url: string, request: ApiRequest): Promise<Reply> {
  const { hostname, port } = new URL(url);
  const body = bodyOf(request);
  const headers: Record<string, string> = { ...request.headers };
  const hasBody = body.length > 0 || ["POST", "PUT", "PATCH"].includes(request.method);
  const streamed = hasBody && request.streamed === true;
  if (streamed) headers["Transfer-Encoding"] = "chunked";
  else if (hasBody) headers["Content-Length"] = String(body.length);
  return new Promise((resolve) => {
    // A connection that ends without an answer is something to compare, too.
    const fail = (error: Error): void => resolve({ status: 0, headers: {}, body: error.message });
    const outgoing = httpRequest(
      {
        agent,
        hostname,
        port,
        method: request.method,
        path: targetOf(request),
        headers,
        timeout: TIMEOUT_MS,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", fail);
        incoming.on("end", () => {
          const kept: Record<string, string> = {};
          for (const name of HEADERS) {
            const value = incoming.headers[name];
            if (value !== undefined) kept[name] = String(value);
          }
          const bytes = unpack(Buffer.concat(chunks), kept["content-encoding"]);
          const encoding = /protobuf/.test(kept["content-type"] ?? "") ? "latin1" : "utf8";
          resolve({ status: incoming.statusCode ?? 0, headers: kept, body: bytes.toString(encoding) });
        });
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    outgoing.on("error", fail);
    const first = streamed ? body.length >> 1 : body.length;
    if (first > 0) outgoing.write(body.subarray(0, first));
    outgoing.end(body.subarray(first));
  });
}

function unpack(bytes: Buffer, encoding: string | undefined): Buffer {
  if (bytes.length === 0) return bytes;
  if (encoding === "gzip") return gunzipSync(bytes);
  if (encoding === "snappy") {
    try {
      return Buffer.from(snappyUncompress(bytes));
    } catch {
      // Prometheus names the encoding of the answer it meant to give before an error's text, too.
      return bytes;
    }
  }
  return encoding === "deflate" ? inflateSync(bytes) : bytes;
}

/** The first value of a parameter as the servers read it, body before URL; "" where it is absent. */
export function paramOf({ form, query, headers }: ApiRequest, name: string): string {
  const type = (headers["Content-Type"] ?? "").toLowerCase();
  const inBody = type.startsWith("application/x-www-form-urlencoded") ? (form ?? []) : [];
  for (const pair of [...inBody, ...query]) {
    if (pair.includes(";") || /%(?![0-9a-fA-F]{2})/.test(pair)) continue;
    const found = new URLSearchParams(pair).get(name);
    if (found !== null) return found;
  }
  return "";
}

/** What to send by hand. */
export function printRequest(request: ApiRequest): string {
  const { method, headers } = request;
  const lines = Object.entries(headers).map(([name, value]) => ` ${name}: ${value}`);
  if (request.streamed === true) lines.push(" (in pieces)");
  const body = bodyOf(request);
  const text =
    request.form === null
      ? `${Buffer.from(body).toString("hex").slice(0, 200)} (hex)`
      : request.form.join("&");
  return `${method} ${targetOf(request)}${lines.join("")}${body.length === 0 ? "" : `\n    body ${text}`}`;
}
