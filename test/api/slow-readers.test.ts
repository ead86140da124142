/** Answers that are still read, or compressed, while the thread that made them answers others, on the real server. */
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { TRANSPORTS } from "../support/front-end.js";
import { startServer, type TestServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

/** Together 7 MB of answer: more than what sockets take of it before they are read. */
const SERIES = 24;
const STEPS = 10_000;
/** Of an answer's time: in so many a second one is asked for. */
const PARTS = 8;

interface Matrix {
  readonly data: { readonly result: readonly { readonly values: readonly (readonly [number, string])[] }[] };
}

/** To clients on the same machine nothing is compressed. */
const COMPRESSED = { "accept-encoding": "gzip", "x-forwarded-for": "203.0.113.1" };

/** Resolves with the answer's head; the body waits. */
async function openAnswer(url: string, factor: number, headers = {}): Promise<IncomingMessage> {
  const params = new URLSearchParams({
    query: `last_over_time(x[1h]) * ${factor} / time()`,
    start: "1000",
    end: String(1000 + STEPS - 1),
    step: "1",
  });
  const sent = request(`${url}/api/v1/query_range?${params}`, { agent: false, headers });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

async function assertAnswer(response: IncomingMessage, factor: number): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const isCompressed = response.headers["content-encoding"] === "gzip";
  const body = isCompressed ? gunzipSync(Buffer.concat(parts)) : Buffer.concat(parts);
  const { result } = (JSON.parse(body.toString()) as Matrix).data;
  assert.equal(result.length, SERIES);
  for (const { values } of result) {
    assert.equal(values.length, STEPS);
    assert.ok(values.every(([time, value]) => value === String((123 * factor) / time)));
  }
}

/** A server with series of which each is 123 at all times. */
async function startWithSeries(t: TestContext, transport: string): Promise<TestServer> {
  const server = await startServer(t, {
    flags: ["--storage.tsdb.retention.time=0s", `--web.transport=${transport}`],
  });
  const samples = Array.from({ length: 7 }, (_, i) => ({ timestamp: 1_000_000 + i * 1_800_000, value: 123 }));
  const series = Array.from({ length: SERIES }, (_, i) => ({
    labels: [
      ["__name__", "x"],
      ["series", String(i)],
    ] as const,
    samples,
  }));
  assert.equal((await postV1(server.url, series)).status, 204);
  return server;
}

for (const transport of TRANSPORTS) {
  test(`${transport}: an answer stays what it is while others ask`, async (t) => {
    const { url } = await startWithSeries(t, transport);
    const slow = await openAnswer(url, 1);
    for (let factor = 2; factor < 6; factor++) await assertAnswer(await openAnswer(url, factor), factor);
    const gone = await openAnswer(url, 6);
    gone.destroy();
    await assertAnswer(await openAnswer(url, 7), 7);
    await assertAnswer(slow, 1);
  });

  test(`${transport}: an answer stays what it is while it is compressed`, async (t) => {
    const { url } = await startWithSeries(t, transport);
    const ask = async (factor: number): Promise<void> => {
      const response = await openAnswer(url, factor, COMPRESSED);
      assert.equal(response.headers["content-encoding"], "gzip");
      await assertAnswer(response, factor);
    };
    await ask(1);
    const startedAt = performance.now();
    await ask(2);
    const tookMs = performance.now() - startedAt;
    // Asked while the other one is made, while it is compressed, and while it is sent.
    for (let part = 0; part < PARTS; part++) {
      const other = ask(3);
      await sleep((tookMs * part) / PARTS);
      await Promise.all([other, ask(4)]);
    }
  });
}
