/** A snapshot over HTTP: a server that is pointed at it serves the same. */
import * as assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encodeRequestV1, snappyCompress, type WireSeries } from "../support/remote-write.js";
import { startServer, type TestServer } from "../support/server.js";

const RANGE_MS = 60_000;
const FLAGS = ["--storage.tsdb.min-block-duration=60s"];
const END_MS = Math.floor(Date.now() / 1000) * 1000;

async function write(server: TestServer, series: readonly WireSeries[]): Promise<void> {
  const answer = await fetch(`${server.url}/api/v1/write`, {
    method: "POST",
    headers: { "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy" },
    body: snappyCompress(encodeRequestV1(series)),
  });
  assert.equal(answer.status, 204, await answer.text());
}

async function data(server: TestServer, path: string, params: Record<string, string>): Promise<unknown> {
  const answer = await fetch(`${server.url}/api/v1/${path}?${new URLSearchParams(params)}`);
  const { data: found, status } = (await answer.json()) as { data: unknown; status: string };
  assert.equal(status, "success");
  return found;
}

async function everything(server: TestServer): Promise<unknown> {
  const time = String(END_MS / 1000 + 1);
  const range = { start: String((END_MS - 3_600_000) / 1000), end: time };
  const query = (text: string): Promise<unknown> => data(server, "query", { query: text, time });
  return [
    await query("m1[1h]"),
    await query("m2[1h]"),
    await query("h[1h]"),
    await data(server, "query_exemplars", { query: "m1", ...range }),
    await data(server, "series", { "match[]": '{__name__!=""}', ...range }),
  ];
}

async function snapshot(server: TestServer, params = ""): Promise<string> {
  const answer = await fetch(`${server.url}/api/v1/admin/tsdb/snapshot${params}`, { method: "POST" });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  const { name } = (JSON.parse(text) as { data: { name: string } }).data;
  assert.match(name, /^\d{8}T\d{6}Z-[0-9a-f]{16}$/);
  return join(server.dataDirectory, "snapshots", name);
}

function blocksIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^[0-9A-Z]{26}$/.test(name));
}

test("a server on a snapshot serves what was there, and the original goes on", async (t) => {
  const server = await startServer(t, { flags: FLAGS });
  for (let from = END_MS - 10 * RANGE_MS; from < END_MS; from += RANGE_MS) {
    const times = Array.from({ length: 12 }, (_, i) => from + i * 5000);
    const exemplars = [
      { labels: [["trace", String(from)]] as [string, string][], value: 1, timestamp: from },
    ];
    await write(server, [
      {
        labels: [["__name__", "m1"]],
        samples: times.map((timestamp) => ({ timestamp, value: timestamp % 7 })),
        exemplars,
      },
      {
        labels: [["__name__", "m2"]],
        samples: times.map((timestamp) => ({ timestamp: timestamp - 500, value: 1 })),
      },
      {
        labels: [["__name__", "h"]],
        histograms: times.map((timestamp, i) => ({
          timestamp,
          schema: 0,
          sum: i,
          countInt: i,
          zeroCountInt: i,
        })),
      },
    ] as WireSeries[]);
  }
  const before = await everything(server);
  const folder = await snapshot(server);
  const withoutHead = await snapshot(server, "?skip_head=true");
  assert.ok(blocksIn(folder).length > blocksIn(withoutHead).length);
  await write(server, [{ labels: [["__name__", "m1"]], samples: [{ timestamp: END_MS, value: 1 }] }]);
  const refused = await fetch(`${server.url}/api/v1/admin/tsdb/snapshot?skip_head=x`, { method: "POST" });
  assert.equal(refused.status, 400);
  assert.match(
    await refused.text(),
    /invalid parameter \\"skip_head\\": unable to parse boolean: strconv.ParseBool: parsing \\"x\\": invalid syntax/,
  );
  const restored = await startServer(t, { flags: FLAGS, dataDirectory: folder });
  assert.deepEqual(await everything(restored), before);
  await restored.restart();
  assert.deepEqual(await everything(restored), before);
});

test("who asks gives way to those who write, who maintains to both", {
  skip: process.platform !== "linux",
}, async (t) => {
  const server = await startServer(t, { flags: FLAGS });
  const nices = (): number[] =>
    readdirSync(`/proc/${server.pid}/task`).map((task) => {
      const stat = readFileSync(`/proc/${server.pid}/task/${task}/stat`, "utf8");
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
    });
  const lowered = (): number[] =>
    nices()
      .filter((nice) => nice > 0)
      .sort((a, b) => a - b);
  await everything(server);
  assert.deepEqual(lowered(), [7], "the thread that answered the query");
  await snapshot(server);
  assert.deepEqual(lowered(), [7, 10]);
});
