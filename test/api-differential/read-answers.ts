/**
 * Two answers to a remote read of samples. The order of series is open (Prometheus gives that of its storage), and
 * what a histogram says of resets depends on where a chunk began; zeros may be left out.
 */
import { decodeReadResponse, type ReadSeries } from "../support/read-client.js";
import type { WireHistogram } from "../support/remote-write.js";
import type { Reply } from "./request.js";

/** What may be missing: series without samples in the range, bounds of custom buckets. */
export interface Leniency {
  readonly empty?: boolean;
  readonly bounds?: boolean;
}

const GAUGE = 3;

/** Null: they say the same; also for what is no such answer. */
export function readDifference(actual: Reply, expected: Reply, lenient: Leniency = {}): string | null {
  for (const { status, headers } of [actual, expected]) {
    if (status !== 200 || headers["content-type"] !== "application/x-protobuf") return "no samples";
  }
  const [own, other] = [actual, expected].map(({ body }) =>
    decodeReadResponse(Buffer.from(body, "latin1")).map(({ timeseries = [] }) => settle(timeseries, lenient)),
  ) as [string[][], string[][]];
  if (own.length !== other.length) return `${own.length} results instead of ${other.length}`;
  for (const [at, series] of own.entries()) {
    const counterparts = other[at]!;
    const differs = series.findIndex((one, i) => one !== counterparts[i]);
    if (differs >= 0) return `${series[differs]} instead of ${counterparts[differs] ?? "none"}`;
    if (series.length !== counterparts.length) return `missing ${counterparts[series.length]}`;
  }
  return null;
}

function settle(all: readonly ReadSeries[], { empty = false, bounds = false }: Leniency): string[] {
  const kept = all.filter(
    ({ samples = [], histograms = [] }) => !empty || samples.length + histograms.length > 0,
  );
  const plain = (name: string, value: unknown): unknown => {
    if (value === 0 || (name === "resetHint" && value !== GAUGE)) return undefined;
    if (bounds && name === "customValues") return undefined;
    return typeof value === "number" ? String(value) : value;
  };
  return kept
    .map(({ histograms = [], ...rest }) => ({ ...rest, histograms: histograms.map(withBuckets) }))
    .map((series) => JSON.stringify(series, plain))
    .sort();
}

/** Its layout may have empty buckets, as many as the chunk had that it was in: here it has none. */
function withBuckets(histogram: WireHistogram): unknown {
  const {
    positiveSpans,
    positiveDeltas,
    positiveCounts,
    negativeSpans,
    negativeDeltas,
    negativeCounts,
    ...rest
  } = histogram;
  return {
    ...rest,
    positive: bucketsOf(positiveSpans, positiveDeltas, positiveCounts),
    negative: bucketsOf(negativeSpans, negativeDeltas, negativeCounts),
  };
}

function bucketsOf(
  spans: WireHistogram["positiveSpans"] = [],
  deltas: readonly number[] = [],
  counts: readonly number[] = [],
): string[] {
  const filled: string[] = [];
  let [index, at, count] = [0, 0, 0];
  for (const { offset = 0, length = 0 } of spans) {
    index += offset;
    for (let i = 0; i < length; i++, index++, at++) {
      count = deltas.length > 0 ? count + deltas[at]! : counts[at]!;
      if (count !== 0) filled.push(`${index} ${count}`);
    }
  }
  return filled;
}
