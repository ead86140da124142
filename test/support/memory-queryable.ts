import { RefusalError } from "../../dist/base/errors.js";
import { type Histogram, ResetHint } from "../../dist/model/histogram.js";
import { compareLabels, type Labels } from "../../dist/model/labels.js";
import type { Matcher } from "../../dist/model/matcher.js";
import { compileRegexp } from "../../dist/model/regexp.js";
import { isStaleNaN, setStaleAt } from "../../dist/model/stale.js";
import { FloatHistogram } from "../../dist/promql/histogram/float-histogram.js";
import { detectsReset } from "../../dist/promql/histogram/reset.js";
import type { SampleColumns } from "../../dist/storage/columns.js";
import type { Queryable, SeriesSet } from "../../dist/storage/queryable.js";

/** `stale`: the value is the stale marker, whatever `value` says. */
export interface MemorySample {
  readonly t: number;
  readonly value: number;
  readonly stale?: boolean;
  readonly histogram?: Histogram;
  readonly startMs?: number;
}

interface MemorySeries {
  readonly labels: Labels;
  readonly samples: MemorySample[];
}

/** A database of arrays: the naive truth that evaluation is tried against. */
export class MemoryQueryable implements Queryable {
  private readonly series = new Map<string, MemorySeries>();

  append(labels: Labels, samples: readonly MemorySample[]): void {
    const { key } = labels;
    let series = this.series.get(key);
    if (series === undefined) {
      series = { labels, samples: [] };
      this.series.set(key, series);
    }
    series.samples.push(...samples);
    series.samples.sort((a, b) => a.t - b.t);
    series.samples.splice(0, series.samples.length, ...withHints(series.samples));
  }

  clear(): void {
    this.series.clear();
  }

  private matching(matchers: readonly Matcher[], mint: number, maxt: number): MemorySeries[] {
    return [...this.series.values()]
      .filter(({ labels }) => matchers.every((matcher) => matches(matcher, labels.get(matcher.name))))
      .filter(({ samples }) => samples.some(({ t }) => t >= mint && t <= maxt))
      .sort((a, b) => compareLabels(a.labels, b.labels));
  }

  select(matchers: readonly Matcher[], mint: number, maxt: number): SeriesSet {
    const found = this.matching(matchers, mint, maxt);
    return {
      count: found.length,
      sorted: true,
      labels: (index) => found[index].labels,
      read: (index, from, to, columns) => readSeries(found[index].samples, from, to, columns),
    };
  }

  labelNames(matchers: readonly Matcher[], mint: number, maxt: number): string[] {
    const names = this.matching(matchers, mint, maxt).flatMap(({ labels }) =>
      [...labels].map(([name]) => name),
    );
    return [...new Set(names)].sort();
  }

  labelValues(name: string, matchers: readonly Matcher[], mint: number, maxt: number): string[] {
    const values = this.matching(matchers, mint, maxt).map(({ labels }) => labels.get(name));
    return [...new Set(values)].filter((value) => value !== "").sort();
  }
}

/**
 * Counter histograms say what a chunk can know about them: nothing of the first one in it, no reset of all others.
 * A chunk ends where the kind of sample changes, the histograms do not fit into one layout, or a counter falls.
 */
function withHints(samples: readonly MemorySample[]): MemorySample[] {
  let previous: Histogram | undefined;
  return samples.map((sample) => {
    const { histogram } = sample;
    const before = previous;
    previous = histogram;
    if (histogram === undefined || histogram.resetHint === ResetHint.GAUGE) return sample;
    const continues =
      before !== undefined && before.resetHint !== ResetHint.GAUGE && isContinued(before, histogram);
    const copy = FloatHistogram.from(histogram);
    // An explicit reset is known when the histogram comes, and lost when it is read.
    copy.resetHint = continues ? ResetHint.NO_RESET : ResetHint.UNKNOWN;
    return { ...sample, histogram: copy };
  });
}

function isContinued(before: Histogram, histogram: Histogram): boolean {
  if (histogram.resetHint === ResetHint.RESET || isStaleNaN(before.sum)) return false;
  if (histogram.schema !== before.schema || histogram.zeroThreshold !== before.zeroThreshold) return false;
  const bounds = (of: Histogram): string => Array.from(of.customValues).join();
  if (bounds(histogram) !== bounds(before)) return false;
  const unknown = FloatHistogram.from(histogram);
  unknown.resetHint = ResetHint.UNKNOWN;
  return !detectsReset(unknown, before);
}

function matches({ op, value }: Matcher, text: string): boolean {
  switch (op) {
    case "=":
      return text === value;
    case "!=":
      return text !== value;
    case "=~":
      return compileRegexp(value).test(text);
    case "!~":
      return !compileRegexp(value).test(text);
    default:
      throw new RefusalError("bad_data", `unknown operator ${String(op)}`);
  }
}

function readSeries(
  samples: readonly MemorySample[],
  mint: number,
  maxt: number,
  columns: SampleColumns,
): void {
  columns.clear();
  columns.reserve(samples.length);
  let starts: Float64Array | null = null;
  for (const { t, value, stale, histogram, startMs } of samples) {
    if (t < mint || t > maxt) continue;
    const at = columns.count++;
    columns.timestamps[at] = t;
    columns.values[at] = value;
    if (stale === true || (histogram === undefined && isStaleNaN(value))) setStaleAt(columns.valueWords, at);
    if (histogram !== undefined) {
      columns.histograms ??= [];
      columns.histograms[at] = histogram;
    }
    if (startMs !== undefined) {
      starts ??= new Float64Array(columns.capacity);
      starts[at] = startMs;
    }
  }
  columns.startTimestamps = starts;
}
