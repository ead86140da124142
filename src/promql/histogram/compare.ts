import type { Histogram } from "../../model/histogram.js";
import { sameBounds } from "./custom-bounds.js";
import { FloatHistogram } from "./float-histogram.js";
import type { Side } from "./side.js";

/** NaN equals NaN, and 0 is not -0: equality of bits but for the payload of NaN. */
function same(a: number, b: number): boolean {
  return Object.is(a, b);
}

function sameSide(a: Side, b: Side): boolean {
  if (a.indexes.length !== b.indexes.length) return false;
  return a.indexes.every((index, i) => index === b.indexes[i] && same(a.counts[i], b.counts[i]));
}

/** Equal in everything but the reset hint. */
export function sameHistogram(first: Histogram, second: Histogram): boolean {
  const a = FloatHistogram.view(first);
  const b = FloatHistogram.view(second);
  return (
    a.schema === b.schema &&
    same(a.count, b.count) &&
    same(a.sum, b.sum) &&
    (!a.isCustom || sameBounds(a.customValues, b.customValues)) &&
    a.zeroThreshold === b.zeroThreshold &&
    same(a.zeroCount, b.zeroCount) &&
    sameSide(a.negative, b.negative) &&
    sameSide(a.positive, b.positive)
  );
}
