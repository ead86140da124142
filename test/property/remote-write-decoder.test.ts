import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LocalDatabase } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import { NaiveDatabase } from "../support/naive-database.js";
import {
  encodeRequestV1,
  encodeRequestV2,
  snappyCompress,
  type WireSeries,
} from "../support/remote-write.js";

/**
 * The kernel against protobufjs and maps: the same requests, one after the other, into both. Enough of the
 * generated labels, timestamps and values collide that series are found again and samples clash.
 */
const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 10, 22, 14);
const LIMITS = {
  nowMs: NOW,
  futureMs: 10 * 60_000,
  outOfOrderWindowMs: 24 * HOUR_MS,
  retentionMs: 15 * 24 * HOUR_MS,
  labelsMax: 64,
  labelNameBytesMax: 1024,
  labelValueBytesMax: 4096,
};

const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("job", "instance", "a", "my-tag", "req.url", "ü", "zz") },
  { weight: 1, arbitrary: fc.constantFrom("", "__name__", "x".repeat(1024), "x".repeat(1025)) },
);
const value = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("x", "y", "", "long value ".repeat(9), "\u{1f600}", "\ufeff") },
  { weight: 1, arbitrary: fc.constantFrom("v".repeat(4096), "v".repeat(4097)) },
);
const labels = fc
  .tuple(
    fc.constantFrom<[string, string][]>([["__name__", "m"]], [["__name__", "m"]], [["__name__", "n"]], []),
    fc.array(fc.tuple(name, value), { maxLength: 4 }),
    fc.boolean(),
  )
  .map(([first, rest, reversed]) => (reversed ? [...rest, ...first] : [...first, ...rest]));
const sample = fc.record({
  value: fc.oneof(fc.constantFrom(0, -0, 1, 2), fc.double()),
  timestamp: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 30 }).map((i) => NOW - i * 1000) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(NOW + 600_000, NOW + 600_001, NOW - 24 * HOUR_MS, NOW - 25 * HOUR_MS),
    },
    { weight: 1, arbitrary: fc.constantFrom(0, -1, 2 ** 53, -(2 ** 53), NOW - 16 * 24 * HOUR_MS) },
  ),
});
const series: fc.Arbitrary<WireSeries> = fc.record({
  labels,
  samples: fc.array(sample, { minLength: 1, maxLength: 4 }),
});
const request = fc.record({
  protocol: fc.constantFrom(1 as const, 2 as const),
  series: fc.array(series, { maxLength: 5 }),
});

interface Damage {
  readonly kind: "flip" | "cut" | "length" | "insert";
  readonly at: number;
  readonly bit: number;
}
const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom("flip", "flip", "cut", "length", "insert"),
  at: fc.nat(),
  bit: fc.nat(7),
});
const HOSTILE_LENGTHS = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0x07],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
];

function harm(message: Uint8Array, { kind, at, bit }: Damage): Uint8Array {
  if (message.length === 0) return message;
  const place = at % message.length;
  if (kind === "cut") return message.slice(0, place);
  if (kind === "insert")
    return Uint8Array.from([...message.subarray(0, place), at & 255, ...message.subarray(place)]);
  const harmed = message.slice();
  if (kind === "flip") harmed[place] ^= 1 << bit;
  else harmed.set(HOSTILE_LENGTHS[bit % HOSTILE_LENGTHS.length].slice(0, message.length - place), place);
  return harmed;
}

async function holdToNaive(messages: readonly (readonly [Uint8Array, 1 | 2])[]): Promise<number> {
  const database = new LocalDatabase(new MemFileSystem(), new FakeClock(NOW));
  const naive = new NaiveDatabase(LIMITS);
  let judged = 0;
  let comparable = true;
  for (const [message, protocol] of messages) {
    const { status, message: answer, outcome } = await database.write(snappyCompress(message), protocol);
    const expected = naive.write(message, protocol);
    if (expected === "unjudged") {
      assert.ok(status === 204 || status === 400, answer);
      comparable = false;
      break;
    }
    judged++;
    if (expected === "malformed") {
      assert.equal(status, 400, `malformed, but ${answer}`);
      continue;
    }
    assert.equal(outcome.samples, expected.accepted, answer);
    const ambiguous = expected.refused === 0 && expected.emptySeries > 0;
    if (!ambiguous) assert.equal(status, expected.refused === 0 ? 204 : 400, answer);
  }
  if (comparable) {
    const stored = [...database.contents()].filter(([, samples]) => samples.size > 0);
    const sorted = (all: Iterable<[string, Map<number, string>]>) =>
      [...all]
        .map(([key, samples]) => [key, [...samples].sort()] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(sorted(stored), sorted(naive.series));
  }
  await database.close();
  return judged;
}

const encode = ({
  protocol,
  series: list,
}: {
  protocol: 1 | 2;
  series: WireSeries[];
}): [Uint8Array, 1 | 2] => [protocol === 1 ? encodeRequestV1(list) : encodeRequestV2(list), protocol];

test("well-formed requests store and refuse what the naive database does, 1.0 and 2.0 mixed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 6 }), async (requests) => {
      await holdToNaive(requests.map(encode));
    }),
    { numRuns: 120 },
  );
});

test("damaged requests are refused as malformed, or do what protobufjs reads in them", async () => {
  let judged = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(request, fc.array(damage, { minLength: 1, maxLength: 3 })), {
        minLength: 1,
        maxLength: 4,
      }),
      async (requests) => {
        const messages = requests.map(([whole, damages]) => {
          const [message, protocol] = encode(whole);
          return [damages.reduce(harm, message), protocol] as const;
        });
        judged += await holdToNaive(messages);
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(judged > 150, `only ${judged} requests could be judged`);
});
