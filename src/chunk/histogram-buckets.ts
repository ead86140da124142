import type { HistogramSpan } from "../model/histogram.js";

/**
 * Bucket sets of histograms: as spans (how they are sent and stored) and as sorted lists of bucket indexes
 * (how they are compared and united).
 */

export function spansEqual(a: readonly HistogramSpan[], b: readonly HistogramSpan[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i].offset !== b[i].offset || a[i].length !== b[i].length) return false;
  }
  return true;
}

export function valuesEqual(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The index of every bucket that the spans name, ascending. */
export function bucketIndexes(spans: readonly HistogramSpan[]): number[] {
  const indexes: number[] = [];
  let next = 0;
  for (const span of spans) {
    next += span.offset;
    for (let i = 0; i < span.length; i++) indexes.push(next++);
  }
  return indexes;
}

/** The shortest spans for the indexes. */
export function spansOf(indexes: readonly number[]): HistogramSpan[] {
  const spans: { offset: number; length: number }[] = [];
  let next = 0;
  for (const index of indexes) {
    const last = spans.at(-1);
    if (last !== undefined && index === next) last.length++;
    else spans.push({ offset: index - next, length: 1 });
    next = index + 1;
  }
  return spans;
}

export function unite(a: readonly number[], b: readonly number[]): number[] {
  const united: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const next = Math.min(a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY);
    united.push(next);
    if (a[i] === next) i++;
    if (b[j] === next) j++;
  }
  return united;
}

/** True if a bucket of `before` is higher than the same bucket of `after` (absent buckets count zero). */
export function anyBucketFell(
  beforeIndexes: readonly number[],
  before: ArrayLike<number>,
  afterIndexes: readonly number[],
  after: ArrayLike<number>,
): boolean {
  let j = 0;
  for (let i = 0; i < beforeIndexes.length; i++) {
    while (j < afterIndexes.length && afterIndexes[j] < beforeIndexes[i]) j++;
    const now = afterIndexes[j] === beforeIndexes[i] ? after[j] : 0;
    if (before[i] > now) return true;
  }
  return false;
}

/** Spreads `buckets` (one for each of `indexes`) over `layout`, which contains them all; the rest is zero. */
export function spread(
  indexes: readonly number[],
  buckets: ArrayLike<number>,
  layout: readonly number[],
  target: Float64Array,
): void {
  let j = 0;
  for (let i = 0; i < layout.length; i++) {
    target[i] = layout[i] === indexes[j] ? buckets[j++] : 0;
  }
}
