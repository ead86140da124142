/** VictoriaMetrics' remote write: a message of 1.0, packed with zstd. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { encodeRequestV1, encodeRequestV2, type WireSeries } from "../support/remote-write.js";
import { startServer, type TestServer } from "../support/server.js";
import { HEADERS_V1, HEADERS_V2, postBody, postV1 } from "../support/write-client.js";
import { zstdBomb, zstdFrame } from "../support/zstd.js";

const START = Date.now() - 600_000;
const ZSTD = { "Content-Encoding": "zstd", "X-VictoriaMetrics-Remote-Write-Version": "1" };

function series(round: number): WireSeries[] {
  return Array.from({ length: 300 }, (_, i) => ({
    labels: [
      ["__name__", "m"],
      ["i", String(i)],
      ["long", "x".repeat(i)],
    ],
    samples: [{ timestamp: START + round * 1000, value: round * i }],
  }));
}

async function all(server: TestServer): Promise<unknown> {
  const response = await fetch(`${server.url}/api/v1/query?query=m[20m]`);
  return ((await response.json()) as { data: unknown }).data;
}

test("what comes with zstd is stored as what comes with snappy, also by several threads and after a restart", async (t) => {
  const [zstd, snappy] = [
    await startServer(t, { flags: ["--ingest.workers=2"] }),
    await startServer(t, { flags: ["--ingest.workers=2"] }),
  ];
  for (let round = 0; round < 10; round++) {
    const body = zstdFrame(encodeRequestV1(series(round)), round % 2 === 0 ? undefined : null);
    const { status, text } = await postBody(zstd.url, { ...HEADERS_V1, ...ZSTD }, body);
    assert.equal(status, 204, text);
    assert.equal((await postV1(snappy.url, series(round))).status, 204);
  }
  // Both at once: each request is unpacked where it is read.
  const later = Array.from({ length: 40 }, (_, k) => series(10 + k).slice(k * 5, k * 5 + 5));
  const posts = later.map((part, k) =>
    k % 2 === 0
      ? postBody(zstd.url, { ...HEADERS_V1, ...ZSTD }, zstdFrame(encodeRequestV1(part)))
      : postV1(zstd.url, part),
  );
  for (const { status, text } of await Promise.all(posts)) assert.equal(status, 204, text);
  for (const part of later) await postV1(snappy.url, part);
  assert.deepEqual(await all(zstd), await all(snappy));
  await zstd.restart();
  assert.deepEqual(await all(zstd), await all(snappy));
});

test("what is no zstd, or too much of it, is 400, and 2.0 with zstd 415", async (t) => {
  const server = await startServer(t, {});
  const body = encodeRequestV1(series(0));
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [Buffer.from("no zstd at all"), /^the body is not a zstd frame of at most 33554432 bytes/],
    [zstdFrame(body).subarray(0, -1), /zstd frame/],
    [zstdBomb((32 << 20) + 1), /zstd frame/],
    [zstdBomb((32 << 20) + 1, null), /zstd frame/],
    [zstdBomb(1 << 20), /not a well-formed Remote Write message/],
  ];
  for (const [bytes, message] of cases) {
    const { status, text } = await postBody(server.url, { ...HEADERS_V1, ...ZSTD }, bytes);
    assert.equal(status, 400);
    assert.match(text, message);
  }
  const two = await postBody(server.url, { ...HEADERS_V2, ...ZSTD }, zstdFrame(encodeRequestV2(series(0))));
  assert.equal(two.status, 415);
  const dry = await postBody(
    server.url,
    { ...HEADERS_V1, ...ZSTD },
    zstdFrame(body),
    "/api/v1/write?dry_run=1",
  );
  assert.equal((JSON.parse(dry.text) as { data: { newSeries: number } }).data.newSeries, 300);
  assert.equal((await postBody(server.url, { ...HEADERS_V1, ...ZSTD }, zstdFrame(body))).status, 204);
});
