import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Histogram, HistogramSpan } from "../../../dist/model/histogram.js";
import { isStaleNaN } from "../../../dist/model/stale.js";
import {
  decodeHistogram,
  HISTOGRAM_PARTS_MAX,
  staleHistogram,
  type TimedHistogram,
} from "../../../dist/wire/remote-write-histogram.js";
import { validHistogram } from "../../support/arbitraries.js";
import {
  CAPTURES,
  messages,
  readCapture,
  snappyUncompress,
  type WireHistogram,
} from "../../support/remote-write.js";

const STALE = new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer)[0];

const VALID: WireHistogram = {
  countInt: 12,
  sum: 18.4,
  schema: 1,
  zeroThreshold: 0.001,
  zeroCountInt: 2,
  positiveSpans: [
    { offset: 0, length: 2 },
    { offset: 1, length: 2 },
  ],
  positiveDeltas: [1, 1, -1, 0],
  negativeSpans: [{ offset: -3, length: 2 }],
  negativeDeltas: [2, 1],
  resetHint: 2,
  timestamp: 1_795_356_000_000,
};

const FLOAT: WireHistogram = {
  countFloat: 5.5,
  sum: 1,
  schema: 0,
  zeroCountFloat: 0.5,
  positiveSpans: [{ offset: 0, length: 2 }],
  positiveCounts: [2.5, 2.5],
  timestamp: 5,
};

const CUSTOM: WireHistogram = {
  countInt: 5,
  sum: 7,
  schema: -53,
  positiveSpans: [{ offset: 1, length: 2 }],
  positiveDeltas: [2, 1],
  customValues: [0.5, 1, 2],
  timestamp: 9,
};

function encode(wire: WireHistogram): Uint8Array {
  return messages.histogramV1.encode(wire).finish();
}

function decode(wire: WireHistogram): TimedHistogram | string {
  const bytes = encode(wire);
  return decodeHistogram(bytes, 0, bytes.length);
}

function accept(wire: WireHistogram): TimedHistogram {
  const decoded = decode(wire);
  if (typeof decoded === "string") assert.fail(decoded);
  return decoded;
}

/** Bucket counts by index: what a histogram says, however its spans are cut. */
function byIndex(spans: readonly HistogramSpan[], counts: ArrayLike<number>): Map<number, number> {
  const result = new Map<number, number>();
  let index = 0;
  let next = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let i = 0; i < length; i++) result.set(index++, counts[next++]);
  }
  return result;
}

test("an integer histogram comes with absolute bucket counts", () => {
  const { timestampMs, histogram } = accept(VALID);
  assert.equal(timestampMs, 1_795_356_000_000);
  assert.deepEqual(histogram, {
    float: false,
    resetHint: 2,
    schema: 1,
    zeroThreshold: 0.001,
    zeroCount: 2,
    count: 12,
    sum: 18.4,
    positiveSpans: [
      { offset: 0, length: 2 },
      { offset: 1, length: 2 },
    ],
    negativeSpans: [{ offset: -3, length: 2 }],
    positiveBuckets: [1, 2, 1, 1],
    negativeBuckets: [2, 3],
    customValues: [],
  } satisfies Histogram);
});

test("float histograms and custom buckets are read, and 2.0's message is the same", () => {
  assert.deepEqual(accept(FLOAT).histogram.positiveBuckets, [2.5, 2.5]);
  assert.equal(accept(FLOAT).histogram.float, true);
  assert.deepEqual(accept(CUSTOM).histogram.customValues, [0.5, 1, 2]);
  for (const wire of [VALID, FLOAT, CUSTOM]) {
    const bytes = messages.histogramV2.encode({ ...wire, startTimestamp: 77 }).finish();
    assert.deepEqual(decodeHistogram(bytes, 0, bytes.length), decode(wire));
  }
});

test("every valid histogram is accepted with the counts that it was made of", () =>
  fc.assert(
    fc.property(validHistogram, ({ wire, positive, negative }) => {
      const { histogram, timestampMs } = accept(wire);
      assert.equal(timestampMs, wire.timestamp);
      assert.equal(histogram.schema, Math.min(8, wire.schema as number));
      assert.equal(histogram.count, wire.countInt ?? wire.countFloat);
      assert.ok(Object.is(histogram.sum, wire.sum));
      const factor = 2 ** Math.max(0, (wire.schema as number) - 8);
      for (const [spans, counts, decodedSpans, decodedCounts] of [
        [wire.positiveSpans, positive, histogram.positiveSpans, histogram.positiveBuckets],
        [wire.negativeSpans, negative, histogram.negativeSpans, histogram.negativeBuckets],
      ] as const) {
        const expected = new Map<number, number>();
        for (const [index, count] of byIndex(spans as HistogramSpan[], counts)) {
          const target = Math.ceil(index / factor) + 0;
          expected.set(target, (expected.get(target) ?? 0) + count);
        }
        assert.deepEqual(byIndex(decodedSpans, decodedCounts), expected);
      }
    }),
    { numRuns: 500 },
  ));

