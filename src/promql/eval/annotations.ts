import { formatFloatShort, quote } from "../../model/go-text.js";
import type { PosRange } from "../parse/parse-error.js";
import { positionOf } from "../parse/parse-error.js";

type Level = "warning" | "info";

/** What many occurrences of one annotation add up to. */
interface Merged {
  minTs: number;
  maxTs: number;
  minBucket: number;
  maxBucket: number;
  maxDiff: number;
  count: number;
}

interface Entry {
  readonly level: Level;
  readonly text: string;
  /** Of the latest occurrence. */
  range: PosRange;
  readonly merged: Merged | null;
  readonly overlapCount: { count: number } | null;
}

export type HistogramOperation = "addition" | "subtraction" | "aggregation";

/** The warnings and infos of one evaluation: one entry for each text, in Prometheus' words. */
export class Annotations {
  private readonly entries = new Map<string, Entry>();

  private add(level: Level, what: string, range: PosRange): void {
    const text = `PromQL ${level}: ${what}`;
    const known = this.entries.get(text);
    if (known === undefined) this.entries.set(text, { level, text, range, merged: null, overlapCount: null });
    else known.range = range;
  }

  /** The texts with their place in `query`. */
  print(query: string): { warnings: string[]; infos: string[] } {
    const lists = { warning: [] as string[], info: [] as string[] };
    for (const entry of this.entries.values()) lists[entry.level].push(printEntry(entry, query));
    return { warnings: lists.warning, infos: lists.info };
  }

  invalidQuantile(q: number, range: PosRange): void {
    const got = formatFloatShort(q);
    this.add("warning", `quantile value should be between 0 and 1, got ${got}`, range);
  }

  invalidRatio(ratio: number, cap: number, range: PosRange): void {
    const got = `got ${formatFloatShort(ratio)}, capping to ${formatFloatShort(cap)}`;
    this.add("warning", `ratio value should be between -1 and 1, ${got}`, range);
  }

  badBucketLabel(metric: string, label: string, range: PosRange): void {
    const what = `bucket label "le" is missing or has a malformed value of ${quote(label)}`;
    this.add("warning", withMetric(what, metric), range);
  }

  mixedFloatsHistograms(metric: string, range: PosRange): void {
    this.add("warning", `encountered a mix of histograms and floats for metric name ${quote(metric)}`, range);
  }

  mixedFloatsHistogramsInAggregation(range: PosRange): void {
    this.add("warning", "encountered a mix of histograms and floats for aggregation", range);
  }

  mixedClassicNative(metric: string, range: PosRange): void {
    this.add("warning", withMetric("vector contains a mix of classic and native histograms", metric), range);
  }

  histogramNotCounter(metric: string, range: PosRange): void {
    this.add("warning", `this native histogram metric is not a counter: ${quote(metric)}`, range);
  }

  histogramNotGauge(metric: string, range: PosRange): void {
    this.add("warning", `this native histogram metric is not a gauge: ${quote(metric)}`, range);
  }

  mixedExponentialCustom(metric: string, range: PosRange): void {
    const what =
      "vector contains a mix of histograms with exponential and custom buckets schemas for metric name";
    this.add("warning", `${what} ${quote(metric)}`, range);
  }

  incompatibleBucketLayout(operator: string, range: PosRange): void {
    this.add("warning", `incompatible bucket layout encountered for binary operator ${operator}`, range);
  }

  sortInRangeQuery(range: PosRange): void {
    const what = "sort is ineffective for range queries since results are always ordered by labels";
    this.add("warning", what, range);
  }

  counterResetCollision(operation: HistogramOperation, range: PosRange): void {
    this.add("warning", `conflicting counter resets during histogram ${operation}`, range);
  }

  possibleNonCounter(metric: string, range: PosRange): void {
    const what = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:";
    this.add("info", `${what} ${quote(metric)}`, range);
  }

  possibleNonCounterLabel(metric: string, type: string, range: PosRange): void {
    const what = 'metric might not be a counter, __type__ label is not set to "counter" or "histogram"';
    this.add("info", `${what}, got ${quote(type)}: ${quote(metric)}`, range);
  }

  incompatibleTypes(left: string, operator: string, right: string, range: PosRange): void {
    const what = "incompatible sample types encountered for binary operator";
    this.add("info", `${what} ${quote(operator)}: ${left} ${operator} ${right}`, range);
  }

  histogramIgnoredInAggregation(aggregation: string, range: PosRange): void {
    this.add("info", `ignored histogram in ${aggregation} aggregation`, range);
  }

