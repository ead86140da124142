/** Remote read over HTTP: what was written comes back, as samples and as streamed chunks. */
import * as assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { TRANSPORTS } from "../support/front-end.js";
import { trickySeries, wireSeries } from "../support/prometheus-blocks.js";
import {
  decodeFrames,
  decodeSamples,
  encodeRead,
  type PlainQuery,
  postRead,
  printSeries,
  SAMPLES,
  STREAMED_XOR_CHUNKS,
} from "../support/read-client.js";
import { snappyCompress, snappyUncompress } from "../support/remote-write.js";
import { startServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

const FOREVER = "--storage.tsdb.retention.time=0s";
const ALL_TIME = { startMs: 0, endMs: 2_000_000_000_000 };
const EVERYTHING: PlainQuery = { ...ALL_TIME, matchers: [["NEQ", "__name__", ""]] };

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

for (const transport of TRANSPORTS) {
  test(`${transport}: floats, histograms and stale markers come back in both forms`, async (t) => {
    const server = await startServer(t, { flags: [FOREVER, `--web.transport=${transport}`] });
    const all = trickySeries();
    for (const one of all) assert.equal((await postV1(server.url, [wireSeries(one)])).status, 204);
    const samples = await postRead(server.url, encodeRead([EVERYTHING], [SAMPLES]));
    assert.equal(samples.status, 200);
    assert.equal(samples.headers.get("content-type"), "application/x-protobuf");
    assert.equal(samples.headers.get("content-encoding"), "snappy");
    assert.deepEqual(printSeries(decodeSamples(await bytesOf(samples))[0]!), printSeries(all));
    const streamed = await postRead(server.url, encodeRead([EVERYTHING], [STREAMED_XOR_CHUNKS, SAMPLES]));
    assert.equal(
      streamed.headers.get("content-type"),
      "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse",
    );
    const { series } = decodeFrames(await bytesOf(streamed));
    assert.deepEqual(printSeries(series[0]!), printSeries(all));
    const keys = series[0]!.map(({ labels }) => labels.key);
    assert.deepEqual(keys, [...keys].sort(), "streamed series come in order");
  });
}

test("matchers, ranges, hints and several queries select as Prometheus does", async (t) => {
  const server = await startServer(t, { flags: [FOREVER] });
  const series = ["a", "b", "c"].map((host) => ({
    labels: [
      ["__name__", "up"],
      ["host", host],
    ] as const,
    samples: [1000, 2000, 3000].map((timestamp) => ({ timestamp, value: timestamp / 1000 })),
  }));
  assert.equal((await postV1(server.url, series)).status, 204);
  const queries: PlainQuery[] = [
    { ...ALL_TIME, matchers: [["EQ", "host", "a"]] },
    { startMs: 2000, endMs: 3000, matchers: [["NEQ", "host", "a"]] },
    { startMs: 0, endMs: 1999, matchers: [["RE", "host", "a|c"]] },
    { ...ALL_TIME, matchers: [["NRE", "host", ".+"]] },
    { ...ALL_TIME, matchers: [["EQ", "host", "a"]], hints: { startMs: 2000, endMs: 2000 } },
    { startMs: 4000, endMs: 5000, matchers: [["EQ", "host", "a"]] },
    { startMs: 2000, endMs: 2000, matchers: [["EQ", "host", "b"]], hints: { func: "rate" } },
  ];
  const expected = [
    { 'up{host="a"}': ["1000 1", "2000 2", "3000 3"] },
    { 'up{host="b"}': ["2000 2", "3000 3"], 'up{host="c"}': ["2000 2", "3000 3"] },
    { 'up{host="a"}': ["1000 1"], 'up{host="c"}': ["1000 1"] },
    {},
    { 'up{host="a"}': ["2000 2"] },
    {},
    { 'up{host="b"}': ["2000 2"] },
  ];
  const samples = decodeSamples(await bytesOf(await postRead(server.url, encodeRead(queries, []))));
  assert.deepEqual(samples.map(printSeries), expected);
  const streamed = await postRead(server.url, encodeRead(queries, [7, STREAMED_XOR_CHUNKS]));
  assert.deepEqual(decodeFrames(await bytesOf(streamed)).series.map(printSeries), expected);
  const labelsOnly = {
    ...ALL_TIME,
    matchers: [["EQ", "__name__", "up"]],
    hints: { func: "series" },
  } as const;
  const named = decodeSamples(await bytesOf(await postRead(server.url, encodeRead([labelsOnly], []))));
  assert.deepEqual(printSeries(named[0]!), { 'up{host="a"}': [], 'up{host="b"}': [], 'up{host="c"}': [] });
});

test("what cannot be answered is refused with a reason", async (t) => {
  const server = await startServer(t, { flags: [FOREVER, "--storage.remote.read-sample-limit=3"] });
  const samples = [1, 2, 3, 4].map((timestamp) => ({ timestamp, value: 1 }));
  await postV1(server.url, [{ labels: [["__name__", "up"]], samples }]);
  const refused = async (body: Uint8Array): Promise<[number, string]> => {
    const response = await postRead(server.url, body);
    return [response.status, (await response.text()).trim()];
  };
  assert.deepEqual(await refused(Buffer.from("no snappy")), [400, "snappy: corrupt input"]);
  assert.deepEqual(await refused(snappyCompress(Buffer.from([10, 200]))), [
    400,
    "the request is not well-formed protobuf",
  ]);
  assert.deepEqual(await refused(encodeRead([EVERYTHING], [])), [400, "exceeded sample limit (3)"]);
  assert.equal((await postRead(server.url, encodeRead([EVERYTHING], [STREAMED_XOR_CHUNKS]))).status, 200);
  const [status, text] = await refused(encodeRead([EVERYTHING], [7]));
  assert.equal(status, 400);
  assert.match(text, /^server does not support any of the requested response types/);
  const bad: PlainQuery = { ...ALL_TIME, matchers: [["RE", "a", "("]] };
  assert.match((await refused(encodeRead([bad], [])))[1], /missing closing \)/);
  const many = Array.from({ length: 1001 }, () => EVERYTHING);
  assert.deepEqual(await refused(encodeRead(many, [])), [400, "more than 1000 queries in one request"]);
  assert.equal((await fetch(`${server.url}/api/v1/read`)).status, 405);
});

