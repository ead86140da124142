/**
 * 500 connections that send without pause, five times and more what the server takes: memory stays within its bound,
 * nothing acknowledged is lost, a sender of single samples is served within a second, and two seconds later all is
 * as before. `OVERLOAD_SECONDS` is how long, `OVERLOAD_SAMPLES` how large a request.
 */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { TRANSPORTS } from "../support/front-end.js";
import { overload, percentile, slowLoris } from "../support/overload.js";

const SECONDS = Number(process.env["OVERLOAD_SECONDS"] ?? 60);
const SAMPLES = Number(process.env["OVERLOAD_SAMPLES"] ?? 60_000);
const CONNECTIONS = 500;
/** `--storage.head-memory-limit`, the slots (145 MiB), what waits for them (32 MiB), and JavaScript's heaps. */
const HEAD_BYTES = 256 * 2 ** 20;
const RSS_BYTES_MAX = HEAD_BYTES + (145 + 32 + 400) * 2 ** 20;

for (const transport of TRANSPORTS) {
  const flags = [`--web.transport=${transport}`, "--storage.head-memory-limit=256MB"];

  test(`${transport}: ${SECONDS} s of overload`, async (t) => {
    const flood = { connections: CONNECTIONS, samples: SAMPLES, durationMs: SECONDS * 1000 };
    const { statuses, p99Ms, rssPeakBytes, recoveryMs } = await overload(t, flags, flood);
    const { 204: stored = 0, 503: refused = 0 } = statuses;
    assert.ok(refused >= 4 * stored, `${stored} stored, ${refused} refused: no overload of five times`);
    assert.ok(p99Ms < 1000, `p99 of the trickle is ${p99Ms} ms`);
    assert.ok(rssPeakBytes < RSS_BYTES_MAX, `peak RSS is ${rssPeakBytes} bytes`);
    assert.ok(recoveryMs < 2000, `recovery took ${recoveryMs} ms`);
  });

  test(`${transport}: a thousand slow bodies`, async (t) => {
    const { latenciesMs } = await slowLoris(t, flags, 1000);
    const p99 = percentile(latenciesMs, 0.99);
    t.diagnostic(`p50 ${percentile(latenciesMs, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`);
    assert.ok(p99 < 1000, `p99 is ${p99} ms`);
  });
}
