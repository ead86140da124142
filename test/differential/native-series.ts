/** Series of native histograms: every layout that may meet another in a query, and floats among them. */
import type { WireHistogram, WireSeries } from "../support/remote-write.js";
import { seriesOf, sortedPairs } from "./edge-series.js";
import { BEGIN_MS, INTERVAL_MS, ROUNDS, STALE } from "./span.js";

/** Every fourth round: histograms are long. */
const EVERY = 4;
const CUSTOM_SCHEMA = -53;
/** `ResetHint` of the wire format. */
const GAUGE = 3;

type HistogramOf = (round: number) => WireHistogram | null;

interface Shape {
  readonly schema: number;
  readonly positiveSpans?: { offset: number; length: number }[];
  readonly negativeSpans?: { offset: number; length: number }[];
  readonly zeroThreshold?: number;
  readonly customValues?: number[];
  readonly zeroCount?: number;
}

export function nativeSeries(): WireSeries[] {
  return [...exponential(), ...custom(), ...floats(), ...gauges(), ...mixed()];
}

function nativeOf(name: string, kind: string, histogramOf: HistogramOf): WireSeries {
  const histograms: WireHistogram[] = [];
  for (let round = 0; round < ROUNDS; round += EVERY) {
    const histogram = histogramOf(round);
    if (histogram !== null) histograms.push({ ...histogram, timestamp: BEGIN_MS + round * INTERVAL_MS });
  }
  return { labels: sortedPairs({ __name__: name, kind, job: "edge" }), histograms };
}

const lengthOf = (spans: readonly { length: number }[] = []): number =>
  spans.reduce((sum, { length }) => sum + length, 0);

/** Bucket `at` of a side holds `scale * (at % 3 + 1)` observations, so the deltas follow. */
function integer(shape: Shape, scale: number, sum: number): WireHistogram {
  const counts = (count: number): number[] =>
    Array.from({ length: count }, (_, at) => scale * ((at % 3) + 1));
  const deltas = (all: readonly number[]): number[] => all.map((count, at) => count - (all[at - 1] ?? 0));
  const positive = counts(lengthOf(shape.positiveSpans));
  const negative = counts(lengthOf(shape.negativeSpans));
  const zero = (shape.zeroCount ?? 0) * scale;
  const total = [...positive, ...negative, zero].reduce((all, count) => all + count, 0);
  return {
    schema: shape.schema,
    countInt: total,
    sum,
    zeroThreshold: shape.zeroThreshold ?? 0,
    zeroCountInt: zero,
    positiveSpans: shape.positiveSpans ?? [],
    positiveDeltas: deltas(positive),
    negativeSpans: shape.negativeSpans ?? [],
    negativeDeltas: deltas(negative),
    customValues: shape.customValues ?? [],
  };
}

function float(shape: Shape, scale: number, sum: number): WireHistogram {
  const counts = (count: number): number[] =>
    Array.from({ length: count }, (_, at) => scale * ((at % 4) + 0.5));
  const positive = counts(lengthOf(shape.positiveSpans));
  const negative = counts(lengthOf(shape.negativeSpans));
  const zero = (shape.zeroCount ?? 0) * scale;
  return {
    schema: shape.schema,
    countFloat: [...positive, ...negative, zero].reduce((all, count) => all + count, 0),
    sum,
    zeroThreshold: shape.zeroThreshold ?? 0,
    zeroCountFloat: zero,
    positiveSpans: shape.positiveSpans ?? [],
    positiveCounts: positive,
    negativeSpans: shape.negativeSpans ?? [],
    negativeCounts: negative,
    customValues: shape.customValues ?? [],
  };
}

const FINE: Shape = {
  schema: 3,
  positiveSpans: [
    { offset: -2, length: 6 },
    { offset: 3, length: 4 },
  ],
  zeroThreshold: 1e-128,
  zeroCount: 1,
};
const COARSE: Shape = {
  schema: 0,
  positiveSpans: [
    { offset: 0, length: 3 },
    { offset: 2, length: 2 },
  ],
  negativeSpans: [{ offset: 1, length: 3 }],
  zeroThreshold: 0.001,
  zeroCount: 2,
};
const WIDE_ZERO: Shape = {
  ...COARSE,
  zeroThreshold: 1.5,
  negativeSpans: [],
  positiveSpans: [{ offset: 2, length: 4 }],
};
const NEGATIVE: Shape = { schema: 1, negativeSpans: [{ offset: -1, length: 5 }], zeroThreshold: 1e-128 };
const COARSEST: Shape = { schema: -4, positiveSpans: [{ offset: 0, length: 2 }], zeroThreshold: 1e-128 };

