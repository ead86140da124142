import { KahanSum } from "../eval/go-math.js";
import type { Side } from "./side.js";

export function sameBounds(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The bounds that both lists have. */
export function commonBounds(a: readonly number[], b: readonly number[]): number[] {
  const inB = new Set(b);
  return a.filter((bound) => inB.has(bound));
}

const kahan = new KahanSum();

/** Adds up custom buckets of different bounds in the buckets between their common bounds. */
export class BoundsReconciler {
  private readonly bounds: readonly number[];
  private readonly sums: Float64Array;
  private readonly rests: Float64Array;

  constructor(common: readonly number[]) {
    this.bounds = common;
    this.sums = new Float64Array(common.length + 1);
    this.rests = new Float64Array(common.length + 1);
  }

  /** `rest`: what rounding took from the counts of `side`, bucket by bucket. */
  add(side: Side, bounds: readonly number[], sign: number, rest: readonly number[] | null): void {
    const { indexes, counts } = side;
    let target = 0;
    for (let i = 0; i < indexes.length; i++) {
      const bound = indexes[i] < bounds.length ? bounds[indexes[i]] : Infinity;
      while (target < this.bounds.length && this.bounds[target] < bound) target++;
      kahan.set(this.sums[target], this.rests[target]);
      kahan.add(counts[i] * sign);
      if (rest !== null) kahan.add(rest[i]);
      this.sums[target] = kahan.sum;
      this.rests[target] = kahan.c;
    }
  }

  /** The buckets that are not empty, and their rests. */
  finish(): { readonly sums: Side; readonly rest: Side } {
    const indexes: number[] = [];
    for (let i = 0; i < this.sums.length; i++) if (this.sums[i] !== 0 || this.rests[i] !== 0) indexes.push(i);
    return {
      sums: { indexes, counts: indexes.map((i) => this.sums[i]) },
      rest: { indexes: indexes.slice(), counts: indexes.map((i) => this.rests[i]) },
    };
  }
}
