/** Hostile Remote Write requests, each a function of the seed and its number alone. */
import { randomBelow, seededRandom } from "../support/random.js";
import {
  CAPTURES,
  encodeRequestV1,
  encodeRequestV2,
  protocolOf,
  readCapture,
  snappyCompress,
  snappyUncompress,
  type WireHistogram,
  type WireSeries,
} from "../support/remote-write.js";

export interface FuzzRequest {
  /** How it was made, for the report. */
  readonly kind: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: the headers decide by themselves. */
  readonly protocol: 1 | 2 | null;
  readonly body: Uint8Array;
  /** Sent in pieces without a Content-Length. */
  readonly chunked: boolean;
}

type Random = () => number;

interface Seed {
  readonly protocol: 1 | 2;
  /** Not compressed. */
  readonly message: Uint8Array;
  readonly body: Uint8Array;
}

const V1_TYPE = "application/x-protobuf";
const V2_TYPE = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
/** Recorded bodies above this are cut out of the seeds: small ones meet more paths in the same time. */
const SEED_BYTES_MAX = 60_000;

/** Varints and lengths that decoders trip over. */
const HOSTILE_BYTES: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0x80, 0x80, 0x80, 0x80, 0x08],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
  [0x00],
  [0x0b],
  [0x0c],
  [0x7f],
];

const HOSTILE_TEXTS: readonly string[] = [
  "",
  "__name__",
  "\u0000",
  "a\u0000b",
  "ü\u{1f600}",
  "\ufeff",
  "x".repeat(1025),
  "x".repeat(5000),
  "x".repeat(200_000),
  "CERV\u0002\u0000\u0000\u0000",
];

const HOSTILE_TIMESTAMPS: readonly number[] = [0, -1, 1, -(2 ** 53), 2 ** 53, 2 ** 62, -(2 ** 63), 1e15];
const HOSTILE_VALUES: readonly number[] = [
  0,
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MIN_VALUE,
  Number.MAX_VALUE,
  new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer)[0],
  new Float64Array(new Uint32Array([0xdeadbeef, 0x7ff80000]).buffer)[0],
];

function pick<T>(random: Random, from: readonly T[]): T {
  return from[randomBelow(random, from.length)];
}

export class RequestSource {
  private readonly seed: number;
  private readonly nowMs: number;
  private readonly seeds: readonly Seed[];

  /** `nowMs` dates the generated samples; a run is repeated exactly with the same one. */
  constructor(seed: number, nowMs: number) {
    this.seed = seed;
    this.nowMs = nowMs;
    this.seeds = CAPTURES.flatMap((name) =>
      readCapture(name).map(({ headers, body }) => ({
        protocol: protocolOf(headers),
        message: snappyUncompress(body),
        body,
      })),
    ).filter(({ message }) => message.length <= SEED_BYTES_MAX);
  }

  /** A request that every receiver must accept: one series, one new sample. */
  healthy(number: number): FuzzRequest {
    const series = [
      {
        labels: [
          ["__name__", "fuzz_healthy"],
          ["run", String(this.seed)],
        ] as const,
        samples: [{ value: number, timestamp: this.nowMs + number }],
      },
    ];
    return request("healthy", 1, snappyCompress(encodeRequestV1(series)));
  }

  request(number: number): FuzzRequest {
    const random = seededRandom(Math.imul(this.seed, 0x9e3779b1) ^ number);
    for (let warm = 0; warm < 3; warm++) random();
    const dice = random();
    if (dice < 0.25) return this.mutatedMessage(random);
    if (dice < 0.4) return this.mutatedBody(random);
    if (dice < 0.45) return hostileSnappy(random);
    if (dice < 0.9) return this.generated(random);
    if (dice < 0.93) return this.captured(random);
    return this.strangeHeaders(random);
  }

  private captured(random: Random): FuzzRequest {
    const { protocol, body } = pick(random, this.seeds);
    return request("captured", protocol, body);
  }

  private mutatedMessage(random: Random): FuzzRequest {
    const { protocol, message } = this.smallSeed(random);
    const [how, mutated] = mutate(random, message, pick(random, this.seeds).message);
    return request(`message ${how}`, protocol, snappyCompress(mutated));
  }

  private mutatedBody(random: Random): FuzzRequest {
    const { protocol, body } = this.smallSeed(random);
    const [how, mutated] = mutate(random, body, pick(random, this.seeds).body);
    return request(`body ${how}`, protocol, mutated);
  }

