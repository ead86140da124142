/** Blocks made by a real Prometheus out of series that are the same in every run. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { Histogram } from "../../dist/model/histogram.js";
import { Labels } from "../../dist/model/labels.js";
import type { PlainSample, PlainSeries } from "./block-fixtures.js";
import { histogramRun } from "./histogram-arbitraries.js";
import { type PeerProcess, startPeer, untilOk } from "./peers.js";
import type { WireHistogram, WireSeries } from "./remote-write.js";
import { type Cleanup, freePort } from "./server.js";
import { postV2 } from "./write-client.js";

const STALE = new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer)[0];
const START_MS = 1_700_000_000_000;
const SEED = 20_251_122;

/** Floats of all shapes, and native histograms: integer, float, gauge, custom buckets, resets, stale markers. */
export function trickySeries(): PlainSeries[] {
  const histograms = fc
    .sample(histogramRun, { seed: SEED, numRuns: 60 })
    .map(({ timestamps, histograms }, i) => ({
      labels: Labels.fromObject({ __name__: "histogram", run: String(i).padStart(2, "0") }),
      samples: timestamps.map((timestamp, k) => [timestamp, histograms[k]] as const),
    }));
  const values = fc.sample(fc.double(), { seed: SEED, numRuns: 300 });
  const float = (shape: string, sample: (i: number) => PlainSample): PlainSeries => ({
    labels: Labels.fromObject({ __name__: "float", shape, note: 'λ "quoted" \\ back\nnew line' }),
    samples: Array.from({ length: 300 }, (_, i) => sample(i)),
  });
  return [
    ...histograms,
    float("any", (i) => [START_MS + i * 7_000, values[i]]),
    float("constant", (i) => [START_MS + i * 7_000, 42]),
    float("counter", (i) => [START_MS + i * 7_000 + (i % 7), i * i]),
    float("special", (i) => [
      START_MS + i * 7_000,
      [Number.NaN, STALE, Infinity, -Infinity, -0, 5e-324][i % 6],
    ]),
    float("gaps", (i) => [START_MS + i * 3_000 + (i > 100 ? 600_000 : 0) + (i > 200 ? 1 : 0), i / 3]),
  ];
}

function wireHistogram(timestamp: number, histogram: Histogram): WireHistogram {
  const { float, count, zeroCount, positiveSpans, negativeSpans, customValues } = histogram;
  const positive = Array.from(histogram.positiveBuckets);
  const negative = Array.from(histogram.negativeBuckets);
  const deltas = (counts: readonly number[]): number[] =>
    counts.map((n, i) => n - (i === 0 ? 0 : counts[i - 1]));
  return {
    timestamp,
    schema: histogram.schema,
    sum: histogram.sum,
    zeroThreshold: histogram.zeroThreshold,
    resetHint: histogram.resetHint,
    positiveSpans: [...positiveSpans],
    negativeSpans: [...negativeSpans],
    customValues: Array.from(customValues),
    ...(float
      ? { countFloat: count, zeroCountFloat: zeroCount, positiveCounts: positive, negativeCounts: negative }
      : {
          countInt: count,
          zeroCountInt: zeroCount,
          positiveDeltas: deltas(positive),
          negativeDeltas: deltas(negative),
        }),
  };
}

export function wireSeries({ labels, samples }: PlainSeries): WireSeries {
  return {
    labels: [...labels],
    samples: samples.flatMap(([timestamp, value]) =>
      typeof value === "number" ? [{ timestamp, value }] : [],
    ),
    histograms: samples.flatMap(([timestamp, value]) =>
      typeof value === "number" ? [] : [wireHistogram(timestamp, value)],
    ),
  };
}

export interface RunningPrometheus extends PeerProcess {
  readonly url: string;
  readonly dataFolder: string;
}

/** Starts Prometheus with its data in `folder`/data, ready to be written to. */
export async function startPrometheus(
  t: Cleanup,
  command: string,
  folder: string,
  flags: readonly string[] = [],
): Promise<RunningPrometheus> {
  const port = await freePort();
  const config = join(folder, "prometheus.yml");
  const dataFolder = join(folder, "data");
  mkdirSync(dataFolder, { recursive: true });
  writeFileSync(config, "global: {}\n");
  const peer = startPeer(t, command, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${dataFolder}`,
    "--storage.tsdb.retention.time=100y",
    `--web.listen-address=127.0.0.1:${port}`,
    "--web.enable-remote-write-receiver",
    "--web.enable-admin-api",
    "--enable-feature=native-histograms",
    ...flags,
  ]);
  const url = `http://127.0.0.1:${port}`;
  await untilOk(`${url}/-/ready`, peer);
  return { ...peer, url, dataFolder };
}

/** Writes series and has Prometheus write its head into a block; returns the folder that the block is in. */
export async function snapshotWith(
  prometheus: RunningPrometheus,
  series: readonly PlainSeries[],
): Promise<string> {
  for (const one of series) {
    const { status, text } = await postV2(prometheus.url, [wireSeries(one)]);
    if (status >= 300) throw new Error(`Prometheus answers ${status}: ${text}`);
  }
  const response = await fetch(`${prometheus.url}/api/v1/admin/tsdb/snapshot`, { method: "POST" });
  const text = await response.text();
  if (response.status !== 200)
    throw new Error(`no snapshot: ${text}; Prometheus says\n${prometheus.output()}`);
  const answer = JSON.parse(text) as { data: { name: string } };
  return join(prometheus.dataFolder, "snapshots", answer.data.name);
}

/** Output of promtool; throws with what it said where it fails. */
export function promtool(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`promtool ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** `promtool tsdb dump`, which wants a `wal` folder to be there. */
export function dumpOf(command: string, folder: string): string[] {
  mkdirSync(join(folder, "wal"), { recursive: true });
  return promtool(command, "tsdb", "dump", folder)
    .split("\n")
    .filter((line) => line !== "");
}
