/** Float series where engines err: special values, ends, gaps, resets, extremes, odd buckets, odd names. */
import type { WireSeries } from "../support/remote-write.js";
import { BEGIN_MS, INTERVAL_MS, ROUNDS, STALE } from "./span.js";

type Labels = Readonly<Record<string, string>>;
/** The value of a round, null where there is none. */
type ValueOf = (round: number) => number | null;

export function edgeSeries(): WireSeries[] {
  return [...specialValues(), ...ends(), ...counters(), ...extremes(), ...twins(), ...utf8(), ...classic()];
}

export function seriesOf(labels: Labels, valueAt: ValueOf, offsetMs = 0): WireSeries {
  const samples: { value: number; timestamp: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const value = valueAt(round);
    if (value !== null) samples.push({ value, timestamp: BEGIN_MS + round * INTERVAL_MS + offsetMs });
  }
  return { labels: sortedPairs(labels), samples };
}

export function sortedPairs(labels: Labels): (readonly [string, string])[] {
  return Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
}

const wave = (round: number, period: number): number => Math.sin((round / period) * 2 * Math.PI);

function specialValues(): WireSeries[] {
  const of = (kind: string, valueAt: ValueOf): WireSeries =>
    seriesOf({ __name__: "edge_special", kind, job: "edge" }, valueAt);
  const cycle = [1, Number.NaN, 2, Number.POSITIVE_INFINITY, -3, Number.NEGATIVE_INFINITY, 0, -0];
  return [
    of("nan", () => Number.NaN),
    of("positive infinity", () => Number.POSITIVE_INFINITY),
    of("negative infinity", () => Number.NEGATIVE_INFINITY),
    of("now and then NaN", (round) => (round % 7 === 3 ? Number.NaN : round)),
    of("cycle", (round) => cycle[round % cycle.length]!),
    of("zero", () => 0),
    of("negative zero", () => -0),
    of("constant", () => 42.5),
    of("wave", (round) => 100 * wave(round, 37)),
    of("steps", (round) => Math.floor(round / 11) % 5),
  ];
}

function ends(): WireSeries[] {
  const of = (kind: string, valueAt: ValueOf, offsetMs = 0): WireSeries =>
    seriesOf({ __name__: "edge_presence", kind, job: "edge" }, valueAt, offsetMs);
  return [
    of("one early", (round) => (round === 3 ? 7 : null)),
    of("one late", (round) => (round === ROUNDS - 2 ? 8 : null)),
    of("two", (round) => (round === 200 || round === 201 ? round : null)),
    of("gaps of six minutes", (round) => (round % 48 < 24 ? round * 2 : null)),
    of("gaps of one hour", (round) => (round < 120 || round >= 360 ? round : null)),
    of("stale now and then", (round) => (round % 30 === 29 ? STALE : round)),
    of("stale in the middle", (round) => (round === 240 ? STALE : round > 240 ? null : 5 + (round % 3))),
    of("stale at once", (round) => (round === 100 ? 1 : round === 101 ? STALE : null)),
    of("every second", (round) => (round % 2 === 0 ? round / 3 : null)),
    of("off beat", (round) => 1000 - round, 4321),
    of("one millisecond late", (round) => round % 13, 1),
    of("sparse", (round) => (round % 19 === 0 ? round : null), 7000),
  ];
}

function counters(): WireSeries[] {
  const of = (kind: string, instance: string, valueAt: ValueOf): WireSeries =>
    seriesOf({ __name__: "edge_resets_total", kind, instance, job: "edge" }, valueAt);
  return ["a", "b"].flatMap((instance, at) => [
    of("steady", instance, (round) => round * (3 + at)),
    of("resets to zero", instance, (round) => (round % (40 + at)) * 2.5),
    of("resets to half", instance, (round) => (round % 60) + (round % 120 >= 60 ? 30 : 0)),
    of("every time", instance, (round) => (round % 2 === 0 ? 100 + at : 1)),
    of("never moves", instance, () => 12),
    of("from zero", instance, (round) => Math.max(0, round - 100)),
    of("goes down", instance, (round) => 10_000 - round * 1.25),
    of("with gaps", instance, (round) => (round % 50 < 30 ? round : null)),
  ]);
}

