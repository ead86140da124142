/**
 * Connections that do what no client would: cut requests, wrong lengths, garbage, several requests in one packet,
 * answers that nobody reads, resets at any moment. The server must neither end nor lose a slot.
 */
import * as assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TRANSPORTS } from "../support/front-end.js";
import { randomBelow, seededRandom } from "../support/random.js";
import { encodeRequestV1, snappyCompress } from "../support/remote-write.js";
import { startServer } from "../support/server.js";

const SECONDS = Number(process.env["HOSTILE_SECONDS"] ?? 20);
const CONNECTIONS = 40;
const PATHS: readonly string[] = [
  "/api/v1/write",
  "/write",
  "/api/v1/query?query=f2",
  "/api/v1/query?query=f5",
  "/api/v1/query_range?query=f2&start=0&end=10000&step=1",
  '/api/v1/series?match[]={__name__=~".%2B"}',
  "/api/v1/label/i/values",
  "/api/v1/query_exemplars?query=f1",
  "/metrics",
  "/-/ready",
  "/",
  "/nothing",
];
const METHODS: readonly string[] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "get", "FOO"];
const QUERIES: readonly string[] = ["f2", "sum(f5)", "rate(f2[5m])", "((", '{__name__=~".+"}'];

class Source {
  private readonly random: () => number;
  private readonly bodies: readonly Buffer[];

  constructor(seed: number, nowMs: number) {
    this.random = seededRandom(seed);
    this.bodies = [1, 50, 3000, 1, 50, 3000].map((count, k) => {
      const series = Array.from({ length: count }, (_, i) => ({
        labels: [["__name__", `f${k}`] as const, ["i", String(i)] as const, ["pad", "x".repeat(50)] as const],
        samples: [{ value: i, timestamp: nowMs - k * 1000 }],
      }));
      return Buffer.from(snappyCompress(encodeRequestV1(series)));
    });
  }

  below(end: number): number {
    return randomBelow(this.random, end);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  message(): Buffer {
    const one = this.request();
    return this.chance(0.15) ? Buffer.concat([one, one]) : one;
  }

  private head(method: string, path: string, ...headers: string[]): Buffer {
    const lines = [`${method} ${path} HTTP/1.1`, "Host: x", ...headers];
    if (this.chance(0.3)) lines.push("Accept-Encoding: gzip");
    if (this.chance(0.1)) lines.push("Connection: close");
    if (this.chance(0.1)) lines.push("Expect: 100-continue");
    return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
  }

  private request(): Buffer {
    const body = this.pick(this.bodies);
    switch (this.below(5)) {
      case 0: {
        const declared = body.length + (this.chance(0.3) ? this.below(100_000) - 50 : 0);
        return Buffer.concat([this.head("POST", this.pick(PATHS), `Content-Length: ${declared}`), body]);
      }
      case 1:
        return this.head(this.pick(METHODS), this.pick(PATHS));
      case 2:
        return this.chunked(body);
      case 3: {
        const form = `query=${encodeURIComponent(this.pick(QUERIES))}`;
        const type = "Content-Type: application/x-www-form-urlencoded";
        const head = this.head("POST", "/api/v1/query", type, `Content-Length: ${form.length}`);
        return Buffer.concat([head, Buffer.from(form)]);
      }
      default:
        return this.damaged(body);
    }
  }

  private chunked(body: Buffer): Buffer {
    const parts = [this.head("POST", this.pick(PATHS), "Transfer-Encoding: chunked")];
    for (let i = this.below(6); i > 0; i--) {
      const chunk = body.subarray(0, this.below(body.length));
      parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"));
    }
    if (this.chance(0.7)) parts.push(Buffer.from("0\r\n\r\n"));
    return Buffer.concat(parts);
  }

  private damaged(body: Buffer): Buffer {
    const message = Buffer.concat([this.head("POST", "/write", `Content-Length: ${body.length}`), body]);
    const reach = this.chance(0.5) ? Math.min(200, message.length) : message.length;
    for (let i = this.below(8); i >= 0; i--) message[this.below(reach)] = this.below(256);
    return message;
  }
}

/** One connection: sends a message in pieces, reads the answer or not, and is gone. */
function misbehave(port: number, source: Source): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const message = source.message();
    let sent = 0;
    let open = true;
    const leave = (): void => {
      if (open) source.chance(0.5) ? socket.destroy() : socket.resetAndDestroy();
    };
    const step = (): void => {
      if (!open) return;
      if (source.chance(0.05)) {
        leave();
        return;
      }
      const bytes = source.chance(0.6) ? message.length : 1 + source.below(3000);
      socket.write(message.subarray(sent, sent + bytes));
      sent += bytes;
      if (sent < message.length) setTimeout(step, source.below(4));
      else setTimeout(leave, source.pick([0, 1, 5, 20, 60]));
    };
    socket.on("error", () => {});
    socket.on("close", () => {
      open = false;
      resolve();
    });
    if (source.chance(0.2)) socket.pause();
    else socket.on("data", () => {});
    step();
  });
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

for (const transport of TRANSPORTS) {
  test(`${transport}: ${SECONDS} s of hostile connections`, async (t) => {
    const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
    t.diagnostic(`SEED=${seed}`);
    const server = await startServer(t, {
      flags: [`--web.transport=${transport}`, "--storage.durability=write"],
    });
    const slots = await metric(server.url, "varve_ingest_slots_free");
    assert.ok(slots > 0);
    const source = new Source(seed, Date.now());
    const end = Date.now() + SECONDS * 1000;
    let count = 0;
    const hostile = async (): Promise<void> => {
      for (; Date.now() < end && server.running; count++) await misbehave(server.port, source);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, hostile));
    assert.ok(server.running, server.output().slice(-4000));
    await sleep(1000);
    t.diagnostic(`${count} connections, peak RSS ${server.rssPeakBytes() >> 20} MiB`);
    assert.equal(await metric(server.url, "varve_http_write_requests_in_flight"), 0);
    assert.equal(await metric(server.url, "varve_http_write_requests_waiting"), 0);
    assert.equal(await metric(server.url, "varve_ingest_slots_free"), slots);
    assert.equal(await server.stop(), 0);
    assert.doesNotMatch(server.output(), /level=error/);
  });
}