  /** Half recorded, half generated: the latter are small, so that a flip meets something that matters. */
  private smallSeed(random: Random): Seed {
    if (random() < 0.3) return pick(random, this.seeds);
    const protocol = random() < 0.5 ? 1 : 2;
    const message = this.message(random, protocol, 0);
    return { protocol, message, body: snappyCompress(message) };
  }

  private generated(random: Random): FuzzRequest {
    const protocol = random() < 0.5 ? 1 : 2;
    const hostility = pick(random, [0, 0.02, 0.2]);
    const message = this.message(random, protocol, hostility);
    return request(`generated ${hostility}`, protocol, snappyCompress(message));
  }

  private message(random: Random, protocol: 1 | 2, hostility: number): Uint8Array {
    const count = 1 + randomBelow(random, 4);
    const series = Array.from({ length: count }, () => this.series(random, hostility));
    if (protocol === 2) {
      const metadata = { type: randomBelow(random, 9), help: "Help.", unit: "s" };
      return encodeRequestV2(random() < 0.5 ? series : series.map((one) => ({ ...one, metadata })));
    }
    const metadata = random() < 0.2 ? [{ metricName: "fuzz_total", type: 1, help: "Help." }] : [];
    return encodeRequestV1(series, metadata);
  }

  private series(random: Random, hostility: number): WireSeries {
    const text = (usual: string): string => (random() < hostility ? pick(random, HOSTILE_TEXTS) : usual);
    const labels: [string, string][] = [];
    if (random() >= hostility) labels.push(["__name__", text(`fuzz_${randomBelow(random, 20)}`)]);
    for (let i = randomBelow(random, 4); i > 0; i--)
      labels.push([text(`label_${i}`), text(`value ${randomBelow(random, 10)}`)]);
    if (random() < hostility) for (let i = 0; i < 80; i++) labels.push([`many_${i}`, "x"]);
    if (random() < hostility && labels.length > 0) labels.push(pick(random, labels));
    const at = (): number =>
      random() < hostility ? pick(random, HOSTILE_TIMESTAMPS) : this.nowMs - randomBelow(random, 3_600_000);
    const value = (): number => (random() < 0.5 ? randomBelow(random, 1000) : pick(random, HOSTILE_VALUES));
    const exemplars =
      random() < 0.2
        ? [{ labels: [[text("trace_id"), text("abc")]] as const, value: value(), timestamp: at() }]
        : [];
    const histograms = random() < 0.3 ? [histogram(random, hostility, at())] : [];
    const samples = Array.from({ length: randomBelow(random, 4) }, () => ({
      value: value(),
      timestamp: at(),
    }));
    return { labels, samples, exemplars, histograms };
  }

  private strangeHeaders(random: Random): FuzzRequest {
    const { protocol, body } = this.smallSeed(random);
    const usual = request("headers", protocol, body);
    const encoding = pick(random, [
      "snappy",
      "SNAPPY",
      "zstd",
      "gzip",
      "identity",
      "snappy, gzip",
      "x".repeat(3000),
      null,
    ]);
    const type = pick(random, [
      V1_TYPE,
      V2_TYPE,
      `${V1_TYPE}; proto="prometheus.WriteRequest"`,
      `${V1_TYPE};proto=io.prometheus.write.v3.Request`,
      "application/json",
      ";;;",
      "x".repeat(3000),
      null,
    ]);
    const headers: Record<string, string> = {
      "X-Prometheus-Remote-Write-Version": pick(random, ["0.1.0", "2.0.0", "99", ""]),
    };
    if (encoding !== null) headers["Content-Encoding"] = encoding;
    if (type !== null) headers["Content-Type"] = type;
    const method = random() < 0.2 ? pick(random, ["GET", "PUT", "DELETE", "HEAD", "PATCH"]) : "POST";
    return {
      ...usual,
      kind: "headers",
      method,
      headers,
      protocol: null,
      chunked: method === "POST" && random() < 0.5,
    };
  }
}

function request(kind: string, protocol: 1 | 2, body: Uint8Array): FuzzRequest {
  const headers = {
    "Content-Encoding": "snappy",
    "Content-Type": protocol === 2 ? V2_TYPE : V1_TYPE,
    "X-Prometheus-Remote-Write-Version": protocol === 2 ? "2.0.0" : "0.1.0",
  };
  return { kind, method: "POST", headers, protocol, body, chunked: false };
}

