/**
 * A thread that sends write requests over many connections, each the next one as soon as the last was answered: on a
 * thread of its own, so that whoever measures answers beside it measures the server.
 */
import { connect, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { encodeRequestV1, snappyCompress, type WireSeries } from "./remote-write.js";
import { HEADERS_V1 } from "./write-client.js";

export interface FloodOptions {
  readonly port: number;
  readonly connections: number;
  readonly durationMs: number;
  /** Time of the first samples of each connection's first request; later ones are a second apart. */
  readonly baseMs: number;
  /** In each request; above 200 a multiple of 200. */
  readonly samples: number;
  /** Requests that each connection sends again and again. */
  readonly requestsPerConnection: number;
}

export interface FloodOutcome {
  /** Number of answers by status, and of connections that were lost by their error. */
  readonly statuses: Readonly<Record<string, number>>;
  /** By connection and request: 1 where it was answered 204 at least once. */
  readonly acknowledged: Uint8Array;
  /** Answers other than 204 without Retry-After. */
  readonly retryAfterMissing: number;
}

const { port, connections, durationMs, baseMs, samples, requestsPerConnection } = workerData as FloodOptions;
let endMs = 0;
const statuses: Record<string, number> = {};
/** For each connection and each of its requests: 1 once it was answered 204. */
const acknowledged = new Uint8Array(connections * requestsPerConnection);
let retryAfterMissing = 0;
let open = connections;

/** Large requests have several samples of each: the head is not to be filled with series. */
const SERIES_MAX = 200;

/** Request `k` of that many samples, with its headers. */
function floodRequest(sender: number, k: number): Buffer {
  const perSeries = Math.ceil(samples / SERIES_MAX);
  const fromMs = baseMs + k * perSeries * 1000;
  const series = Array.from(
    { length: samples / perSeries },
    (_, i): WireSeries => ({
      labels: [
        ["__name__", "flood"],
        ["i", String(i)],
        ["sender", String(sender)],
      ],
      samples: Array.from({ length: perSeries }, (_, j) => ({ value: i + j, timestamp: fromMs + j * 1000 })),
    }),
  );
  const body = snappyCompress(encodeRequestV1(series));
  const head = [
    "POST /api/v1/write HTTP/1.1",
    "Host: x",
    ...Object.entries(HEADERS_V1).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

function send(socket: Socket, sender: number, requests: readonly Buffer[]): void {
  let next = 0;
  let received = "";
  const step = (): void => {
    if (Date.now() >= endMs) socket.destroy();
    else socket.write(requests[next % requests.length]);
  };
  socket.on("data", (bytes) => {
    received += bytes.toString("latin1");
    const headEnd = received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const length = Number(/^content-length: *(\d+)/im.exec(received)?.[1] ?? 0);
    if (received.length < headEnd + 4 + length) return;
    const status = received.slice(9, 12);
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status === "204") acknowledged[sender * requests.length + (next % requests.length)] = 1;
    else if (!/^retry-after: *[1-9]/im.test(received)) retryAfterMissing++;
    received = "";
    next++;
    step();
  });
  socket.once("connect", step);
}

function begin(sender: number, requests: readonly Buffer[]): void {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    const name = error.code ?? error.message;
    statuses[name] = (statuses[name] ?? 0) + 1;
  });
  socket.on("close", () => {
    if (--open > 0) return;
    const outcome: FloodOutcome = { statuses, acknowledged, retryAfterMissing };
    parentPort?.postMessage(outcome);
  });
  send(socket, sender, requests);
}

// Made in advance and sent again and again: the sender must not be what takes the time.
const made = Array.from({ length: connections }, (_, sender) =>
  Array.from({ length: requestsPerConnection }, (_, k) => floodRequest(sender, k)),
);
parentPort?.postMessage("begins");
endMs = Date.now() + durationMs;
made.forEach((requests, sender) => {
  begin(sender, requests);
});