function extremes(): WireSeries[] {
  const of = (size: string, valueAt: ValueOf): WireSeries =>
    seriesOf({ __name__: "edge_scale", size, job: "edge" }, valueAt);
  return [
    of("smallest", (round) => Number.MIN_VALUE * (1 + (round % 4))),
    of("tiny", (round) => 1e-300 * (1 + round)),
    of("largest", (round) => (round % 3 === 0 ? -1 : 1) * Number.MAX_VALUE),
    of("huge", (round) => 1e300 * (1 + wave(round, 20) / 2)),
    of("cancelling", (round) => (round % 2 === 0 ? 1e16 + round : -1e16)),
    of("integers beyond 2^53", (round) => 2 ** 53 + 2 * round),
    of("a date", (round) => 1_583_020_800 + round * 86_400 * 3),
    of("dates before 1970", (round) => -86_400 * round * 50 - 0.5),
  ];
}

/** Series that are the same once the name, or a label, is dropped. */
function twins(): WireSeries[] {
  const of = (name: string, labels: Labels, factor: number): WireSeries =>
    seriesOf({ __name__: name, job: "edge", ...labels }, (round) => factor * (round + 1));
  return [
    of("edge_twin_a_total", { id: "1", side: "left" }, 1),
    of("edge_twin_a_total", { id: "2", side: "left" }, 2),
    of("edge_twin_a_total", { id: "2", side: "right" }, 2.5),
    of("edge_twin_b_total", { id: "1", side: "left" }, 3),
    of("edge_twin_b_total", { id: "2", side: "left" }, 4),
    of("edge_twin_b_total", { id: "3" }, 5),
    of("edge_twin_info", { id: "1", version: "v1", region: "north" }, 0),
    of("edge_twin_info", { id: "2", version: "v2", region: "south" }, 0),
    of("edge_twin_info", { id: "3", version: "v2" }, 0),
  ];
}

function utf8(): WireSeries[] {
  const of = (name: string, labels: Labels, factor: number): WireSeries =>
    seriesOf({ __name__: name, job: "edge", ...labels }, (round) => factor * (round % 17));
  return [
    of("edge.http.requests", { "http.method": "GET", "my-tag": "a b" }, 1),
    of("edge.http.requests", { "http.method": "POST", "my-tag": 'quo"te' }, 2),
    of("edge höhe in m", { Ort: "Zürich", "städt.isch": "ja" }, 3),
    of("edge höhe in m", { Ort: "東京", "städt.isch": "はい" }, 4),
    of("edge höhe in m", { Ort: "back\\slash\nnewline" }, 5),
    of("edge:recorded:rate5m", { level: "😀" }, 6),
    of("edge:recorded:rate5m", { level: "\uffee" }, 7),
  ];
}

const BOUNDS = ["0.1", "0.5", "1", "2.5", "10", "+Inf"];

function classic(): WireSeries[] {
  const grow = (round: number, at: number): number => round * (at + 1) + ((round * (at + 3)) % 5);
  const bucket = (kind: string, le: string, valueAt: ValueOf): WireSeries =>
    seriesOf({ __name__: "edge_latency_seconds_bucket", kind, le, job: "edge" }, valueAt);
  const all = (kind: string, bounds: readonly string[], valueAt = grow): WireSeries[] =>
    bounds.map((le, at) => bucket(kind, le, (round) => valueAt(round, at)));
  const rest = ["good", "not monotonic"].flatMap((kind) => [
    seriesOf({ __name__: "edge_latency_seconds_count", kind, job: "edge" }, (round) => grow(round, 5)),
    seriesOf({ __name__: "edge_latency_seconds_sum", kind, job: "edge" }, (round) => round * 4.25),
  ]);
  return [
    ...all("good", BOUNDS),
    ...all("no infinity", BOUNDS.slice(0, -1)),
    ...all("only infinity", ["+Inf"]),
    ...all("two", ["1", "+Inf"]),
    ...all("not monotonic", BOUNDS, (round, at) => round * (at === 3 ? 2 : at + 1)),
    ...all("slightly off", BOUNDS, (round, at) => round * (at + 1) * (at === 2 ? 1 + 1e-13 : 1)),
    ...all("negative bounds", ["-10", "-1", "-0.5", "0", "1", "+Inf"]),
    ...all("spellings", ["1e-1", "0.5", "1.0", "1", "2.50", "Inf"]),
    ...all("malformed", ["0.1", "much", "", "+Inf"]),
    ...all("empty", BOUNDS, () => 0),
    ...all("NaN", BOUNDS, (round, at) => (at === 2 ? Number.NaN : round * at)),
    ...all("first holds all", BOUNDS, (round) => round),
    ...all("last holds all", BOUNDS, (round, at) => (at === 5 ? round : 0)),
    ...rest,
  ];
}
