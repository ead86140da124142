import { worked } from "../../base/patience.js";

/** Longer arrays are sorted piece by piece and merged, so that the query can be ended between two pieces. */
const PIECE = 1 << 16;

/** Up to so many are sorted where the call of the native sort would take longer. */
const FEW = 32;

/** Sorts the first `count` by insertion, ascending with NaN first. */
function sortFew(values: Float64Array, count: number): void {
  for (let i = 1; i < count; i++) {
    const value = values[i];
    let j = i;
    while (j > 0 && (values[j - 1] > value || (Number.isNaN(value) && !Number.isNaN(values[j - 1])))) {
      values[j] = values[j - 1];
      j--;
    }
    values[j] = value;
  }
}

/** Sorts, ascending with NaN first; where the values end up: in `values` or in an array of its own. */
function sortMany(values: Float64Array): Float64Array {
  // The native order of a typed array has NaN last and the fast path.
  for (let from = 0; from < values.length; from += PIECE) {
    const piece = values.subarray(from, from + PIECE);
    worked(10 * piece.length);
    piece.sort();
  }
  let source: Float64Array = values;
  if (values.length > PIECE) {
    let target: Float64Array = new Float64Array(values.length);
    for (let width = PIECE; width < values.length; width *= 2) {
      for (let from = 0; from < values.length; from += 2 * width) mergePieces(source, target, from, width);
      [source, target] = [target, source];
    }
  }
  let numbers = source.length;
  while (numbers > 0 && Number.isNaN(source[numbers - 1])) numbers--;
  if (numbers === source.length) return source;
  source.copyWithin(source.length - numbers, 0, numbers);
  source.fill(Number.NaN, 0, source.length - numbers);
  return source;
}

/** Merges the sorted pieces at `from` and behind it, `width` values each (fewer at the end), into `target`. */
function mergePieces(source: Float64Array, target: Float64Array, from: number, width: number): void {
  const middle = Math.min(from + width, source.length);
  const end = Math.min(middle + width, source.length);
  let i = from;
  let j = middle;
  for (let k = from; k < end; k++) {
    if (((k - from) & (PIECE - 1)) === 0) worked(PIECE >> 2);
    const left = j === end || (i < middle && (source[i] <= source[j] || Number.isNaN(source[j])));
    target[k] = left ? source[i++] : source[j++];
  }
}

/** The q-quantile of the first `count` of `values`, which get sorted: linear between the two nearest ones. */
export function quantileOf(q: number, values: Float64Array, count: number = values.length): number {
  if (count === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  let ordered = values;
  if (count <= FEW) sortFew(values, count);
  else ordered = sortMany(values.subarray(0, count));
  const rank = q * (count - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(count - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return ordered[lower] * (1 - weight) + ordered[upper] * weight;
}