test("damaged requests are answered, whatever they hold", async (t) => {
  const server = await startServer(t, { flags: [FOREVER] });
  await postV1(server.url, [{ labels: [["__name__", "up"]], samples: [{ timestamp: 1, value: 1 }] }]);
  const good = snappyUncompress(encodeRead([EVERYTHING, EVERYTHING], [STREAMED_XOR_CHUNKS]));
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 3 }), fc.nat(good.length), async (changes, length) => {
      const bytes = good.slice(0, length);
      for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
      const response = await postRead(server.url, snappyCompress(bytes));
      await response.arrayBuffer();
      assert.ok([200, 400].includes(response.status), `status ${response.status}`);
    }),
    { numRuns: 200 },
  );
});

const SERIES = 6000;
const SAMPLES_EACH = 700;

for (const transport of TRANSPORTS) {
  test(`${transport}: a long answer waits for a slow client, in bounded memory, and ends with the client`, async (t) => {
    const flags = [FOREVER, `--web.transport=${transport}`, "--storage.remote.read-concurrent-limit=2"];
    const server = await startServer(t, { flags });
    for (let from = 0; from < SERIES; from += 1000) {
      const series = Array.from({ length: 1000 }, (_, i) => ({
        labels: [
          ["__name__", "noise"],
          ["series", String(from + i).padStart(5, "0")],
        ] as const,
        samples: Array.from({ length: SAMPLES_EACH }, (_, k) => ({
          timestamp: 1_000_000 + k * 1000,
          value: Math.sin(from + i + k * 7.7),
        })),
      }));
      assert.equal((await postV1(server.url, series)).status, 204);
    }
    const body = encodeRead([EVERYTHING], [STREAMED_XOR_CHUNKS]);
    const before = server.rssPeakBytes();
    const sockets = Array.from({ length: 6 }, () => {
      const socket = connect(server.port, "127.0.0.1");
      socket.pause();
      socket.on("error", () => {});
      const head = `POST /api/v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), body]));
      return socket;
    });
    t.after(() => sockets.forEach((socket) => void socket.destroy()));
    await sleep(1500);
    const answer = await fetch(`${server.url}/api/v1/query?query=count(noise)&time=1699`);
    assert.match(await answer.text(), /"6000"/, "queries are answered while slow clients read");
    for (const socket of sockets) socket.destroy();
    // Those who waited for their turn are gone, too: this one is not kept waiting.
    const { series, frames } = decodeFrames(await bytesOf(await postRead(server.url, body)));
    assert.equal(series[0]!.length, SERIES);
    assert.ok(series[0]!.every(({ samples }) => samples.length === SAMPLES_EACH));
    assert.equal(series[0]![77]!.samples[5]![1], Math.sin(77 + 5 * 7.7));
    assert.equal(frames, SERIES);
    const grown = server.rssPeakBytes() - before;
    assert.ok(grown < 300 * 2 ** 20, `memory grew by ${Math.round(grown / 2 ** 20)} MiB`);
  });
}
