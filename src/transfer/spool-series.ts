import { mergeColumns } from "../chunk/merge-columns.js";
import type { Histogram } from "../model/histogram.js";
import type { Labels } from "../model/labels.js";
import { SampleColumns } from "../storage/columns.js";

const CAPACITY_MIN = 8;
/** What a series costs besides its samples, roughly: label texts, their key, the objects. */
const SERIES_BYTES = 700;
const FLOAT_BYTES = 16;
const HISTOGRAM_BYTES = 600;

/** Samples of one series as they came. */
export class SpoolSeries {
  readonly labels: Labels;
  private columns: SampleColumns = new SampleColumns(CAPACITY_MIN);
  private ascending = true;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  get count(): number {
    return this.columns.count;
  }

  /** What it takes at first, in bytes. */
  get baseBytes(): number {
    return SERIES_BYTES + 2 * this.labels.key.length + CAPACITY_MIN * FLOAT_BYTES;
  }

  /** Appends a float; returns by how many bytes memory grew. */
  float(timestampMs: number, low: number, high: number): number {
    const { columns } = this;
    const grown = this.append(timestampMs);
    const at = columns.count - 1;
    columns.valueWords[2 * at] = low;
    columns.valueWords[2 * at + 1] = high;
    if (columns.histograms !== null) columns.histograms[at] = undefined;
    return grown;
  }

  histogram(timestampMs: number, histogram: Histogram): number {
    const { columns } = this;
    const grown = this.append(timestampMs);
    const at = columns.count - 1;
    columns.histograms ??= new Array(at).fill(undefined);
    columns.histograms[at] = histogram;
    columns.values[at] = histogram.sum;
    return grown + HISTOGRAM_BYTES;
  }

  private append(timestampMs: number): number {
    const { columns } = this;
    const { capacity, count } = columns;
    if (count === capacity) columns.reserve(count + 1);
    if (count > 0 && timestampMs <= columns.timestamps[count - 1]) this.ascending = false;
    columns.timestamps[count] = timestampMs;
    columns.count++;
    return (columns.capacity - capacity) * FLOAT_BYTES;
  }

  /** Removes the samples in [mint, maxt]. */
  remove(drop: (columns: SampleColumns) => void): void {
    drop(this.columns);
  }

  /** All samples in order, each time once. Good until the next change of the series. */
  sorted(): SampleColumns {
    if (!this.ascending) this.columns = sortColumns(this.columns);
    this.ascending = true;
    return this.columns;
  }
}

/** Ascending runs are merged pairwise, the earlier one first, so that of equal times the first sample stays. */
function sortColumns(columns: SampleColumns): SampleColumns {
  let runs = ascendingRuns(columns);
  while (runs.length > 1) {
    const merged: SampleColumns[] = [];
    for (let i = 0; i < runs.length; i += 2) {
      if (i + 1 === runs.length) {
        merged.push(runs[i]);
        continue;
      }
      const target = new SampleColumns(runs[i].count + runs[i + 1].count);
      mergeColumns([runs[i], runs[i + 1]], target);
      merged.push(target);
    }
    runs = merged;
  }
  return runs[0];
}

function ascendingRuns(columns: SampleColumns): SampleColumns[] {
  const runs: SampleColumns[] = [];
  const { timestamps, count } = columns;
  let start = 0;
  while (start < count) {
    let end = start + 1;
    while (end < count && timestamps[end] > timestamps[end - 1]) end++;
    const run = new SampleColumns(end - start);
    run.timestamps.set(timestamps.subarray(start, end));
    run.valueWords.set(columns.valueWords.subarray(2 * start, 2 * end));
    if (columns.histograms !== null) run.histograms = columns.histograms.slice(start, end);
    run.count = end - start;
    runs.push(run);
    start = end;
  }
  return runs;
}
