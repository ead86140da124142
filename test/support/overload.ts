import * as assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startFlood } from "./flood.js";
import type { FloodOptions } from "./flood-thread.js";
import { RawConnection } from "./raw-http.js";
import { encodeRequestV1, snappyCompress } from "./remote-write.js";
import { startServer, type TestServer } from "./server.js";
import { HEADERS_V1, postBody } from "./write-client.js";

/** Answers of a sender of single samples. */
export interface Trickle {
  readonly latenciesMs: number[];
  readonly samples: number;
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** Sends one sample after another, 20 ms apart, until `until`; each must be stored at the first try. */
export async function trickle(
  url: string,
  metric: string,
  nowMs: number,
  until: () => boolean,
): Promise<Trickle> {
  const latenciesMs: number[] = [];
  let samples = 0;
  for (; !until(); samples++) {
    const sample = { value: samples, timestamp: nowMs + samples };
    const body = snappyCompress(encodeRequestV1([{ labels: [["__name__", metric]], samples: [sample] }]));
    const started = performance.now();
    const { status, text } = await postBody(url, HEADERS_V1, body);
    latenciesMs.push(performance.now() - started);
    assert.equal(status, 204, text);
    await sleep(20);
  }
  return { latenciesMs, samples };
}

export async function countSamples(url: string, metric: string, nowMs: number): Promise<number> {
  const query = `sum(count_over_time(${metric}[1h]))`;
  const body = new URLSearchParams({ query, time: String(nowMs / 1000 + 1) });
  const answer = (await (await fetch(`${url}/api/v1/query`, { method: "POST", body })).json()) as {
    data: { result: { value: [number, string] }[] };
  };
  return Number(answer.data.result[0]?.value[1] ?? 0);
}

/** Then the same samples come again. */
const REQUESTS_PER_CONNECTION = 5;

export interface OverloadFigures {
  readonly statuses: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly rssPeakBytes: number;
  /** From the end of the flood to the first request that is answered as fast as before it. */
  readonly recoveryMs: number;
}

/** Floods a server beside a trickle and checks that nothing acknowledged is lost; the figures are the caller's. */
export async function overload(
  t: TestContext,
  flags: readonly string[],
  flooding: Pick<FloodOptions, "connections" | "samples" | "durationMs">,
): Promise<OverloadFigures> {
  const server = await startServer(t, { flags });
  const { url, port } = server;
  const nowMs = Date.now();
  const { outcome } = await startFlood({
    port,
    ...flooding,
    baseMs: nowMs - 1_800_000,
    requestsPerConnection: REQUESTS_PER_CONNECTION,
  });
  let over = false;
  const done = outcome.finally(() => {
    over = true;
  });
  const { latenciesMs, samples } = await trickle(url, "trickle", nowMs, () => over);
  const { statuses, acknowledged, retryAfterMissing } = await done;
  const endedMs = performance.now();
  const after = await trickle(url, "after", nowMs, quickAnswers(5));
  const recoveryMs =
    performance.now() - endedMs - after.latenciesMs.slice(-5).reduce((sum, ms) => sum + ms + 20, 0);
  for (const status of Object.keys(statuses)) assert.ok(["204", "503", "429"].includes(status), status);
  assert.equal(retryAfterMissing, 0);
  const stored = acknowledged.reduce((sum, one) => sum + one, 0);
  assert.ok(stored > 0);
  const flooded = await countSamples(url, "flood", nowMs);
  assert.ok(flooded >= stored * flooding.samples, `${flooded} of ${stored * flooding.samples} samples`);
  assert.equal(await countSamples(url, "trickle", nowMs + samples), samples);
  await assertIdle(server);
  const figures = {
    statuses,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    maxMs: Math.max(...latenciesMs),
    rssPeakBytes: server.rssPeakBytes(),
    recoveryMs: Math.max(0, recoveryMs),
  };
  const { p50Ms, p99Ms, maxMs, rssPeakBytes } = figures;
  t.diagnostic(
    `answers ${JSON.stringify(statuses)}, trickle ${samples}: p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms, ` +
      `max ${maxMs.toFixed(0)} ms; peak RSS ${rssPeakBytes >> 20} MiB; recovery ${figures.recoveryMs.toFixed(0)} ms`,
  );
  assert.equal(await server.stop(), 0);
  return figures;
}

/** True once the last `count` answers took at most 50 ms each; `trickle` calls it before each request. */
function quickAnswers(count: number): () => boolean {
  let quick = 0;
  let last = performance.now();
  let first = true;
  return () => {
    const now = performance.now();
    quick = !first && now - last < 70 ? quick + 1 : 0;
    first = false;
    last = now;
    return quick >= count;
  };
}

async function assertIdle(server: TestServer): Promise<void> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  assert.equal(value("varve_http_write_requests_waiting"), 0);
  assert.equal(value("varve_http_write_requests_in_flight"), 0);
}

/** Opens `count` connections whose bodies never come to an end, and sends beside them. */
export async function slowLoris(t: TestContext, flags: readonly string[], count: number): Promise<Trickle> {
  const { url, port } = await startServer(t, { flags });
  const slow = Array.from({ length: count }, () => new RawConnection(port));
  t.after(() => {
    for (const raw of slow) raw.destroy();
  });
  for (const raw of slow) raw.send("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\npart");
  await sleep(500);
  const end = performance.now() + 3000;
  const outcome = await trickle(url, "beside", Date.now() - 60_000, () => performance.now() > end);
  assert.equal((await fetch(`${url}/-/ready`)).status, 200);
  return outcome;
}