test("the reserved schemas are merged down to 8", () => {
  const { histogram } = accept({
    ...VALID,
    schema: 10,
    positiveSpans: [
      { offset: -1, length: 4 },
      { offset: 2, length: 1 },
    ],
    positiveDeltas: [1, 0, 0, 0, 1],
    negativeSpans: [],
    negativeDeltas: [],
    countInt: 8,
  });
  // Indexes -1, 0, 1, 2, 5 of schema 10 are 0, 0, 1, 1, 2 of schema 8.
  assert.equal(histogram.schema, 8);
  assert.deepEqual(histogram.positiveSpans, [{ offset: 0, length: 3 }]);
  assert.deepEqual(histogram.positiveBuckets, [2, 2, 2]);
});

test("a stale marker is nothing but its sum, for integer and float histograms", () => {
  const markers: [WireHistogram, boolean][] = [
    [{ sum: STALE, timestamp: 3 }, false],
    [{ ...VALID, sum: STALE }, false],
    [{ ...FLOAT, sum: STALE }, true],
  ];
  for (const [wire, float] of markers) {
    const { histogram } = accept(wire);
    assert.ok(isStaleNaN(histogram.sum));
    assert.deepEqual(histogram, staleHistogram(float));
  }
  assert.ok(!isStaleNaN(accept({ ...VALID, sum: Number.NaN }).histogram.sum));
});

test("with a sum that is no number, buckets may hold less than the count", () => {
  accept({ ...VALID, sum: Number.NaN, countInt: 13 });
  assert.match(decode({ ...VALID, sum: Number.NaN, countInt: 11 }) as string, /count is 11/);
});

const many = <T>(part: T): T[] => new Array<T>(HISTOGRAM_PARTS_MAX + 1).fill(part);
const belowEveryIndex = [
  { offset: -(2 ** 31), length: 0 },
  { offset: 2 ** 31 - 1, length: 2 ** 31 + 5 },
];
const refused: [what: string, wire: WireHistogram, reason: RegExp][] = [
  ["a schema between the kinds", { ...VALID, schema: -5 }, /schema -5 is not known/],
  ["a schema above the reserved", { ...VALID, schema: 53 }, /schema 53 is not known/],
  ["more buckets than spans name", { ...VALID, positiveDeltas: [1, 1, -1, 0, 0] }, /name 4 buckets, 5 are/],
  [
    "fewer buckets than spans name",
    { ...VALID, negativeDeltas: [2] },
    /negative spans name 2 buckets, 1 are/,
  ],
  [
    "a span that steps back",
    { ...VALID, positiveSpans: [{ length: 2 }, { offset: -1, length: 2 }] },
    /span 2 has the negative offset -1/,
  ],
  [
    "spans whose lengths overflow",
    { ...VALID, positiveSpans: [{ length: 0xffffffff }, { length: 5 }] },
    /reach beyond 32-bit indexes/,
  ],
  ["spans that overflow behind an offset", { ...VALID, positiveSpans: belowEveryIndex }, /reach beyond/],
  ["a negative bucket", { ...VALID, positiveDeltas: [1, -2, 2, 1] }, /positive bucket 2 has a count of -1/],
  ["a count that is too small", { ...VALID, countInt: 11 }, /hold 12 observations, the count is 11/],
  ["a count that is too large", { ...VALID, countInt: 13 }, /the count is 13/],
  ["counts beyond exact numbers", { countInt: 2 ** 60, zeroCountInt: 2 ** 60, sum: 1 }, /more than 2\^53/],
  ["bounds with an exponential schema", { ...VALID, customValues: [1] }, /with the exponential schema 1/],
  ["a negative float bucket", { ...FLOAT, positiveCounts: [2.5, -2.5] }, /bucket 2 has a count of -2.5/],
  ["a negative float count", { ...FLOAT, countFloat: -1 }, /the count is -1/],
  ["a negative float zero bucket", { ...FLOAT, zeroCountFloat: -0.5 }, /zero bucket has a count of -0.5/],
  ["custom bounds that fall", { ...CUSTOM, customValues: [0.5, 2, 1] }, /custom bound 1 follows 2/],
  ["custom bounds that repeat", { ...CUSTOM, customValues: [0.5, 1, 1] }, /custom bound 1 follows 1/],
  [
    "a custom bound that is no number",
    { ...CUSTOM, customValues: [0.5, Number.NaN] },
    /bound 2 is not a number/,
  ],
  [
    "a custom bound +Inf",
    { ...CUSTOM, customValues: [1, 2, Number.POSITIVE_INFINITY] },
    /\+Inf must be left out/,
  ],
  [
    "spans beyond the custom bounds",
    { ...CUSTOM, positiveSpans: [{ offset: 3, length: 2 }] },
    /reach 5 buckets far, 3 custom bounds make 4/,
  ],
  [
    "a custom span before the first bound",
    { ...CUSTOM, positiveSpans: [{ offset: -1, length: 2 }] },
    /negative offset -1 with custom/,
  ],
  ["a zero bucket with custom bounds", { ...CUSTOM, zeroCountInt: 1, countInt: 6 }, /with a zero bucket/],
  ["a zero threshold with custom bounds", { ...CUSTOM, zeroThreshold: 0.1 }, /with a zero bucket/],
  ["a negative side with custom bounds", { ...CUSTOM, negativeSpans: [{}] }, /with a negative side/],
  ["too many buckets", { ...FLOAT, positiveCounts: many(0) }, /more than 65536/],
  ["too many spans", { ...FLOAT, positiveSpans: many({}) }, /more than 65536/],
];
for (const [what, wire, reason] of refused) {
  test(`refuses ${what}`, () => assert.match(decode(wire) as string, reason));
}

