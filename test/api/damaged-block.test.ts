/** A block that goes bad under a running server: the answer without it, a warning, and everybody is told. */
import * as assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeRequestV1, snappyCompress } from "../support/remote-write.js";
import { startServer, type TestServer } from "../support/server.js";

const RANGE_MS = 60_000;
const END_MS = Math.floor(Date.now() / RANGE_MS) * RANGE_MS;

async function write(server: TestServer, mint: number, maxt: number): Promise<void> {
  const samples = [];
  for (let timestamp = mint; timestamp < maxt; timestamp += 1000) samples.push({ timestamp, value: 1 });
  const body = encodeRequestV1([{ labels: [["__name__", "up"]], samples }]);
  const answer = await fetch(`${server.url}/api/v1/write`, {
    method: "POST",
    headers: { "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy" },
    body: snappyCompress(body),
  });
  assert.equal(answer.status, 204, await answer.text());
}

interface Answer {
  readonly warnings?: readonly string[];
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

async function count(server: TestServer): Promise<Answer> {
  const query = new URLSearchParams({ query: "count_over_time(up[1h])", time: String(END_MS / 1000) });
  const answer = await fetch(`${server.url}/api/v1/query?${query}`);
  assert.equal(answer.status, 200);
  return (await answer.json()) as Answer;
}

async function text(server: TestServer, path: string): Promise<string> {
  return (await fetch(`${server.url}${path}`)).text();
}

function blocks(server: TestServer): string[] {
  return readdirSync(server.dataDirectory).filter((name) => /^[0-9A-Z]{26}$/.test(name));
}

test("a damaged block is left out, moved aside and named", async (t) => {
  const server = await startServer(t, { flags: ["--storage.tsdb.min-block-duration=60s"] });
  await write(server, END_MS - 10 * RANGE_MS, END_MS);
  for (let i = 0; i < 400 && blocks(server).length === 0; i++) await sleep(100);
  await sleep(1000);
  const [ulid = "none"] = blocks(server);
  assert.equal((await count(server)).data.result[0]?.value[1], "600");
  await server.stop();
  const file = join(server.dataDirectory, ulid, "chunks", "000001");
  const bytes = readFileSync(file);
  bytes[20] = (bytes[20] as number) ^ 4;
  writeFileSync(file, bytes);
  await server.start();
  const { warnings = [], data } = await count(server);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] as string, new RegExp(`^block ${ulid} is damaged: its samples from `));
  const served = Number(data.result[0]?.value[1] ?? "0");
  assert.ok(served < 600 && served % 60 === 0, `${served} samples`);
  for (let i = 0; i < 200 && !(await text(server, "/-/ready")).includes(ulid); i++) await sleep(50);
  assert.ok(!blocks(server).includes(ulid));
  assert.match(await text(server, "/-/ready"), new RegExp(`degraded: damaged blocks .*${ulid}`));
  assert.match(await text(server, "/metrics"), new RegExp(`varve_quarantined_block\\{block="${ulid}"\\} 1`));
  const status = JSON.parse(await text(server, "/api/v1/status/tsdb/blocks")) as {
    data: { quarantined: unknown };
  };
  assert.ok(JSON.stringify(status.data.quarantined).includes(ulid));
  await server.restart();
  assert.equal((await count(server)).warnings?.length, 1);
  assert.match(await text(server, "/-/ready"), new RegExp(ulid));
});
