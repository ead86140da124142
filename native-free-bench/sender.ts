/** A sender that costs next to nothing: one request in flight on each connection, bodies from the request cache. */
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "./connection.js";
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

/** Sends all requests of the source. A cut connection ends that connection's part; it does not throw. */
export async function sendRequests(source: RequestSource, options: SendOptions): Promise<SendResult> {
  const clients = await Promise.all(source.connections.map(() => Connection.open(options.port)));
  const latencies = new Float64Array(source.requestCount);
  const acknowledged = source.connections.map(() => 0);
  const headers = headersOf(options.protocol);
  let answered = 0;
  let samplesAcknowledged = 0;
  let refusals = 0;
  let firstRefusal = "";
  const startedAt = performance.now();
  const sendAll = async (client: Connection, connection: number): Promise<void> => {
    const body = Buffer.allocUnsafe(source.bodyBytesMax);
    const { lengths, samples } = source.connections[connection]!;
    const periodMs = (1000 * clients.length) / (options.requestsPerSecond ?? Number.POSITIVE_INFINITY);
    for (let request = 0; request < lengths.length && options.stop?.() !== true; request++) {
      const length = source.read(connection, request, body);
      const early = startedAt + (request + connection / clients.length) * periodMs - performance.now();
      if (early > 1) await sleep(early);
      const sentAt = performance.now();
      const answer = await client.post(options.path, headers, body.subarray(0, length));
      const tookMs = performance.now() - sentAt;
      latencies[answered++] = tookMs;
      options.answered?.(sentAt, tookMs);
      if (answer.status >= 200 && answer.status < 300) {
        samplesAcknowledged += samples[request]!;
        acknowledged[connection] = request + 1;
      } else {
        refusals++;
        if (firstRefusal === "") firstRefusal = `${answer.status} ${answer.text().slice(0, 300)}`;
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

function headersOf(protocol: 1 | 2): string {
  const type =
    protocol === 1 ? "application/x-protobuf" : "application/x-protobuf;proto=io.prometheus.write.v2.Request";
  const version = protocol === 1 ? "0.1.0" : "2.0.0";
  return `Content-Type: ${type}\r\nContent-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: ${version}\r\n`;
}

/** The value at a share (0–1) of an ascending list; 0 of an empty one. */
export function quantileOf(ascending: ArrayLike<number>, share: number): number {
  if (ascending.length === 0) return 0;
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))]!;
}
