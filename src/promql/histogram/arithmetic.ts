import { type Histogram, ResetHint } from "../../model/histogram.js";
import { KahanSum } from "../eval/go-math.js";
import { BoundsReconciler, commonBounds, sameBounds } from "./custom-bounds.js";
import { FloatHistogram } from "./float-histogram.js";
import {
  addCompensated,
  addSides,
  type CompensatedSide,
  compactSide,
  divideSide,
  reduceCompensated,
  reduceSide,
  type Side,
  scaleSide,
  skipBelow,
  zeros,
} from "./side.js";
import { reconcileZero } from "./zero-bucket.js";

/** What a sum or difference of two histograms has to tell. */
export interface Combination {
  /** One of them says that there was a counter reset, the other that there was none. */
  readonly collision: boolean;
  /** Custom buckets of different bounds were brought to the bounds that both have. */
  readonly reconciled: boolean;
}

/** `histogram *= factor`; a negative factor makes a gauge of it. */
export function multiply(histogram: FloatHistogram, factor: number): FloatHistogram {
  histogram.zeroCount *= factor;
  histogram.count *= factor;
  histogram.sum *= factor;
  scaleSide(histogram.positive, factor);
  scaleSide(histogram.negative, factor);
  if (factor < 0) histogram.resetHint = ResetHint.GAUGE;
  return histogram;
}

/** `histogram /= by`; division by zero leaves no buckets. */
export function divide(histogram: FloatHistogram, by: number): FloatHistogram {
  histogram.zeroCount /= by;
  histogram.count /= by;
  histogram.sum /= by;
  if (by === 0) {
    histogram.positive = { indexes: [], counts: [] };
    histogram.negative = { indexes: [], counts: [] };
    return histogram;
  }
  divideSide(histogram.positive, by);
  divideSide(histogram.negative, by);
  if (by < 0) histogram.resetHint = ResetHint.GAUGE;
  return histogram;
}

/** Takes empty buckets out. */
export function compact(histogram: FloatHistogram): FloatHistogram {
  compactSide(histogram.positive);
  compactSide(histogram.negative);
  return histogram;
}

/** Settles the reset hint of a combination; true where the two contradict each other. */
function combineHints(histogram: FloatHistogram, other: Histogram): boolean {
  const { resetHint: a } = histogram;
  const { resetHint: b } = other;
  if (a === b || a === ResetHint.GAUGE) return false;
  if (b === ResetHint.GAUGE) histogram.resetHint = ResetHint.GAUGE;
  else if (a === ResetHint.UNKNOWN) return false;
  else {
    histogram.resetHint = ResetHint.UNKNOWN;
    return b !== ResetHint.UNKNOWN;
  }
  return false;
}

/** `histogram += sign * other`; null (and nothing changed) where exponential and custom buckets meet. */
export function combine(histogram: FloatHistogram, addend: Histogram, sign: 1 | -1): Combination | null {
  const other = FloatHistogram.view(addend);
  if (histogram.isCustom !== other.isCustom) return null;
  const collision = combineHints(histogram, other);
  if (!histogram.isCustom) {
    // In two steps: reconciling changes the zero count that is added to.
    const zero = reconcileZero(histogram, other, null);
    histogram.zeroCount += sign * zero.count;
  }
  histogram.count += sign * other.count;
  histogram.sum += sign * other.sum;
  if (histogram.isCustom) {
    if (sameBounds(histogram.customValues, other.customValues)) {
      histogram.positive = addSides(histogram.positive, other.positive, sign, 0);
      return { collision, reconciled: false };
    }
    const common = commonBounds(histogram.customValues, other.customValues);
    const reconciler = new BoundsReconciler(common);
    reconciler.add(histogram.positive, histogram.customValues, 1, null);
    reconciler.add(other.positive, other.customValues, sign, null);
    histogram.positive = reconciler.finish().sums;
    histogram.customValues = common;
    return { collision, reconciled: true };
  }
  const schema = Math.min(histogram.schema, other.schema);
  const add = (mine: Side, theirs: Side): Side => {
    const reduced = reduceSide(theirs, other.schema, schema);
    const skip = skipBelow(reduced, schema, histogram.zeroThreshold, false);
    return addSides(reduceSide(mine, histogram.schema, schema), reduced, sign, skip);
  };
  histogram.positive = add(histogram.positive, other.positive);
  histogram.negative = add(histogram.negative, other.negative);
  histogram.schema = schema;
  return { collision, reconciled: false };
}

const kahan = new KahanSum();

