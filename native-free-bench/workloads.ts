/**
 * The workloads that every speed figure uses. A workload is a pure function of its name, its size and the time
 * it begins at: the same bytes on every machine.
 *
 * Host h replays the recording from scrape 7·h on, its clock shifted by 37·h ms, always over the same connection.
 */

import { compress, compressedBytesMax } from "../dist/encoding/snappy.js";
import { loadRecording, type Recording } from "./recording.js";
import {
  type Batch,
  batchOfLabels,
  batchOfSymbols,
  encodeLabels,
  type Protocol,
  RequestEncoder,
  type SampleSource,
} from "./remote-write-encoder.js";

export interface SeriesLabels {
  /** Sorted by name, `__name__` among them. */
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly type: string;
}

export interface Workload {
  readonly name: string;
  readonly what: string;
  readonly protocol: Protocol;
  readonly connections: number;
  /** Hosts of the recording; for the churn workload, senders. */
  readonly hosts: number;
  readonly rounds: number;
  readonly intervalMs: number;
  readonly seriesPerRequestMax: number;
  readonly order: "fixed" | "shuffled";
  /** Each round this many label sets end and others begin. 0: the series are those of the recording. */
  readonly newSeriesPerRound: number;
  /** Before every metric name and job: what makes the series others than those of the same shape. */
  readonly prefix: string;
  /** A matcher that every series of the workload satisfies and nothing else does. */
  readonly matcher: string;
}

export interface WorkloadRequest {
  readonly connection: number;
  /** The body, compressed; valid until the callback returns. */
  readonly body: Uint8Array;
  readonly samples: number;
}

const HOSTS = {
  intervalMs: 15_000,
  seriesPerRequestMax: 2000,
  order: "fixed",
  newSeriesPerRound: 0,
  prefix: "",
} as const;
const NODE = '{job="node"}';
const W1 = { ...HOSTS, protocol: 1, connections: 8, hosts: 200, rounds: 60, matcher: NODE } as const;
const W2 = { ...HOSTS, protocol: 1, connections: 4, hosts: 12, rounds: 1920, matcher: NODE } as const;

const WORKLOADS: readonly Workload[] = [
  { ...W1, name: "W1", what: "wide: many series, created while it runs" },
  { ...W2, name: "W2", what: "long: eight hours of few series, steady state" },
  { ...W1, name: "W1s", what: "as W1, series in a new random order in every request", order: "shuffled" },
  { ...W2, name: "W2v2", what: "as W2, Remote Write 2.0", protocol: 2 },
  {
    name: "W3",
    what: "churn: small requests as k6 sends them, 20 new label sets a second",
    protocol: 1,
    connections: 10,
    hosts: 100,
    rounds: 120,
    intervalMs: 1000,
    seriesPerRequestMax: 200,
    order: "fixed",
    newSeriesPerRound: 20,
    prefix: "",
    matcher: '{scenario="default"}',
  },
  { ...W1, name: "W5", what: "scale: a million series", hosts: 2000, rounds: 10 },
];

const SMALL: Readonly<Record<string, { hosts: number; rounds: number }>> = {
  W1: { hosts: 16, rounds: 5 },
  W2: { hosts: 4, rounds: 40 },
  W1s: { hosts: 16, rounds: 5 },
  W2v2: { hosts: 4, rounds: 40 },
  W3: { hosts: 10, rounds: 12 },
  W5: { hosts: 48, rounds: 2 },
};

export const WORKLOAD_NAMES: readonly string[] = WORKLOADS.map(({ name }) => name);

/** `small`: the form for tests, of the same shape and seconds short. Throws for an unknown name. */
export function workloadOf(name: string, size: "full" | "small"): Workload {
  const found = WORKLOADS.find((workload) => workload.name === name);
  if (found === undefined)
    throw new Error(`unknown workload ${name}; known are ${WORKLOAD_NAMES.join(", ")}`);
  return size === "full" ? found : { ...found, ...SMALL[name]! };
}

/** A recording's workload with other series of the same shape: their names and jobs begin with `prefix`. */
export function withPrefix(workload: Workload, prefix: string): Workload {
  return { ...workload, name: `${workload.name}${prefix}`, prefix, matcher: `{job="${prefix}node"}` };
}

export function seriesCountOf(workload: Workload): number {
  const first = workload.hosts * seriesPerHost(workload);
  return first + workload.newSeriesPerRound * (workload.rounds - 1);
}

