/** Values for property tests. Labels come as a sender could write them: any order, any UTF-8. */
import * as fc from "fast-check";
import type { WireHistogram } from "./remote-write.js";

const labelName: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }) },
);

export const labelValue: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[a-z0-9./-]{1,12}$/) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }) },
);

/** Names are unique; the order is not sorted. */
export const labelPairs: fc.Arbitrary<[string, string][]> = fc.uniqueArray(fc.tuple(labelName, labelValue), {
  maxLength: 6,
  selector: ([name]) => name,
});

export const timestampMs: fc.Arbitrary<number> = fc.integer({ min: -1_000, max: 1_795_356_000_000 });

/** Any 64 bits that a number can carry, infinities and negative zero included. */
export const sampleValue: fc.Arbitrary<number> = fc.double();

interface Side {
  readonly spans: { offset: number; length: number }[];
  readonly counts: number[];
}

const side: fc.Arbitrary<Side> = fc
  .array(fc.record({ gap: fc.nat(5), counts: fc.array(fc.nat(1000), { maxLength: 6 }) }), { maxLength: 4 })
  .chain((runs) =>
    fc.integer({ min: -40, max: 40 }).map((first) => ({
      spans: runs.map(({ gap, counts }, i) => ({ offset: i === 0 ? first : gap, length: counts.length })),
      counts: runs.flatMap(({ counts }) => counts),
    })),
  );

const deltasOf = (counts: readonly number[]): number[] =>
  counts.map((count, i) => count - (counts[i - 1] ?? 0));
const sumOf = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

export interface ValidHistogram {
  readonly wire: WireHistogram;
  readonly positive: readonly number[];
  readonly negative: readonly number[];
}

/** A histogram with an exponential schema that every receiver must accept. */
export const validHistogram: fc.Arbitrary<ValidHistogram> = fc
  .record({
    float: fc.boolean(),
    schema: fc.integer({ min: -4, max: 52 }),
    sum: fc.double({ noNaN: true }),
    zeroThreshold: fc.double({ min: 0, max: 1, noNaN: true }),
    zeroCount: fc.nat(100),
    resetHint: fc.nat(3),
    timestamp: timestampMs,
    positive: side,
    negative: side,
  })
  .map(({ float, positive, negative, zeroCount, ...rest }) => {
    const spans = { positiveSpans: positive.spans, negativeSpans: negative.spans };
    const count = sumOf(positive.counts) + sumOf(negative.counts) + zeroCount;
    const wire: WireHistogram = float
      ? {
          ...rest,
          ...spans,
          countFloat: count,
          zeroCountFloat: zeroCount,
          positiveCounts: positive.counts,
          negativeCounts: negative.counts,
        }
      : {
          ...rest,
          ...spans,
          countInt: count,
          zeroCountInt: zeroCount,
          positiveDeltas: deltasOf(positive.counts),
          negativeDeltas: deltasOf(negative.counts),
        };
    return { wire, positive: positive.counts, negative: negative.counts };
  });