function exponential(): WireSeries[] {
  const of = (kind: string, histogramOf: HistogramOf): WireSeries =>
    nativeOf("edge_native_seconds", kind, histogramOf);
  return [
    of("fine", (round) => integer(FINE, round + 1, round * 2.5)),
    of("coarse", (round) => integer(COARSE, round + 2, round * 1.5)),
    of("wide zero bucket", (round) => integer(WIDE_ZERO, 3 * round, round * 4)),
    of("negative only", (round) => integer(NEGATIVE, round + 1, -round)),
    of("coarsest", (round) => integer(COARSEST, round + 5, round * 9)),
    of("resets", (round) => integer(FINE, (round % 60) + 1, (round % 60) * 3)),
    of("resolution changes", (round) => integer(round % 80 < 40 ? FINE : COARSE, round + 1, round)),
    of("empty", () => integer({ schema: 2 }, 0, 0)),
    of("NaN observed", (round) => {
      const all = integer(FINE, round + 1, Number.NaN);
      return { ...all, countInt: (all.countInt ?? 0) + round };
    }),
    of("gaps", (round) => (round % 96 < 48 ? integer(COARSE, round + 1, round) : null)),
    of("stale in the middle", (round) => {
      if (round > 240) return null;
      return round === 240 ? { schema: 0, sum: STALE, countInt: 0 } : integer(COARSE, round + 1, round);
    }),
    of("one", (round) => (round === 220 ? integer(FINE, 4, 12) : null)),
  ];
}

function custom(): WireSeries[] {
  const of = (kind: string, histogramOf: HistogramOf): WireSeries =>
    nativeOf("edge_custom_seconds", kind, histogramOf);
  const shape = (customValues: number[]): Shape => ({
    schema: CUSTOM_SCHEMA,
    customValues,
    positiveSpans: [{ offset: 0, length: customValues.length + 1 }],
  });
  return [
    of("five bounds", (round) => integer(shape([0.1, 0.5, 1, 5, 10]), round + 1, round * 2)),
    of("same five bounds", (round) => integer(shape([0.1, 0.5, 1, 5, 10]), 2 * round + 1, round * 3)),
    of("other bounds", (round) => integer(shape([0.1, 1, 2, 10]), round + 1, round)),
    of("negative bounds", (round) => integer(shape([-5, -1, 0, 1]), round + 1, -round)),
    of("bounds change", (round) =>
      integer(shape(round % 80 < 40 ? [1, 2, 4] : [1, 3, 4, 8]), round + 1, round),
    ),
  ];
}

function floats(): WireSeries[] {
  const of = (kind: string, histogramOf: HistogramOf): WireSeries =>
    nativeOf("edge_float_native_seconds", kind, histogramOf);
  return [
    of("fine", (round) => float(FINE, round * 0.25 + 1, round * 2.5)),
    of("coarse", (round) => float(COARSE, round * 0.125 + 1, round / 3)),
    of("resets", (round) => float(COARSE, (round % 48) * 0.5 + 1, round % 48)),
  ];
}

function gauges(): WireSeries[] {
  const gauge = (histogram: WireHistogram): WireHistogram => ({ ...histogram, resetHint: GAUGE });
  const of = (kind: string, histogramOf: HistogramOf): WireSeries =>
    nativeOf("edge_gauge_native_seconds", kind, histogramOf);
  return [
    of("up and down", (round) => gauge(integer(FINE, 10 + (round % 16), (round % 16) * 2))),
    of("float", (round) => gauge(float(COARSE, 5 + (round % 12) * 0.5, 40 - (round % 12)))),
    of("not always a gauge", (round) => {
      const histogram = integer(COARSE, 10 + round, round);
      return round % 40 < 20 ? gauge(histogram) : histogram;
    }),
  ];
}

/** Floats and histograms of one name, and within one series. */
function mixed(): WireSeries[] {
  const name = "edge_mixed_seconds";
  const floatsOf = (kind: string, from: number, to: number): WireSeries =>
    seriesOf({ __name__: name, kind, job: "edge" }, (round) =>
      round >= from && round < to && round % EVERY === 0 ? round * 2 : null,
    );
  const half = ROUNDS / 2;
  const both = nativeOf(name, "first floats, then histograms", (round) =>
    round >= half ? integer(FINE, round, round) : null,
  );
  const alternating = nativeOf(name, "alternating", (round) =>
    round % 8 === 0 ? integer(COARSE, round + 1, round) : null,
  );
  return [
    floatsOf("floats", 0, ROUNDS),
    nativeOf(name, "histograms", (round) => integer(FINE, round + 1, round)),
    { ...both, samples: floatsOf("", 0, half).samples! },
    {
      ...alternating,
      samples: seriesOf({}, (round) => (round % 8 === 4 ? round : null)).samples!,
    },
  ];
}
