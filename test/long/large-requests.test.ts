import * as assert from "node:assert/strict";
import { test } from "node:test";
import {
  encodeRequestV1,
  encodeRequestV2,
  snappyCompress,
  type WireSeries,
} from "../support/remote-write.js";
import { startServer } from "../support/server.js";

/** Small bodies that unpack to as much as a request may hold, each full of one thing. */
const MESSAGE_BYTES = 32 * 1024 * 1024 - 64;
const ANSWER_MS_MAX = 15_000;
const RSS_BYTES_MAX = 2 * 1024 * 1024 * 1024;
const NOW = Date.now();

/** protobuf: `__name__` = "m" as a label of a 1.0 series. */
const NAME = [0x0a, 13, 0x0a, 8, ...new TextEncoder().encode("__name__"), 0x12, 1, 0x6d];

function repeated(unit: readonly number[], bytes: number, first: readonly number[] = []): Uint8Array {
  const message = new Uint8Array(
    first.length + Math.floor((bytes - first.length) / unit.length) * unit.length,
  );
  message.set(first);
  for (let at = first.length; at < message.length; at += unit.length) message.set(unit, at);
  return message;
}

/** `content` as the one series of a 1.0 request. */
function oneSeries(content: Uint8Array): Uint8Array {
  const { length } = content;
  const header = [
    0x0a,
    (length & 127) | 128,
    ((length >> 7) & 127) | 128,
    ((length >> 14) & 127) | 128,
    length >> 21,
  ];
  return Uint8Array.from([...header, ...content]);
}

function samplesAt(timestamps: readonly number[]): WireSeries[] {
  return [
    {
      labels: [["__name__", "order"]],
      samples: timestamps.map((timestamp) => ({ value: timestamp, timestamp })),
    },
  ];
}

function histogramsOf(buckets: number, count: number): WireSeries[] {
  const positiveDeltas = [1, ...new Array<number>(buckets - 1).fill(0)];
  return Array.from({ length: count }, (_, i) => ({
    labels: [["__name__", "wide"]],
    histograms: [
      {
        countInt: buckets,
        sum: 1,
        schema: 0,
        positiveSpans: [{ length: buckets }],
        positiveDeltas,
        timestamp: NOW - i,
      },
    ],
  }));
}

const farApart = Array.from({ length: 300 }, (_, i) => ({
  labels: [["__name__", "far"]] as const,
  histograms: [
    {
      countInt: 3,
      sum: 1,
      positiveSpans: [{ offset: i % 2 === 0 ? -2_000_000_000 : 1_999_999_999, length: 2 }],
      positiveDeltas: [1, 1],
      timestamp: NOW - i * 1000,
    },
  ],
}));

const BODIES: Readonly<Record<string, readonly [protocol: 1 | 2, message: Uint8Array]>> = {
  zeros: [1, new Uint8Array(MESSAGE_BYTES)],
  "empty series": [1, repeated([0x0a, 0], MESSAGE_BYTES)],
  "series without samples": [1, repeated([0x0a, NAME.length, ...NAME], MESSAGE_BYTES)],
  "empty samples": [1, oneSeries(repeated([0x12, 0], 4_000_000, NAME))],
  "empty exemplars": [1, oneSeries(repeated([0x1a, 0], 1_800_000, NAME))],
  "empty histograms": [1, oneSeries(repeated([0x22, 0], 1_800_000, NAME))],
  metadata: [1, repeated([0x1a, 3, 0x12, 1, 0x6d], 4_500_000)],
  "empty labels": [1, oneSeries(repeated([0x0a, 0], 30_000_000, NAME))],
  "unknown fields": [1, repeated([0x32, 0], MESSAGE_BYTES)],
  symbols: [2, repeated([0x22, 0], MESSAGE_BYTES)],
  "2.0 series": [
    2,
    repeated([0x2a, 4, 0x0a, 2, 1, 2], MESSAGE_BYTES, [0x22, 0, 0x22, 1, 0x61, 0x22, 1, 0x62]),
  ],
  "200,000 samples falling": [
    1,
    encodeRequestV1(samplesAt(Array.from({ length: 200_000 }, (_, i) => NOW - i))),
  ],
  "20,000 samples in no order": [
    2,
    encodeRequestV2(
      samplesAt(Array.from({ length: 20_000 }, (_, i) => NOW - ((i * 7_919_333) % 80_000_000))),
    ),
  ],
  "100 histograms of 65,536 buckets": [1, encodeRequestV1(histogramsOf(65_536, 100))],
  "histograms whose buckets lie far apart": [1, encodeRequestV1(farApart)],
};

test("bodies as full as they may be are answered in time, and memory stays bounded", async (t) => {
  const server = await startServer(t);
  for (const [what, [protocol, message]] of Object.entries(BODIES)) {
    const startMs = performance.now();
    const response = await fetch(`${server.url}/api/v1/write`, {
      method: "POST",
      body: snappyCompress(message),
      headers:
        protocol === 2
          ? { "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request" }
          : {},
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const text = await response.text();
    const tookMs = Math.round(performance.now() - startMs);
    const rss = server.rssBytes();
    t.diagnostic(
      `${what}: ${response.status} in ${tookMs} ms, ${rss >> 20} MiB resident ${text.slice(0, 100)}`,
    );
    assert.ok(response.status === 204 || response.status === 400, `${what}: ${response.status} ${text}`);
    assert.ok(rss < RSS_BYTES_MAX, `${what}: ${rss} bytes resident`);
  }
  assert.equal(await server.stop(), 0);
});
