import { almostEqual } from "./almost-equal.js";

/** The buckets of one classic histogram at one step. */
export interface Buckets {
  readonly bounds: number[];
  readonly counts: number[];
}

/** What had to be mended so that counts do not fall; null where nothing had to. */
export interface Correction {
  readonly minBucket: number;
  readonly maxBucket: number;
  readonly maxDiff: number;
}

/** Differences below this relative size are taken for rounding errors. */
const SMALL_DELTA = 1e-12;

/** Sorts by bound and adds up buckets of equal bounds; false where there is no +Inf bucket. */
function arrange(buckets: Buckets): boolean {
  const { bounds, counts } = buckets;
  const order = bounds.map((_, i) => i).sort((a, b) => (bounds[a] === bounds[b] ? 0 : bounds[a] - bounds[b]));
  const sortedBounds = order.map((i) => bounds[i]);
  const sortedCounts = order.map((i) => counts[i]);
  bounds.length = 0;
  counts.length = 0;
  for (let i = 0; i < order.length; i++) {
    if (bounds.length > 0 && sortedBounds[i] === bounds[bounds.length - 1]) {
      counts[counts.length - 1] += sortedCounts[i];
    } else {
      bounds.push(sortedBounds[i]);
      counts.push(sortedCounts[i]);
    }
  }
  return bounds[bounds.length - 1] === Infinity;
}

/** Makes the counts rise: small falls silently, others are reported. */
function makeMonotonic({ bounds, counts }: Buckets): Correction | null {
  let minBucket = Infinity;
  let maxBucket = -Infinity;
  let maxDiff = 0;
  let forced = false;
  let previous = counts[0];
  for (let i = 1; i < counts.length; i++) {
    const current = counts[i];
    if (current === previous) continue;
    if (almostEqual(previous, current, SMALL_DELTA)) {
      counts[i] = previous;
    } else if (current < previous) {
      counts[i] = previous;
      forced = true;
      if (bounds[i] < minBucket) minBucket = bounds[i];
      if (bounds[i] > maxBucket) maxBucket = bounds[i];
      if (previous - current > maxDiff) maxDiff = previous - current;
    } else {
      previous = current;
    }
  }
  return forced ? { minBucket, maxBucket, maxDiff } : null;
}

/** The q-quantile of a classic histogram, linear inside a bucket; the buckets are rearranged. */
export function bucketQuantile(
  q: number,
  buckets: Buckets,
): { readonly value: number; readonly correction: Correction | null } {
  if (Number.isNaN(q)) return { value: Number.NaN, correction: null };
  if (q < 0) return { value: -Infinity, correction: null };
  if (q > 1) return { value: Infinity, correction: null };
  if (!arrange(buckets)) return { value: Number.NaN, correction: null };
  const correction = makeMonotonic(buckets);
  return { value: interpolate(q, buckets), correction };
}

function interpolate(q: number, { bounds, counts }: Buckets): number {
  const last = bounds.length - 1;
  const observations = counts[last];
  if (bounds.length < 2 || observations === 0) return Number.NaN;
  let rank = q * observations;
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (counts[middle] >= rank) high = middle;
    else low = middle + 1;
  }
  if (low === last) return bounds[last - 1];
  if (low === 0 && bounds[0] <= 0) return bounds[0];
  let start = 0;
  let count = counts[low];
  if (low > 0) {
    start = bounds[low - 1];
    count -= counts[low - 1];
    rank -= counts[low - 1];
  }
  return start + (bounds[low] - start) * (rank / count);
}

/** The share of observations between two values; the buckets are rearranged. */
export function bucketFraction(lower: number, upper: number, buckets: Buckets): number {
  if (!arrange(buckets)) return Number.NaN;
  const { bounds, counts } = buckets;
  const total = counts[counts.length - 1];
  if (total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  if (lower >= upper) return 0;
  const low = rankOf(lower, bounds, counts, total);
  const high = rankOf(upper, bounds, counts, total);
  return (high - low) / total;
}

/** How many observations lie below `value`, interpolated in its bucket. */
function rankOf(value: number, bounds: number[], counts: number[], total: number): number {
  let rank = 0;
  for (let i = 0; i < bounds.length; i++) {
    const start = i > 0 ? bounds[i - 1] : bounds[0] <= 0 ? -Infinity : 0;
    if (start >= value) return Math.min(rank, total);
    if (bounds[i] > value) {
      if (start === -Infinity) return Math.min(counts[i], total);
      const inside = ((counts[i] - rank) * (value - start)) / (bounds[i] - start);
      const found = rank + inside;
      return Math.min(found, total);
    }
    rank = counts[i];
  }
  return total;
}