/** A histogram and, once something was added to it, what rounding took from each of its numbers. */
export class CompensatedHistogram {
  sum: FloatHistogram;
  rest: FloatHistogram | null = null;

  constructor(first: Histogram) {
    this.sum = FloatHistogram.from(first);
  }

  copy(): CompensatedHistogram {
    const copy = new CompensatedHistogram(this.sum);
    copy.rest = this.rest?.copy() ?? null;
    return copy;
  }

  /** Null (and nothing changed) where exponential and custom buckets meet. */
  add(addend: Histogram): Combination | null {
    const other = FloatHistogram.view(addend);
    const { sum } = this;
    if (sum.isCustom !== other.isCustom) return null;
    const collision = combineHints(sum, other);
    const rest = this.rest ?? emptyRest(sum);
    this.rest = rest;
    if (!sum.isCustom) {
      const zero = reconcileZero(sum, other, rest);
      kahan.set(sum.zeroCount, rest.zeroCount);
      kahan.add(zero.count);
      kahan.add(zero.rest);
      sum.zeroCount = kahan.sum;
      rest.zeroCount = kahan.c;
    }
    kahan.set(sum.count, rest.count);
    kahan.add(other.count);
    sum.count = kahan.sum;
    rest.count = kahan.c;
    kahan.set(sum.sum, rest.sum);
    kahan.add(other.sum);
    sum.sum = kahan.sum;
    rest.sum = kahan.c;
    return { collision, reconciled: sum.isCustom ? this.addCustom(other, rest) : this.addSides(other, rest) };
  }

  private addCustom(other: FloatHistogram, rest: FloatHistogram): boolean {
    const { sum } = this;
    if (sameBounds(sum.customValues, other.customValues)) {
      const added = addCompensated(pairOf(sum.positive, rest.positive), withZeros(other.positive), 0);
      sum.positive = added.sums;
      rest.positive = added.rest;
      return false;
    }
    const common = commonBounds(sum.customValues, other.customValues);
    const reconciler = new BoundsReconciler(common);
    reconciler.add(sum.positive, sum.customValues, 1, rest.positive.counts);
    reconciler.add(other.positive, other.customValues, 1, null);
    const added = reconciler.finish();
    sum.positive = added.sums;
    rest.positive = added.rest;
    sum.customValues = common;
    rest.customValues = common;
    return true;
  }

  private addSides(other: FloatHistogram, rest: FloatHistogram): false {
    const { sum } = this;
    const schema = Math.min(sum.schema, other.schema);
    for (const side of ["positive", "negative"] as const) {
      const mine = reduceCompensated(pairOf(sum[side], rest[side]), sum.schema, schema);
      const theirs = reduceCompensated(withZeros(other[side]), other.schema, schema);
      const skip = skipBelow(theirs.sums, schema, sum.zeroThreshold, false);
      const added = addCompensated(mine, theirs, skip);
      sum[side] = added.sums;
      rest[side] = added.rest;
    }
    sum.schema = schema;
    rest.schema = schema;
    rest.zeroThreshold = sum.zeroThreshold;
    return false;
  }

  multiply(factor: number): void {
    multiply(this.sum, factor);
    if (this.rest !== null) multiply(this.rest, factor);
  }

  divide(by: number): void {
    divide(this.sum, by);
    if (this.rest !== null) divide(this.rest, by);
  }

  /** The sum with its rest. */
  finish(): FloatHistogram {
    if (this.rest !== null) combine(this.sum, this.rest, 1);
    return this.sum;
  }

  hasOverflow(): boolean {
    const { sum } = this;
    const infinite = (value: number): boolean => value === Infinity || value === -Infinity;
    return (
      [sum.zeroCount, sum.count, sum.sum].some(infinite) ||
      sum.positive.counts.some(infinite) ||
      sum.negative.counts.some(infinite) ||
      sum.customValues.some(infinite)
    );
  }
}

function pairOf(sums: Side, rest: Side): CompensatedSide {
  return { sums, rest };
}

function withZeros(side: Side): CompensatedSide {
  return { sums: side, rest: zeros(side) };
}

function emptyRest(sum: FloatHistogram): FloatHistogram {
  const rest = new FloatHistogram();
  rest.resetHint = sum.resetHint;
  rest.schema = sum.schema;
  rest.zeroThreshold = sum.zeroThreshold;
  rest.customValues = sum.customValues;
  rest.positive = zeros(sum.positive);
  rest.negative = zeros(sum.negative);
  return rest;
}
