import { type Histogram, ResetHint } from "../../model/histogram.js";
import { commonBounds, sameBounds } from "./custom-bounds.js";
import { FloatHistogram } from "./float-histogram.js";
import { reduceSide, type Side, skipBelow } from "./side.js";
import { widenedZero } from "./zero-bucket.js";

/** Whether a counter histogram began anew between `previous` and `current`. */
export function detectsReset(current: Histogram, previous: Histogram): boolean {
  if (current.resetHint === ResetHint.RESET) return true;
  if (current.resetHint === ResetHint.NO_RESET) return false;
  if (current.count < previous.count) return true;
  const now = FloatHistogram.view(current);
  const before = FloatHistogram.view(previous);
  if (now.isCustom) {
    if (!before.isCustom) return true;
    return sameBounds(now.customValues, before.customValues)
      ? fell(now.positive, before.positive)
      : fellBetweenBounds(now, before);
  }
  if (now.schema > before.schema) return true;
  if (now.zeroThreshold < before.zeroThreshold) return true;
  const zero = widenedZero(before, now.zeroThreshold, null);
  if (zero.threshold !== now.zeroThreshold || now.zeroCount < zero.count) return true;
  return fellOn("positive", now, before) || fellOn("negative", now, before);
}

function fellOn(side: "positive" | "negative", now: FloatHistogram, before: FloatHistogram): boolean {
  return fell(outsideZero(now[side], now.schema, now), outsideZero(before[side], before.schema, now));
}

/** The buckets beyond the zero bucket of `now`, in its schema. */
function outsideZero(side: Side, schema: number, now: FloatHistogram): Side {
  const reduced = reduceSide(side, schema, now.schema);
  const skip = now.zeroThreshold === 0 ? 0 : skipBelow(reduced, now.schema, now.zeroThreshold, false);
  return skip === 0 ? reduced : { indexes: reduced.indexes.slice(skip), counts: reduced.counts.slice(skip) };
}

/** Whether any bucket has less than before. */
function fell(now: Side, before: Side): boolean {
  let i = 0;
  for (let j = 0; j < before.indexes.length; j++) {
    while (i < now.indexes.length && now.indexes[i] < before.indexes[j]) i++;
    const has = i < now.indexes.length && now.indexes[i] === before.indexes[j];
    if (has ? now.counts[i] < before.counts[j] : before.counts[j] !== 0) return true;
  }
  return false;
}

/** The same between the bounds that both have. */
function fellBetweenBounds(now: FloatHistogram, before: FloatHistogram): boolean {
  const bounds = [...commonBounds(now.customValues, before.customValues), Infinity];
  const a = countsBetween(now, bounds);
  const b = countsBetween(before, bounds);
  return bounds.some((_, i) => a[i] < b[i]);
}

function countsBetween({ positive, customValues }: FloatHistogram, bounds: readonly number[]): number[] {
  const counts = bounds.map(() => 0);
  let at = 0;
  positive.indexes.forEach((index, i) => {
    const upper = index < customValues.length ? customValues[index] : Infinity;
    while (bounds[at] < upper) at++;
    counts[at] += positive.counts[i];
  });
  return counts;
}
