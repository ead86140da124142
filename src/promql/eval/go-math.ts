/** Minimum and maximum as Go has them, and the sums that Prometheus compensates. */

/** An infinity of the right sign wins over NaN. */
export function goMin(x: number, y: number): number {
  if (x === -Infinity || y === -Infinity) return -Infinity;
  return Math.min(x, y);
}

export function goMax(x: number, y: number): number {
  if (x === Infinity || y === Infinity) return Infinity;
  return Math.max(x, y);
}

/** Sum with Neumaier's compensation: `sum + c` is the result. */
export class KahanSum {
  sum = 0;
  c = 0;

  add(inc: number): void {
    const t = this.sum + inc;
    if (t > Number.MAX_VALUE || t < -Number.MAX_VALUE) this.c = 0;
    else if (Math.abs(this.sum) >= Math.abs(inc)) this.c += this.sum - t + inc;
    else this.c += inc - t + this.sum;
    this.sum = t;
  }

  set(sum: number, c: number): void {
    this.sum = sum;
    this.c = c;
  }
}