export function sampleCountOf(workload: Workload): number {
  return workload.hosts * seriesPerHost(workload) * workload.rounds;
}

export function seriesPerHost(workload: Workload): number {
  return workload.newSeriesPerRound > 0 ? workload.seriesPerRequestMax : loadRecording().series.length;
}

/** The metric names in it, each once. */
export function metricNamesOf(workload: Workload): string[] {
  if (workload.newSeriesPerRound === 0) {
    return [...new Set(loadRecording().series.map(({ name }) => workload.prefix + name))];
  }
  return TIMINGS.flatMap((timing) => STATISTICS.map((statistic) => churnName(timing, statistic)));
}

export function spanMs(workload: Workload): number {
  return workload.rounds * workload.intervalMs;
}

/** A begin that puts the newest sample at the last full hour before `nowMs`, so that nobody finds it too old. */
export function recentBaseMs(workload: Workload, nowMs: number): number {
  const hourMs = 3_600_000;
  return Math.floor(nowMs / hourMs) * hourMs - spanMs(workload);
}

/** When host `host` has its sample of round `round`. */
export function sampleTimeMs(workload: Workload, baseMs: number, host: number, round: number): number {
  return baseMs + round * workload.intervalMs + ((37 * host) % workload.intervalMs);
}

/** Where in the recording's values the sample of this series of a host lies. */
export function sampleValueOffset(recording: Recording, series: number, host: number, round: number): number {
  return (series * recording.scrapes + ((round + 7 * host) % recording.scrapes)) * 8;
}

export function hostLabels(recording: Recording, series: number, host: number, prefix = ""): SeriesLabels {
  const recorded = recording.series[series]!;
  const labels = [
    ["__name__", prefix + recorded.name] as const,
    ...recorded.labels,
    ["cluster", `cluster-${host % 5}`] as const,
    ["env", "prod"] as const,
    ["instance", instanceOf(host)] as const,
    ["job", `${prefix}node`] as const,
  ];
  return { labels: sortLabels(labels), type: recorded.type };
}

export function instanceOf(host: number): string {
  return `host-${String(host).padStart(4, "0")}.eu-west-1.example.com:9100`;
}

/** Calls `emit` for every request, connection by connection, each connection's in the order they are sent. */
export function generateRequests(
  workload: Workload,
  baseMs: number,
  emit: (request: WorkloadRequest) => void,
): void {
  const encoder = new RequestEncoder();
  let packed = new Uint8Array(1 << 20);
  for (let connection = 0; connection < workload.connections; connection++) {
    const plan = workload.newSeriesPerRound > 0 ? churnPlan : hostPlan;
    plan(workload, baseMs, connection, (batch, source) => {
      const message = encoder.encode(batch, source);
      const room = compressedBytesMax(message.length);
      if (packed.length < room) packed = new Uint8Array(room * 2);
      const length = compress(message, packed);
      emit({ connection, body: packed.subarray(0, length), samples: batch.before.length });
    });
  }
}

type Send = (batch: Batch, source: SampleSource) => void;

/** The hosts of one connection: all their series, once a round, cut into requests. */
function hostPlan(workload: Workload, baseMs: number, connection: number, send: Send): void {
  const recording = loadRecording();
  const hosts = hostsOf(workload, connection);
  const perHost = recording.series.length;
  const count = hosts.length * perHost;
  const hostAt = (at: number): number => hosts[Math.floor(at / perHost)]!;
  const labelsAt = (at: number): SeriesLabels =>
    hostLabels(recording, at % perHost, hostAt(at), workload.prefix);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const size = workload.seriesPerRequestMax;
  const encoded = workload.protocol === 1 ? Array.from(order, (at) => encodeLabels(labelsAt(at))) : [];
  const batchFrom = (start: number): Batch => {
    const part = Array.from(order.subarray(start, start + size));
    if (workload.protocol === 1) return batchOfLabels(part.map((at) => encoded[at]!));
    return batchOfSymbols(part.map(labelsAt));
  };
  const starts = Array.from({ length: Math.ceil(count / size) }, (_, i) => i * size);
  const fixed = workload.order === "fixed" ? starts.map(batchFrom) : null;
  const random = randomOf(0x51ed270b + connection);
  const source = newSource(recording.values, size);
  for (let round = 0; round < workload.rounds; round++) {
    if (workload.order === "shuffled") shuffle(order, random);
    starts.forEach((start, request) => {
      const batch = fixed?.[request] ?? batchFrom(start);
      for (let i = 0; i < batch.before.length; i++) {
        const at = order[start + i];
        const host = hostAt(at);
        source.valueOffsets[i] = sampleValueOffset(recording, at % perHost, host, round);
        source.timesMs[i] = sampleTimeMs(workload, baseMs, host, round);
      }
      send(batch, source);
    });
  }
}

