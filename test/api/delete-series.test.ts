/** Deletion over HTTP: from head and blocks, in force at once, after a restart, and for what is written next. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeRequestV1, snappyCompress, type WireSeries } from "../support/remote-write.js";
import { startServer, type TestServer } from "../support/server.js";

const RANGE_MS = 60_000;
const FLAGS = [`--storage.tsdb.min-block-duration=${RANGE_MS / 1000}s`];
const END_MS = Math.floor(Date.now() / RANGE_MS) * RANGE_MS;
const START_MS = END_MS - 10 * RANGE_MS;
const STEP_MS = 5000;

function series(name: string, mint: number, maxt: number, value = 1): WireSeries {
  const samples = [];
  for (let t = mint; t < maxt; t += STEP_MS) samples.push({ timestamp: t, value });
  return {
    labels: [
      ["__name__", name],
      ["job", "a"],
    ],
    samples,
  };
}

async function write(server: TestServer, all: readonly WireSeries[]): Promise<void> {
  const answer = await fetch(`${server.url}/api/v1/write`, {
    method: "POST",
    headers: { "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy" },
    body: snappyCompress(encodeRequestV1(all)),
  });
  assert.equal(answer.status, 204, await answer.text());
}

/** All samples of a metric, as pairs. */
async function samplesOf(server: TestServer, name: string): Promise<[number, string][]> {
  const query = new URLSearchParams({ query: `${name}[1h]`, time: String(END_MS / 1000 + 60) });
  const answer = await fetch(`${server.url}/api/v1/query?${query}`);
  const body = (await answer.json()) as { data: { result: { values: [number, string][] }[] } };
  return body.data.result[0]?.values ?? [];
}

async function timesOf(server: TestServer, name: string): Promise<number[]> {
  return (await samplesOf(server, name)).map(([t]) => Math.round(t * 1000));
}

function times(...ranges: readonly (readonly [number, number])[]): number[] {
  return ranges.flatMap(([from, to]) => {
    const all = [];
    for (let t = from; t < to; t += STEP_MS) all.push(t);
    return all;
  });
}

async function admin(
  server: TestServer,
  action: string,
  params: Record<string, string> | [string, string][] = {},
  method = "POST",
): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${server.url}/api/v1/admin/tsdb/${action}`, {
    method,
    body: new URLSearchParams(params),
  });
  return { status: answer.status, text: await answer.text() };
}

async function blockCount(server: TestServer): Promise<number> {
  const answer = await fetch(`${server.url}/api/v1/status/tsdb/blocks`);
  const body = (await answer.json()) as { data: { blocks: unknown[] } };
  return body.data.blocks.length;
}

async function untilBlocks(server: TestServer): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if ((await blockCount(server)) > 0) return;
    await sleep(100);
  }
  assert.fail("no block was written");
}

test("deletes from head and blocks, at once and for good", async (t) => {
  const server = await startServer(t, { flags: FLAGS });
  const whole = [START_MS, END_MS] as const;
  await write(server, [series("gone", ...whole), series("cut", ...whole), series("kept", ...whole)]);
  await untilBlocks(server);
  const from = START_MS + 3 * RANGE_MS;
  const to = END_MS - 10_000;
  const range = { start: String(from / 1000), end: String(to / 1000) };
  assert.deepEqual(await admin(server, "delete_series", { "match[]": "gone" }), { status: 204, text: "" });
  assert.equal((await admin(server, "delete_series", { "match[]": "cut", ...range }, "PUT")).status, 204);
  const left = times([START_MS, from], [to + STEP_MS, END_MS]);
  const check = async (): Promise<void> => {
    assert.deepEqual(await timesOf(server, "gone"), []);
    assert.deepEqual(await timesOf(server, "cut"), left);
    assert.deepEqual(await timesOf(server, "kept"), times(whole));
  };
  await check();
  await server.restart();
  await check();
  await server.kill();
  await server.start();
  await check();
  // What comes again is new, with whatever value.
  await write(server, [series("cut", from, to + STEP_MS, 2)]);
  const again = await samplesOf(server, "cut");
  assert.equal(again.length, times(whole).length);
  for (const [at, value] of again) assert.equal(value, left.includes(Math.round(at * 1000)) ? "1" : "2");
  await server.restart();
  assert.deepEqual(await samplesOf(server, "cut"), again);
  assert.deepEqual(await admin(server, "clean_tombstones"), { status: 204, text: "" });
  assert.deepEqual(await samplesOf(server, "cut"), again);
  assert.deepEqual(await timesOf(server, "gone"), []);
  await server.restart();
  assert.deepEqual(await samplesOf(server, "cut"), again);
});

test("judges the parameters as Prometheus does", async (t) => {
  const server = await startServer(t);
  const refused = async (params: [string, string][]): Promise<string> => {
    const { status, text } = await admin(server, "delete_series", params);
    assert.equal(status, 400);
    return (JSON.parse(text) as { error: string }).error;
  };
  assert.equal(await refused([]), "no match[] parameter provided");
  assert.match(await refused([["match[]", "{"]]), /^invalid parameter "match\[\]": 1:2: parse error/);
  assert.equal(
    await refused([
      ["match[]", "up"],
      ["start", "x"],
    ]),
    `invalid parameter "start": invalid time value for 'start': cannot parse "x" to a valid timestamp`,
  );
  const get = await fetch(`${server.url}/api/v1/admin/tsdb/delete_series?match[]=up`);
  assert.equal(get.status, 405);
});
