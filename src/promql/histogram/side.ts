import type { HistogramSpan } from "../../model/histogram.js";
import { bucketBound } from "../../model/histogram-bounds.js";
import { KahanSum } from "../eval/go-math.js";

/** The buckets on one side of zero. */
export interface Side {
  indexes: number[];
  counts: number[];
}

export function sideOf(spans: readonly HistogramSpan[], buckets: ArrayLike<number>): Side {
  const indexes: number[] = [];
  const counts: number[] = [];
  let index = 0;
  for (const { offset, length } of spans) {
    index += offset;
    for (let i = 0; i < length && counts.length < buckets.length; i++) {
      indexes.push(index++);
      counts.push(buckets[counts.length]);
    }
  }
  return { indexes, counts };
}

export function spansOf({ indexes }: Side): HistogramSpan[] {
  const spans: { offset: number; length: number }[] = [];
  let end = 0;
  for (let i = 0; i < indexes.length; i++) {
    if (i > 0 && indexes[i] === end) spans[spans.length - 1].length++;
    else spans.push({ offset: indexes[i] - end, length: 1 });
    end = indexes[i] + 1;
  }
  return spans;
}

export function copySide(side: Side): Side {
  return { indexes: side.indexes.slice(), counts: side.counts.slice() };
}

export function scaleSide(side: Side, factor: number): void {
  for (let i = 0; i < side.counts.length; i++) side.counts[i] *= factor;
}

export function divideSide(side: Side, by: number): void {
  for (let i = 0; i < side.counts.length; i++) side.counts[i] /= by;
}

/** The index in a coarser schema, `levels` below. */
function coarser(index: number, levels: number): number {
  return ((index - 1) >> levels) + 1;
}

/** The same observations in buckets of a coarser schema. */
export function reduceSide(side: Side, from: number, to: number): Side {
  if (from === to) return side;
  const indexes: number[] = [];
  const counts: number[] = [];
  for (let i = 0; i < side.indexes.length; i++) {
    const index = coarser(side.indexes[i], from - to);
    if (indexes.length > 0 && indexes[indexes.length - 1] === index)
      counts[counts.length - 1] += side.counts[i];
    else {
      indexes.push(index);
      counts.push(side.counts[i]);
    }
  }
  return { indexes, counts };
}

/** How many leading buckets lie below `threshold` altogether; 0 for custom buckets. */
export function skipBelow(side: Side, schema: number, threshold: number, custom: boolean): number {
  if (custom) return 0;
  let skip = 0;
  while (skip < side.indexes.length && bucketBound(side.indexes[skip], schema, []) <= threshold) skip++;
  return skip;
}

/** a + sign * b, bucket by bucket, without the first `skip` buckets of b. */
export function addSides(a: Side, b: Side, sign: number, skip: number): Side {
  const indexes: number[] = [];
  const counts: number[] = [];
  let i = 0;
  let j = skip;
  while (i < a.indexes.length || j < b.indexes.length) {
    const left = i < a.indexes.length ? a.indexes[i] : Infinity;
    const right = j < b.indexes.length ? b.indexes[j] : Infinity;
    indexes.push(Math.min(left, right));
    if (left < right) counts.push(a.counts[i++]);
    else if (right < left) counts.push(b.counts[j++] * sign);
    else counts.push(a.counts[i++] + b.counts[j++] * sign);
  }
  return { indexes, counts };
}

/** Sums with what rounding took from each of them; both sides have the same indexes. */
export interface CompensatedSide {
  readonly sums: Side;
  readonly rest: Side;
}

const kahan = new KahanSum();

function push(to: CompensatedSide, index: number, sum: number, rest: number): void {
  to.sums.indexes.push(index);
  to.sums.counts.push(sum);
  to.rest.indexes.push(index);
  to.rest.counts.push(rest);
}

function emptyPair(): CompensatedSide {
  return { sums: { indexes: [], counts: [] }, rest: { indexes: [], counts: [] } };
}

/** The same in a coarser schema. */
export function reduceCompensated(pair: CompensatedSide, from: number, to: number): CompensatedSide {
  if (from === to) return pair;
  const out = emptyPair();
  const { indexes, counts } = pair.sums;
  for (let i = 0; i < indexes.length; i++) {
    const index = coarser(indexes[i], from - to);
    const last = out.sums.indexes.length - 1;
    if (last < 0 || out.sums.indexes[last] !== index) {
      push(out, index, counts[i], pair.rest.counts[i]);
      continue;
    }
    kahan.set(out.sums.counts[last], out.rest.counts[last]);
    kahan.add(counts[i]);
    kahan.add(pair.rest.counts[i]);
    out.sums.counts[last] = kahan.sum;
    out.rest.counts[last] = kahan.c;
  }
  return out;
}

/** a + b with compensation, without the first `skip` buckets of b. */
export function addCompensated(a: CompensatedSide, b: CompensatedSide, skip: number): CompensatedSide {
  const out = emptyPair();
  const [x, y] = [a.sums, b.sums];
  let i = 0;
  let j = skip;
  while (i < x.indexes.length || j < y.indexes.length) {
    const left = i < x.indexes.length ? x.indexes[i] : Infinity;
    const right = j < y.indexes.length ? y.indexes[j] : Infinity;
    if (left < right) push(out, left, x.counts[i], a.rest.counts[i++]);
    else if (right < left) push(out, right, y.counts[j], b.rest.counts[j++]);
    else {
      kahan.set(x.counts[i], a.rest.counts[i]);
      kahan.add(y.counts[j]);
      if (b.rest.counts[j] !== 0) kahan.add(b.rest.counts[j]);
      push(out, left, kahan.sum, kahan.c);
      i++;
      j++;
    }
  }
  return out;
}

/** Takes empty buckets out. */
export function compactSide(side: Side): void {
  if (!side.counts.includes(0)) return;
  side.indexes = side.indexes.filter((_, i) => side.counts[i] !== 0);
  side.counts = side.counts.filter((count) => count !== 0);
}

export function zeros(side: Side): Side {
  return { indexes: side.indexes.slice(), counts: side.counts.map(() => 0) };
}