/** The senders of one connection: each sends its label sets once a round, some of them new. */
function churnPlan(workload: Workload, baseMs: number, connection: number, send: Send): void {
  const size = workload.seriesPerRequestMax;
  const encoded = new Map<number, { generation: number; bytes: Uint8Array }>();
  const labelsOf = (slot: number, generation: number): Uint8Array => {
    const known = encoded.get(slot);
    if (known?.generation === generation) return known.bytes;
    const bytes = encodeLabels(churnLabels(slot, generation));
    encoded.set(slot, { generation, bytes });
    return bytes;
  };
  const values = new Float64Array(size);
  const source = newSource(new Uint8Array(values.buffer), size);
  for (let i = 0; i < size; i++) source.valueOffsets[i] = i * 8;
  for (let round = 0; round < workload.rounds; round++) {
    for (const sender of hostsOf(workload, connection)) {
      const timeMs = sampleTimeMs(workload, baseMs, sender, round);
      const labels: Uint8Array[] = [];
      for (let i = 0; i < size; i++) {
        const slot = sender * size + i;
        labels.push(labelsOf(slot, generationOf(workload, slot, round)));
        values[i] = churnValue(slot, round);
        source.timesMs[i] = timeMs;
      }
      send(batchOfLabels(labels), source);
    }
  }
}

/** How often the label set in this slot has been replaced by round `round`. */
export function generationOf(workload: Workload, slot: number, round: number): number {
  const slots = workload.hosts * workload.seriesPerRequestMax;
  // Replacement number r (from 0, `newSeriesPerRound` of them in each round but the first) hits slot r mod slots.
  const replaced = round * workload.newSeriesPerRound;
  return replaced <= slot ? 0 : Math.floor((replaced - 1 - slot) / slots) + 1;
}

const STATISTICS = ["avg", "max", "min", "p50", "p95", "p99", "count", "sum"];
const TIMINGS = ["blocked", "connecting", "duration", "receiving", "sending", "tls_handshaking", "waiting"];

/** Labels as k6 writes them: a statistic of a timing of one address. */
export function churnLabels(slot: number, generation: number): SeriesLabels {
  const statistic = STATISTICS[slot % STATISTICS.length]!;
  const timing = TIMINGS[Math.floor(slot / STATISTICS.length) % TIMINGS.length]!;
  const address = `https://shop.example.com/api/orders/${slot}-${generation}`;
  const labels = [
    ["__name__", churnName(timing, statistic)],
    ["expected_response", "true"],
    ["group", "::checkout"],
    ["method", slot % 3 === 0 ? "POST" : "GET"],
    ["name", address],
    ["proto", "HTTP/2.0"],
    ["scenario", "default"],
    ["status", "200"],
    ["testid", "churn"],
    ["tls_version", "tls1.3"],
    ["url", address],
  ] as const;
  return { labels, type: "gauge" };
}

function churnName(timing: string, statistic: string): string {
  return `k6_http_req_${timing}_${statistic}`;
}

/** Milliseconds with three decimals, as a latency's statistic looks. */
export function churnValue(slot: number, round: number): number {
  const mixed = Math.imul(slot + 1, 0x9e3779b1) ^ Math.imul(round + 1, 0x85ebca6b);
  return 1 + (((mixed ^ (mixed >>> 15)) >>> 0) % 400_000) / 1000;
}

function hostsOf(workload: Workload, connection: number): number[] {
  const hosts: number[] = [];
  for (let host = connection; host < workload.hosts; host += workload.connections) hosts.push(host);
  return hosts;
}

function newSource(values: Uint8Array, size: number): SampleSource {
  return { values, valueOffsets: new Float64Array(size), timesMs: new Float64Array(size) };
}

function sortLabels(labels: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  return [...labels].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** A xorshift generator: whole numbers from 0 to 2^32 - 1, the same on every run. */
function randomOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Fisher and Yates. */
function shuffle(items: Uint32Array, random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    const item = items[i];
    items[i] = items[j];
    items[j] = item;
  }
}
