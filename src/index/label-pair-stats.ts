import { compareUtf8, METRIC_NAME } from "../model/labels.js";
import type { LabelPairCounts } from "../storage/label-pairs.js";

export interface NamedCount {
  readonly name: string;
  readonly count: number;
}

/** What Prometheus calls the statistics of its index; each list descends, with at most as many entries as asked for. */
export interface LabelPairStats {
  readonly numSeries: number;
  readonly numLabelPairs: number;
  /** Series by metric name. */
  readonly seriesByMetricName: readonly NamedCount[];
  /** Values by label name. */
  readonly valuesByLabelName: readonly NamedCount[];
  /** Bytes of a label in memory, over all series that have it, as Prometheus' label sets take them. */
  readonly bytesByLabelName: readonly NamedCount[];
  /** Series by `name=value`. */
  readonly seriesByLabelPair: readonly NamedCount[];
}

/** The largest counts of many, equal ones by name. */
export class LargestCounts {
  private readonly limit: number;
  private items: NamedCount[] = [];
  /** Whatever is smaller is not among the largest. */
  private least = Number.NEGATIVE_INFINITY;

  constructor(limit: number) {
    this.limit = limit;
  }

  push(name: string, count: number): void {
    if (count < this.least) return;
    this.items.push({ name, count });
    // Sorting now and then keeps the work for each one small.
    if (this.items.length >= 2 * this.limit + 64) this.cut();
  }

  /** Descending. */
  take(): readonly NamedCount[] {
    this.cut();
    return this.items;
  }

  private cut(): void {
    this.items = this.items
      .sort((a, b) => b.count - a.count || compareUtf8(a.name, b.name))
      .slice(0, this.limit);
    if (this.items.length === this.limit) this.least = this.items[this.limit - 1].count;
  }
}

/** Goes through every label pair of `counts` once. `checkpoint` is called for each label name. */
export function labelPairStats(
  counts: LabelPairCounts,
  limit: number,
  checkpoint: () => void = () => {},
): LabelPairStats {
  const metricNames = new LargestCounts(limit);
  const labelNames = new LargestCounts(limit);
  const valueBytes = new LargestCounts(limit);
  const pairs = new LargestCounts(limit);
  let numLabelPairs = 0;
  counts.eachLabelName((name) => {
    checkpoint();
    const nameBytes = labelTextBytes(name);
    let values = 0;
    let bytes = 0;
    counts.eachLabelValue(name, (value, series) => {
      // A value that no series has any more stays in the head's index.
      if (series === 0) return;
      values++;
      bytes += (nameBytes + labelTextBytes(value)) * series;
      pairs.push(`${name}=${value}`, series);
      if (name === METRIC_NAME) metricNames.push(value, series);
    });
    if (values === 0) return;
    numLabelPairs += values;
    labelNames.push(name, values);
    valueBytes.push(name, bytes);
  });
  return {
    numSeries: counts.seriesCount,
    numLabelPairs,
    seriesByMetricName: metricNames.take(),
    valuesByLabelName: labelNames.take(),
    bytesByLabelName: valueBytes.take(),
    seriesByLabelPair: pairs.take(),
  };
}

/** A name or a value in Prometheus' memory: its bytes, and its length before them in one byte or in four. */
function labelTextBytes(text: string): number {
  const bytes = utf8Bytes(text);
  return bytes + (bytes < 255 ? 1 : 4);
}

/** Bytes of `text` in UTF-8; it is well-formed. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Half of a surrogate pair: two of the four bytes that both halves take together.
    const isHalf = unit >= 0xd800 && unit < 0xe000;
    bytes += unit < 0x800 || isHalf ? 1 : 2;
  }
  return bytes;
}
