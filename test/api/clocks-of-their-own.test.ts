/** Range functions over series that were not scraped together, wherever their samples are read. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { startServer } from "../support/server.js";
import { postV1 } from "../support/write-client.js";

const SERIES = 600;
const NOW_MS = Math.floor(Date.now() / 60_000) * 60_000;

/** Series i has a sample every 5 + i % 7 seconds over the last half hour, up to a second of its own. */
function timesOf(series: number): number[] {
  const times: number[] = [];
  for (let t = NOW_MS - (series % 11) * 1000; t > NOW_MS - 1_800_000; t -= 5000 + (series % 7) * 1000)
    times.push(t);
  return times.reverse();
}

const valueAt = (series: number, t: number): number => series + ((t / 1000) % 1000);

interface Matrix {
  readonly data: {
    readonly result: readonly {
      readonly metric: { readonly i: string };
      readonly values: readonly [number, string][];
    }[];
  };
}

for (const [where, flags, rangeSeconds, series] of [
  ["many series of the head", [], 60, SERIES],
  ["series that are kept decoded", [], 1200, SERIES],
  ["series that find no room in the cache", ["--storage.block-cache-bytes=1KiB"], 1200, SERIES],
  ["few series, decoded and not kept", ["--storage.block-cache-bytes=1KiB"], 60, 40],
] as const) {
  test(`each series has its own windows: ${where}`, async (t) => {
    const server = await startServer(t, { flags });
    const written = Array.from({ length: series }, (_, i) => ({
      labels: [
        ["__name__", "m"],
        ["i", String(i)],
      ] as const,
      samples: timesOf(i).map((timestamp) => ({ timestamp, value: valueAt(i, timestamp) })),
    }));
    assert.equal((await postV1(server.url, written)).status, 204);
    for (const [fn, expected] of [
      ["count_over_time", (inside: number[]) => inside.length],
      ["sum_over_time", (inside: number[], i: number) => inside.reduce((sum, at) => sum + valueAt(i, at), 0)],
      ["delta", null],
    ] as const) {
      const [start, end, step] = [NOW_MS - rangeSeconds * 1000, NOW_MS, rangeSeconds * 250];
      const params = new URLSearchParams({
        query: `${fn}(m[45s])`,
        start: String(start / 1000),
        end: String(end / 1000),
        step: String(step / 1000),
      });
      const answer = (await (await fetch(`${server.url}/api/v1/query_range?${params}`)).json()) as Matrix;
      assert.equal(answer.data.result.length, series);
      for (const { metric, values } of answer.data.result) {
        const i = Number(metric.i);
        assert.equal(values.length, 5);
        for (const [second, text] of values) {
          const at = second * 1000;
          const inside = timesOf(i).filter((time) => time > at - 45_000 && time <= at);
          const wanted = expected === null ? deltaOf(i, inside, at) : expected(inside, i);
          assert.ok(
            Math.abs(Number(text) - wanted) < 1e-6,
            `${fn} of series ${i} at ${at}: ${text}, not ${wanted}`,
          );
        }
      }
    }
  });
}

/** Prometheus' extrapolation, for regular samples whose value rises by one each second but where it wraps. */
function deltaOf(series: number, inside: number[], at: number): number {
  const first = inside[0]!;
  const last = inside.at(-1)!;
  const sampled = (last - first) / 1000;
  const average = sampled / (inside.length - 1);
  const border = (seconds: number): number => (seconds >= average * 1.1 ? average / 2 : seconds);
  const toStart = border((first - (at - 45_000)) / 1000);
  const toEnd = border((at - last) / 1000);
  return (valueAt(series, last) - valueAt(series, first)) * ((sampled + toStart + toEnd) / sampled);
}
