/** The port on which a server asks itself: who does not know its secret gets nothing there, and nobody's metrics show it. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

const ROUND_MS = 15_000;
const LISTEN = "0A";

/** Ports that a process listens on (Linux: proc(5)). */
function listeningPorts(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return []; // closed meanwhile
      }
    }),
  );
  return readFileSync(`/proc/${pid}/net/tcp`, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN && sockets.has(fields[9] ?? ""))
    .map((fields) => Number.parseInt(fields[1]!.split(":")[1]!, 16));
}

async function untilNot<T>(value: T, read: () => T, withinMs: number): Promise<T> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    const now = read();
    if (now !== value) return now;
    await sleep(2);
  }
  throw new Error(`still ${String(value)} after ${withinMs} ms`);
}

test("the port of the warm-up answers nobody else, and is closed behind it", {
  skip: process.platform !== "linux" && "needs /proc",
}, async (t) => {
  const server = await startServer(t);
  const nowMs = Date.now();
  const series = Array.from({ length: 300 }, (_, i) => ({
    labels: [["__name__", "m"], ["i", String(i)], ["job", "j"]] as [string, string][], // biome-ignore format: a row of labels
    samples: [60_000, 45_000, 30_000, 15_000, 0].map((ago) => ({ timestamp: nowMs - ago, value: i + ago })),
  }));
  assert.equal((await postV1(server.url, series)).status, 204);
  const ownPort = (): number | undefined => listeningPorts(server.pid).find((port) => port !== server.port);
  const port = await untilNot(undefined, ownPort, 3 * ROUND_MS);
  for (const headers of [{}, { authorization: "Bearer guess" }, { authorization: "" }]) {
    const refused = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=m`, { headers });
    assert.equal(refused.status, 403);
    assert.equal(await refused.text(), "");
  }
  await untilNot(port, ownPort, ROUND_MS);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^varve_http_requests_total\{handler="\/api\/v1\/write",code="204"\} 1$/m);
  assert.doesNotMatch(metrics, /handler="\/api\/v1\/query/);
  assert.doesNotMatch(metrics, /^varve_query_seconds_count/m);
  assert.match(metrics, /^varve_query_samples_total 0$/m);
});
