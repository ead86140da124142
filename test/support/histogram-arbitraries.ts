import fc from "fast-check";
import type { Histogram, ResetHint } from "../../dist/model/histogram.js";

/** A run of histograms of one series as a client could make it: buckets come, grow, and fall back at resets. */
export interface HistogramRun {
  readonly timestamps: number[];
  readonly histograms: Histogram[];
}

const STALE = new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer)[0];

interface Step {
  readonly kind: "grow" | "grow" | "reset" | "stale" | "schema";
  readonly bucket: number;
  readonly by: number;
  readonly deltaMs: number;
  readonly negative: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("grow", "grow", "grow", "grow", "grow", "grow", "reset", "stale", "schema"),
  bucket: fc.integer({ min: -6, max: 20 }),
  by: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 1e6 })),
  deltaMs: fc.oneof(fc.constant(15_000), fc.integer({ min: 1, max: 40_000 })),
  negative: fc.boolean(),
});

function withSpans(counts: ReadonlyMap<number, number>) {
  const spans: { offset: number; length: number }[] = [];
  const buckets: number[] = [];
  let next = 0;
  for (const index of [...counts.keys()].sort((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last !== undefined && index === next) last.length++;
    else spans.push({ offset: index - next, length: 1 });
    next = index + 1;
    buckets.push(counts.get(index) as number);
  }
  return { spans, buckets };
}

function build(steps: readonly Step[], float: boolean, resetHint: ResetHint, custom: boolean): HistogramRun {
  const timestamps: number[] = [];
  const histograms: Histogram[] = [];
  let positive = new Map<number, number>();
  let negative = new Map<number, number>();
  let timestamp = 1_700_000_000_000;
  let schema = custom ? -53 : 3;
  let sum = 0;
  let zeroCount = 0;
  for (const { kind, bucket, by, deltaMs, negative: below } of steps) {
    timestamp += deltaMs;
    if (kind === "reset") {
      positive = new Map();
      negative = new Map();
      zeroCount = 0;
    }
    if (kind === "schema" && !custom) schema = schema === 3 ? 2 : 3;
    const scale = float ? 0.25 : 1;
    const at = custom ? Math.abs(bucket) % 5 : bucket;
    const side = below && !custom ? negative : positive;
    side.set(at, (side.get(at) ?? 0) + by * scale);
    if (!custom) zeroCount += (by % 3) * scale;
    sum += by * 0.1;
    const p = withSpans(positive);
    const n = withSpans(negative);
    const stale = kind === "stale";
    timestamps.push(timestamp);
    histograms.push({
      float,
      // Senders do not repeat the hint on a stale marker.
      resetHint: stale ? 0 : resetHint,
      schema,
      zeroThreshold: custom ? 0 : 2 ** -128,
      zeroCount,
      count: [...p.buckets, ...n.buckets].reduce((a, b) => a + b, zeroCount),
      sum: stale ? STALE : sum,
      positiveSpans: stale ? [] : p.spans,
      negativeSpans: stale ? [] : n.spans,
      positiveBuckets: stale ? [] : p.buckets,
      negativeBuckets: stale ? [] : n.buckets,
      customValues: custom ? [0.005, 0.1, 1, 2.5] : [],
    });
  }
  return { timestamps, histograms };
}

export const histogramRun: fc.Arbitrary<HistogramRun> = fc
  .tuple(
    fc.array(step, { minLength: 1, maxLength: 60 }),
    fc.boolean(),
    fc.constantFrom<ResetHint>(0, 3),
    fc.boolean(),
  )
  .map(([steps, float, hint, custom]) => build(steps, float, hint, custom));

/** A comparable form: every bucket that counts something, by index; hints left out. */
export function canonicalHistogram(histogram: Histogram | undefined): unknown {
  if (histogram === undefined) return undefined;
  if (Object.is(histogram.sum, Number.NaN)) return { float: histogram.float, stale: true };
  const side = (spans: Histogram["positiveSpans"], buckets: ArrayLike<number>): [number, number][] => {
    const counts: [number, number][] = [];
    let index = 0;
    let i = 0;
    for (const span of spans) {
      index += span.offset;
      for (let k = 0; k < span.length; k++, index++, i++)
        if (buckets[i] !== 0) counts.push([index, buckets[i]]);
    }
    return counts;
  };
  return {
    float: histogram.float,
    schema: histogram.schema,
    zeroThreshold: histogram.zeroThreshold,
    zeroCount: histogram.zeroCount,
    count: histogram.count,
    sum: histogram.sum,
    positive: side(histogram.positiveSpans, histogram.positiveBuckets),
    negative: side(histogram.negativeSpans, histogram.negativeBuckets),
    customValues: [...Array.from(histogram.customValues)],
  };
}