  histogramIgnoredInMixedRange(metric: string, range: PosRange): void {
    const what = "ignored histograms in a range containing both floats and histograms for metric name";
    this.add("info", `${what} ${quote(metric)}`, range);
  }

  quantileOfNaNs(metric: string, range: PosRange): void {
    const what = "input to histogram_quantile has NaN observations, result is NaN";
    this.add("info", withMetric(what, metric), range);
  }

  quantileSkewedByNaNs(metric: string, range: PosRange): void {
    const what = "input to histogram_quantile has NaN observations, result is skewed higher";
    this.add("info", withMetric(what, metric), range);
  }

  fractionWithoutNaNs(metric: string, range: PosRange): void {
    const what = "input to histogram_fraction has NaN observations, which are excluded from all fractions";
    this.add("info", withMetric(what, metric), range);
  }

  mismatchedCustomBuckets(operation: HistogramOperation, range: PosRange): void {
    this.add("info", `mismatched custom buckets were reconciled during ${operation}`, range);
  }

  /** `ts` in milliseconds; the buckets are the lowest and highest upper bound that had to be fixed. */
  forcedMonotonicity(
    metric: string,
    range: PosRange,
    ts: number,
    minBucket: number,
    maxBucket: number,
    maxDiff: number,
  ): void {
    const url = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile";
    const what = `input to histogram_quantile needed to be fixed for monotonicity (see ${url})`;
    const text = `PromQL info: ${withMetric(what, metric)}`;
    const known = this.entries.get(text)?.merged;
    if (known === undefined || known === null) {
      const merged = { minTs: ts, maxTs: ts, minBucket, maxBucket, maxDiff, count: 1 };
      this.entries.set(text, { level: "info", text, range, merged, overlapCount: null });
      return;
    }
    known.minTs = Math.min(known.minTs, ts);
    known.maxTs = Math.max(known.maxTs, ts);
    known.minBucket = Math.min(known.minBucket, minBucket);
    known.maxBucket = Math.max(known.maxBucket, maxBucket);
    known.maxDiff = Math.max(known.maxDiff, maxDiff);
    known.count++;
  }

  startTimeOverlap(metric: string, range: PosRange): void {
    const what = "sample has start time that overlaps with previous sample timestamp";
    const text = `PromQL warning: ${what} for metric ${quote(metric)}`;
    const known = this.entries.get(text)?.overlapCount;
    if (known) known.count++;
    else {
      const overlapCount = { count: 1 };
      this.entries.set(text, { level: "warning", text, range, merged: null, overlapCount });
    }
  }
}

function withMetric(what: string, metric: string): string {
  return metric === "" ? what : `${what} for metric name ${quote(metric)}`;
}

function printEntry(entry: Entry, query: string): string {
  const at = `(${positionOf(query, entry.range.start)})`;
  const merged = entry.merged;
  if (merged !== null) {
    const buckets = `from buckets ${formatFloatShort(merged.minBucket)} to ${formatFloatShort(merged.maxBucket)}`;
    const span = `from ${rfc3339(merged.minTs)} to ${rfc3339(merged.maxTs)}`;
    const diff = twoDigits(merged.maxDiff);
    return `${entry.text}, ${buckets}, with a max diff of ${diff}, over ${merged.count} samples ${span} ${at}`;
  }
  if (entry.overlapCount !== null && entry.overlapCount.count > 1) {
    return `${entry.text} (${entry.overlapCount.count} occurrences) ${at}`;
  }
  return `${entry.text} ${at}`;
}

/** `toExponential(1)` with the even digit where two are as near, as in Go. */
function toEven(value: number): string {
  const [all, exponent] = value.toExponential(60).split("e") as [string, string];
  const digits = all.replace(/^-|\./g, "");
  const [first, second] = [digits.slice(0, 2), Number(digits[1])];
  if (!/^50*$/.test(digits.slice(2)) || second % 2 === 1) return value.toExponential(1);
  return `${value < 0 ? "-" : ""}${first[0]}.${first[1]}e${exponent}`;
}

/** `%.2g` */
function twoDigits(value: number): string {
  if (!Number.isFinite(value)) return formatFloatShort(value);
  const [mantissa, exponent] = toEven(value).split("e") as [string, string];
  const power = Number(exponent);
  if (power < -4 || power >= 2) {
    const size = String(Math.abs(power)).padStart(2, "0");
    return `${mantissa.replace(/\.0$/, "")}e${power < 0 ? "-" : "+"}${size}`;
  }
  return String(Number(`${mantissa}e${exponent}`));
}

function rfc3339(ms: number): string {
  return new globalThis.Date(Math.floor(ms / 1000) * 1000).toISOString().replace(".000Z", "Z");
}
