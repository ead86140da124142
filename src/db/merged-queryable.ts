import { worked } from "../base/patience.js";
import { mergeColumns } from "../chunk/merge-columns.js";
import { compareUtf8, type Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import { SampleColumns } from "../storage/columns.js";
import type { Queryable, SeriesSet } from "../storage/queryable.js";

/**
 * Several stores as one: a series that more than one has is one series with all samples. Where two have a sample
 * at the same time, that of the earlier store stays. Cheapest where stores come in the order of their times:
 * blocks, oldest first, then the head.
 */
export function mergeQueryables(stores: readonly Queryable[]): Queryable {
  return {
    select(matchers, mint, maxt): SeriesSet {
      const sets = stores.map((store) => store.select(matchers, mint, maxt)).filter((set) => set.count > 0);
      return sets.length === 1 ? sets[0] : new MergedSeriesSet(sets);
    },
    labelNames: (matchers: readonly Matcher[], mint: number, maxt: number) =>
      uniteSorted(stores.map((store) => store.labelNames(matchers, mint, maxt))),
    labelValues: (name: string, matchers: readonly Matcher[], mint: number, maxt: number) =>
      uniteSorted(stores.map((store) => store.labelValues(name, matchers, mint, maxt))),
  };
}

function uniteSorted(lists: readonly (readonly string[])[]): string[] {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length === 1) return [...filled[0]];
  return [...new Set(filled.flat())].sort(compareUtf8);
}

/** Of `worked`. */
const WORK_PER_SERIES = 50;

class MergedSeriesSet implements SeriesSet {
  readonly count: number;
  readonly sorted = false;
  private readonly sets: readonly SeriesSet[];
  private readonly labelSets: Labels[] = [];
  /** For each series, one behind the other: set and index of its parts, in the order of the sets. */
  private readonly parts: number[][] = [];
  private readonly scratch = new SampleColumns(256);
  private readonly merger = new ColumnMerger();

  constructor(sets: readonly SeriesSet[]) {
    this.sets = sets;
    const byKey = new Map<string, number>();
    for (let s = 0; s < sets.length; s++) {
      for (let i = 0; i < sets[s].count; i++) {
        worked(WORK_PER_SERIES);
        const labels = sets[s].labels(i);
        const known = byKey.get(labels.key);
        if (known !== undefined) {
          this.parts[known].push(s, i);
          continue;
        }
        byKey.set(labels.key, this.parts.length);
        this.labelSets.push(labels);
        this.parts.push([s, i]);
      }
    }
    this.count = this.parts.length;
  }

  labels(index: number): Labels {
    return this.labelSets[index];
  }

  read(index: number, mint: number, maxt: number, columns: SampleColumns): void {
    const parts = this.parts[index];
    this.sets[parts[0]].read(parts[1], mint, maxt, columns);
    for (let p = 2; p < parts.length; p += 2) {
      this.sets[parts[p]].read(parts[p + 1], mint, maxt, this.scratch);
      this.merger.add(this.scratch, columns);
    }
  }
}

/** Brings samples of one store to those of earlier ones. */
export class ColumnMerger {
  private readonly kept = new SampleColumns(256);

  /** Brings what is in `later` into `columns`, whose samples win. */
  add(later: SampleColumns, columns: SampleColumns): void {
    const { kept } = this;
    if (later.count === 0) return;
    const behind = columns.count === 0 || columns.timestamps[columns.count - 1] < later.timestamps[0];
    if (behind) return append(later, columns);
    kept.clear();
    append(columns, kept);
    mergeColumns([kept, later], columns);
  }
}

function append(source: SampleColumns, target: SampleColumns): void {
  const at = target.count;
  const { count } = source;
  target.reserve(at + count);
  target.timestamps.set(source.timestamps.subarray(0, count), at);
  target.valueWords.set(source.valueWords.subarray(0, 2 * count), 2 * at);
  if (source.histograms !== null || target.histograms !== null) {
    target.histograms ??= new Array(at).fill(undefined);
    for (let i = 0; i < count; i++) target.histograms[at + i] = source.histograms?.[i];
  }
  if (source.startTimestamps !== null || target.startTimestamps !== null) {
    target.startTimestamps ??= new Float64Array(target.capacity);
    target.startTimestamps.fill(0, at, at + count);
    if (source.startTimestamps !== null) {
      target.startTimestamps.set(source.startTimestamps.subarray(0, count), at);
    }
  }
  target.count = at + count;
}
