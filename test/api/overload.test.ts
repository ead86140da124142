/** More than the server can take: it says so, stays within its memory, and keeps what it acknowledged. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TRANSPORTS } from "../support/front-end.js";
import { RawConnection } from "../support/raw-http.js";
import { encodeRequestV1, snappyCompress, type WireSeries } from "../support/remote-write.js";
import { startServer } from "../support/server.js";
import { HEADERS_V1, postBody } from "../support/write-client.js";

/** More than there are request slots. */
const FLOOD_CONNECTIONS = 300;
const FLOOD_MS = 3000;
const REQUESTS_PER_CONNECTION = 6;
const SERIES_PER_REQUEST = 100;
const MEDIAN_MS_MAX = 1000;

/** One request of `SERIES_PER_REQUEST` samples, with its headers. */
function floodRequest(sender: number, timestamp: number): Buffer {
  const series = Array.from(
    { length: SERIES_PER_REQUEST },
    (_, i): WireSeries => ({
      labels: [
        ["__name__", "flood"],
        ["i", String(i)],
        ["sender", String(sender)],
      ],
      samples: [{ value: i, timestamp }],
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

async function countSamples(url: string, metric: string, nowMs: number): Promise<number> {
  const query = `sum(count_over_time(${metric}[1h]))`;
  const body = new URLSearchParams({ query, time: String(nowMs / 1000 + 1) });
  const answer = (await (await fetch(`${url}/api/v1/query`, { method: "POST", body })).json()) as {
    data: { result: { value: [number, string] }[] };
  };
  return Number(answer.data.result[0]?.value[1] ?? 0);
}

for (const transport of TRANSPORTS) {
  test(`${transport}: a flood leaves a trickle through and loses nothing acknowledged`, async (t) => {
    const server = await startServer(t, { flags: [`--web.transport=${transport}`] });
    const { url, port } = server;
    const nowMs = Date.now();
    // Made in advance and sent again and again: the sender must not be what takes the time.
    const requests = Array.from({ length: FLOOD_CONNECTIONS }, (_, sender) =>
      Array.from({ length: REQUESTS_PER_CONNECTION }, (_, k) =>
        floodRequest(sender, nowMs - 1_800_000 + k * 1000),
      ),
    );
    const end = Date.now() + FLOOD_MS;
    const statuses = new Map<number, number>();
    const acknowledged = new Set<Buffer>();
    const flood = requests.map(async (own) => {
      const raw = new RawConnection(port);
      for (let k = 0; Date.now() < end; k++) {
        const request = own[k % own.length];
        raw.send(request);
        const { status } = await raw.answer(30_000);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 204) acknowledged.add(request);
      }
      raw.destroy();
    });
    const latencies: number[] = [];
    for (let k = 0; Date.now() < end; k++) {
      const sample = { value: k, timestamp: nowMs + k };
      const body = snappyCompress(
        encodeRequestV1([{ labels: [["__name__", "trickle"]], samples: [sample] }]),
      );
      const started = performance.now();
      assert.equal((await postBody(url, HEADERS_V1, body)).status, 204);
      latencies.push(performance.now() - started);
      await sleep(20);
    }
    await Promise.all(flood);
    for (const status of statuses.keys()) assert.ok(status === 204 || status === 503, String(status));
    assert.ok(acknowledged.size > 0);
    assert.equal(await countSamples(url, "flood", nowMs), acknowledged.size * SERIES_PER_REQUEST);
    assert.equal(await countSamples(url, "trickle", nowMs + latencies.length), latencies.length);
    latencies.sort((a, b) => a - b);
    const p50 = latencies[Math.floor(latencies.length / 2)];
    const p99 = latencies[Math.floor(latencies.length * 0.99)];
    assert.ok(p50 < MEDIAN_MS_MAX, `median of the trickle is ${p50} ms`);
    t.diagnostic(
      `answers ${JSON.stringify([...statuses])}, trickle p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, peak RSS ${server.rssPeakBytes() >> 20} MiB`,
    );
    assert.equal(await server.stop(), 0);
  });

  test(`${transport}: a thousand slow bodies leave the others alone`, async (t) => {
    const { url, port } = await startServer(t, { flags: [`--web.transport=${transport}`] });
    const slow = Array.from({ length: 1000 }, () => new RawConnection(port));
    for (const raw of slow) raw.send("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\npart");
    await sleep(500);
    const latencies: number[] = [];
    for (let k = 0; k < 50; k++) {
      const sample = { value: k, timestamp: Date.now() };
      const body = snappyCompress(
        encodeRequestV1([
          {
            labels: [
              ["__name__", "m"],
              ["k", `${k}`],
            ],
            samples: [sample],
          },
        ]),
      );
      const started = performance.now();
      assert.equal((await postBody(url, HEADERS_V1, body)).status, 204);
      latencies.push(performance.now() - started);
    }
    latencies.sort((a, b) => a - b);
    assert.ok(latencies[25] < MEDIAN_MS_MAX, `median ${latencies[25]} ms`);
    assert.equal((await fetch(`${url}/-/ready`)).status, 200);
    for (const raw of slow) raw.destroy();
  });
}
