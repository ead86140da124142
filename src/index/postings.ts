import { worked } from "../base/patience.js";

/**
 * Set algebra on postings: ascending, unique series refs in a Uint32Array. Arguments are never changed; results
 * may be one of the arguments.
 */
export const EMPTY_POSTINGS: Uint32Array = new Uint32Array(0);

/** From this ratio of lengths on, the long list is searched instead of walked. */
const GALLOP_RATIO = 16;
/** Below this many refs in all, a union sorts; above, it may use a bit map. */
const BITMAP_REFS_MIN = 256;
/** A bit map of more words than this many a ref costs more than sorting. */
const BITMAP_WORDS_PER_REF_MAX = 4;

/** Refs in every list, the shortest walked first; none where there is no list. */
export function intersect(lists: readonly Uint32Array[]): Uint32Array {
  if (lists.length === 0) return EMPTY_POSTINGS;
  const byLength = [...lists].sort((a, b) => a.length - b.length);
  let result = byLength[0];
  for (let i = 1; i < byLength.length && result.length > 0; i++) result = intersectTwo(result, byLength[i]);
  return result;
}

function intersectTwo(short: Uint32Array, long: Uint32Array): Uint32Array {
  const result = new Uint32Array(short.length);
  const gallop = long.length > short.length * GALLOP_RATIO;
  let count = 0;
  let j = 0;
  for (let i = 0; i < short.length; i++) {
    const ref = short[i];
    if (gallop) j = seek(long, ref, j);
    else while (j < long.length && long[j] < ref) j++;
    if (j === long.length) break;
    if (long[j] === ref) result[count++] = ref;
  }
  return result.subarray(0, count);
}

/** Index of the first element >= `ref`, searched from `start` in doubling steps; the length if there is none. */
export function seek(list: Uint32Array, ref: number, start = 0): number {
  if (start >= list.length || list[start] >= ref) return start;
  let step = 1;
  let low = start;
  while (low + step < list.length && list[low + step] < ref) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, list.length);
  while (low + 1 < high) {
    const middle = (low + high) >>> 1;
    if (list[middle] < ref) low = middle;
    else high = middle;
  }
  return high;
}

/** Refs of `list` that are not in `removed`. */
export function without(list: Uint32Array, removed: Uint32Array): Uint32Array {
  if (removed.length === 0 || list.length === 0) return list;
  const result = new Uint32Array(list.length);
  const gallop = removed.length > list.length * GALLOP_RATIO;
  let count = 0;
  let j = 0;
  for (let i = 0; i < list.length; i++) {
    const ref = list[i];
    if (gallop) j = seek(removed, ref, j);
    else while (j < removed.length && removed[j] < ref) j++;
    if (j === removed.length || removed[j] !== ref) result[count++] = ref;
  }
  return result.subarray(0, count);
}

/** Refs in any list. */
export function union(lists: readonly Uint32Array[]): Uint32Array {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length === 0) return EMPTY_POSTINGS;
  if (filled.length === 1) return filled[0];
  if (filled.length === 2) return unionTwo(filled[0], filled[1]);
  let total = 0;
  let max = 0;
  let min = 0xffff_ffff;
  for (const list of filled) {
    total += list.length;
    min = Math.min(min, list[0]);
    max = Math.max(max, list[list.length - 1]);
  }
  const words = ((max - min) >>> 5) + 1;
  const dense = total >= BITMAP_REFS_MIN && words <= total * BITMAP_WORDS_PER_REF_MAX;
  return dense ? unionByBitmap(filled, min, words, total) : unionBySort(filled, total);
}

function unionTwo(a: Uint32Array, b: Uint32Array): Uint32Array {
  const result = new Uint32Array(a.length + b.length);
  let count = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i];
    const y = b[j];
    result[count++] = Math.min(x, y);
    if (x <= y) i++;
    if (y <= x) j++;
  }
  while (i < a.length) result[count++] = a[i++];
  while (j < b.length) result[count++] = b[j++];
  return result.subarray(0, count);
}

function unionByBitmap(
  lists: readonly Uint32Array[],
  min: number,
  words: number,
  total: number,
): Uint32Array {
  const bitmap = new Int32Array(words);
  for (const list of lists) {
    worked(1 + (list.length >> 2));
    for (let i = 0; i < list.length; i++) {
      const bit = list[i] - min;
      bitmap[bit >>> 5] |= 1 << (bit & 31);
    }
  }
  const result = new Uint32Array(total);
  let count = 0;
  for (let w = 0; w < words; w++) {
    let word = bitmap[w];
    while (word !== 0) {
      const bit = 31 - Math.clz32(word & -word);
      result[count++] = min + w * 32 + bit;
      word &= word - 1;
    }
  }
  return result.subarray(0, count);
}

function unionBySort(lists: readonly Uint32Array[], total: number): Uint32Array {
  const result = new Uint32Array(total);
  let length = 0;
  for (const list of lists) {
    worked(1 + (list.length >> 2));
    result.set(list, length);
    length += list.length;
  }
  result.sort();
  let count = 1;
  for (let i = 1; i < length; i++) if (result[i] !== result[count - 1]) result[count++] = result[i];
  return result.subarray(0, count);
}