test("repeated numbers may come one by one, and the last of a oneof counts", () => {
  const packed = encode(CUSTOM);
  const double = (value: number): number[] => [...new Uint8Array(Float64Array.of(value).buffer)];
  const single = Uint8Array.from([
    ...[0x11, ...double(99)], // count_float, replaced by
    ...[0x08, 5], // count_int
    ...[0x19, ...double(7)], // sum
    ...[0x20, 105], // schema: zigzag of -53
    ...[0x5a, 4, 0x08, 2, 0x10, 2], // one positive span
    ...[0x60, 4, 0x60, 2], // two positive deltas
    ...[0.5, 1, 2].flatMap((bound) => [0x81, 0x01, ...double(bound)]), // custom_values
    ...[0x78, 9], // timestamp
  ]);
  const decoded = decodeHistogram(single, 0, single.length);
  assert.equal(typeof decoded, "object");
  assert.deepEqual(decoded, decodeHistogram(packed, 0, packed.length));
});

test("truncated anywhere it is refused or a whole message, and never reads outside its range", () => {
  const bytes = encode(VALID);
  const around = new Uint8Array(bytes.length + 64).fill(0xff);
  around.set(bytes, 32);
  assert.deepEqual(decodeHistogram(around, 32, 32 + bytes.length), decode(VALID));
  for (let length = 0; length < bytes.length; length++) {
    const alone = decodeHistogram(bytes.slice(0, length), 0, length);
    assert.deepEqual(decodeHistogram(around, 32, 32 + length), alone, `cut at ${length}`);
  }
});

test("flipped bits give a valid histogram or a reason, in agreement with protobufjs", () =>
  fc.assert(
    fc.property(validHistogram, fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), ({ wire }, flips) => {
      const bytes = encode(wire).slice();
      for (const flip of flips) bytes[(flip >> 3) % bytes.length] ^= 1 << (flip & 7);
      const decoded = decodeHistogram(bytes, 0, bytes.length);
      if (typeof decoded === "string") return;
      const message = messages.histogramV1.decode(bytes);
      const reference = messages.histogramV1.toObject(message, { longs: Number }) as WireHistogram;
      assert.equal(decoded.timestampMs, reference.timestamp ?? 0);
      const { histogram } = decoded;
      if (isStaleNaN(histogram.sum)) return;
      assert.equal(histogram.count, reference.countInt ?? reference.countFloat ?? 0);
      assert.ok(Object.is(histogram.sum, reference.sum ?? 0) || Number.isNaN(histogram.sum));
    }),
    { numRuns: 2000 },
  ));

test("all histograms that k6 and Prometheus sent are accepted, and their buckets add up", () => {
  let count = 0;
  for (const name of CAPTURES) {
    const message = name.endsWith("rw2") ? messages.requestV2 : messages.writeRequestV1;
    const histogramMessage = name.endsWith("rw2") ? messages.histogramV2 : messages.histogramV1;
    for (const { body } of readCapture(name)) {
      const request = message.decode(snappyUncompress(body)) as unknown as {
        timeseries: { histograms: object[] }[];
      };
      for (const wire of request.timeseries.flatMap(({ histograms }) => histograms)) {
        const bytes = histogramMessage.encode(wire).finish();
        const decoded = decodeHistogram(bytes, 0, bytes.length);
        if (typeof decoded === "string") assert.fail(decoded);
        const { positiveBuckets, negativeBuckets, zeroCount, count: observations } = decoded.histogram;
        const buckets = [...Array.from(positiveBuckets), ...Array.from(negativeBuckets)];
        assert.equal(
          buckets.reduce((a, b) => a + b, zeroCount),
          observations,
        );
        count++;
      }
    }
  }
  assert.ok(count > 50, `${count} histograms`);
});