function histogram(random: Random, hostility: number, timestamp: number): WireHistogram {
  const counts = Array.from({ length: randomBelow(random, 6) }, () => randomBelow(random, 10));
  const zero = randomBelow(random, 3);
  const total = counts.reduce((sum, count) => sum + count, zero);
  const odd = (usual: number, choices: readonly number[]): number =>
    random() < hostility ? pick(random, choices) : usual;
  const schema = odd(randomBelow(random, 12), [-53, -5, 9, 52, 53, 2 ** 31 - 1, -(2 ** 31)]);
  const common = {
    schema,
    sum: random() < 0.2 ? pick(random, HOSTILE_VALUES) : total * 1.5,
    zeroThreshold: 0.001,
    positiveSpans: [
      {
        offset: odd(randomBelow(random, 9) - 4, [2 ** 31 - 1, -(2 ** 31)]),
        length: odd(counts.length, [0, 2 ** 32 - 1, 2 ** 31]),
      },
    ],
    timestamp,
  };
  if (random() < 0.3) {
    return {
      ...common,
      countFloat: odd(total, [-1, Number.NaN]),
      zeroCountFloat: zero,
      positiveCounts: counts,
    };
  }
  const deltas = counts.map((count, i) => count - (counts[i - 1] ?? 0));
  return {
    ...common,
    countInt: odd(total, [total + 1, 2 ** 63]),
    zeroCountInt: zero,
    positiveDeltas: deltas,
  };
}

type Mutation = (random: Random, bytes: Uint8Array, other: Uint8Array) => Uint8Array;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "bit flips"(random, bytes) {
    const mutated = bytes.slice();
    for (let flips = 1 + randomBelow(random, 8); flips > 0 && mutated.length > 0; flips--) {
      mutated[randomBelow(random, mutated.length)] ^= 1 << randomBelow(random, 8);
    }
    return mutated;
  },
  truncated: (random, bytes) => bytes.slice(0, randomBelow(random, bytes.length + 1)),
  "cut out"(random, bytes) {
    const from = randomBelow(random, bytes.length + 1);
    return concat(bytes.subarray(0, from), bytes.subarray(from + randomBelow(random, 20)));
  },
  repeated(random, bytes) {
    const from = randomBelow(random, bytes.length + 1);
    const to = from + randomBelow(random, 200);
    return concat(bytes.subarray(0, to), bytes.subarray(from, to), bytes.subarray(to));
  },
  spliced(random, bytes, other) {
    const tail = other.subarray(randomBelow(random, other.length + 1));
    return concat(bytes.subarray(0, randomBelow(random, bytes.length + 1)), tail);
  },
  "hostile bytes"(random, bytes) {
    const mutated = bytes.slice();
    for (let times = 1 + randomBelow(random, 3); times > 0 && mutated.length > 0; times--) {
      const at = randomBelow(random, mutated.length);
      mutated.set(pick(random, HOSTILE_BYTES).slice(0, mutated.length - at), at);
    }
    return mutated;
  },
  "hostile bytes put in"(random, bytes) {
    const at = randomBelow(random, bytes.length + 1);
    return concat(bytes.subarray(0, at), Uint8Array.from(pick(random, HOSTILE_BYTES)), bytes.subarray(at));
  },
  noise: (random) => Uint8Array.from({ length: randomBelow(random, 300) }, () => randomBelow(random, 256)),
};

function mutate(random: Random, bytes: Uint8Array, other: Uint8Array): [string, Uint8Array] {
  const [how, mutation] = pick(random, Object.entries(MUTATIONS));
  return [how, mutation(random, bytes, other)];
}

/** Lengths and copies that promise more than there is. */
function hostileSnappy(random: Random): FuzzRequest {
  const declared = pick(random, [
    [0xff, 0xff, 0xff, 0xff, 0x0f],
    [0x80, 0x80, 0x80, 0x80, 0x08],
    [0x81, 0x80, 0x80, 0x10],
    [0x80, 0x80, 0x80, 0x10],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    [0x80],
    [],
    [100],
  ]);
  const elements = pick(random, [
    [],
    [0xfc, 0xff, 0xff, 0xff, 0xff],
    [0xf4, 0xff, 0xff],
    [0x01, 0x00],
    [0x00, 0x41, 0xfe, 0xff, 0xff],
    [0x00, 0x41, 0x01, 0x02],
    [0x00, 0x41, 0xff, 0xff, 0xff, 0xff, 0xff],
    Array.from({ length: 3000 }, (_, i) => [0x04, 0x41, 0xfe, 0x01, 0x00][i % 5]),
  ]);
  return request("snappy", random() < 0.5 ? 1 : 2, Uint8Array.from([...declared, ...elements]));
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
