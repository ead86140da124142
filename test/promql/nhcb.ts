import { CUSTOM_BUCKETS_SCHEMA, type Histogram, ResetHint } from "../../dist/model/histogram.js";
import { Labels, METRIC_NAME } from "../../dist/model/labels.js";
import type { MemorySample } from "../support/memory-queryable.js";

interface Classic {
  readonly buckets: Map<number, number>;
  count: number | undefined;
  sum: number;
}

/** Puts classic histograms together to native ones with custom buckets (`load_with_nhcb`). */
export class NhcbConverter {
  private readonly found = new Map<string, { labels: Labels; byTime: Map<number, Classic> }>();

  add(labels: Labels, samples: readonly MemorySample[]): void {
    const name = labels.get(METRIC_NAME);
    const [, base, kind] = /^(.*)_(bucket|count|sum)$/.exec(name) ?? [];
    if (base === undefined) return;
    const bound = Number(labels.get("le").replace("Inf", "Infinity"));
    if (kind === "bucket" && Number.isNaN(bound)) return;
    const pairs = [...labels].filter(([label]) => label !== "le" && label !== METRIC_NAME);
    const target = Labels.from([...pairs, [METRIC_NAME, base]]);
    const entry = this.found.get(target.key) ?? { labels: target, byTime: new Map<number, Classic>() };
    this.found.set(target.key, entry);
    for (const { t, value, histogram } of samples) {
      if (histogram !== undefined) continue;
      const classic = entry.byTime.get(t) ?? { buckets: new Map(), count: undefined, sum: 0 };
      entry.byTime.set(t, classic);
      if (kind === "bucket") classic.buckets.set(bound, value);
      else if (kind === "count") classic.count = value;
      else classic.sum = value;
    }
  }

  *series(): Iterable<{ labels: Labels; samples: MemorySample[] }> {
    for (const { labels, byTime } of this.found.values()) {
      const samples = [...byTime].map(([t, classic]) => ({ t, value: 0, histogram: convert(classic) }));
      yield { labels, samples: samples.sort((a, b) => a.t - b.t) };
    }
  }
}

function convert({ buckets, count, sum }: Classic): Histogram {
  const bounds = [...buckets.keys()].sort((a, b) => a - b);
  const cumulative = bounds.map((bound) => buckets.get(bound) as number);
  if (bounds.at(-1) !== Infinity) {
    bounds.push(Infinity);
    cumulative.push(count ?? cumulative.at(-1) ?? 0);
  }
  const counts = cumulative.map((value, i) => value - (i === 0 ? 0 : cumulative[i - 1]));
  return {
    float: true,
    resetHint: ResetHint.UNKNOWN,
    schema: CUSTOM_BUCKETS_SCHEMA,
    zeroThreshold: 0,
    zeroCount: 0,
    count: count ?? (cumulative.at(-1) as number),
    sum,
    positiveSpans: [{ offset: 0, length: counts.length }],
    negativeSpans: [],
    positiveBuckets: counts,
    negativeBuckets: [],
    customValues: bounds.slice(0, -1),
  };
}
