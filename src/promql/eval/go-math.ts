/** Arithmetic where Go's math package and JavaScript's differ, and the sums that Prometheus compensates. */

/** As in IEEE 754-2008 pow: 1 to any power, and -1 to an infinite one, is 1. */
export function goPow(x: number, y: number): number {
  if (x === 1 || (x === -1 && (y === Infinity || y === -Infinity))) return 1;
  return x ** y;
}

/** An infinity of the right sign wins over NaN. */
export function goMin(x: number, y: number): number {
  if (x === -Infinity || y === -Infinity) return -Infinity;
  return Math.min(x, y);
}

export function goMax(x: number, y: number): number {
  if (x === Infinity || y === Infinity) return Infinity;
  return Math.max(x, y);
}

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** By way of the exponent and a fraction in [0.5, 1): powers of two come out exactly. */
export function goLog2(x: number): number {
  if (!(x > 0 && x < Infinity)) return Math.log2(x);
  // Subnormal numbers are scaled into the normal range first.
  const scaled = x < 2 ** -1022 ? x * 2 ** 54 : x;
  float[0] = scaled;
  const exponent = ((words[1] >>> 20) & 0x7ff) - 1022 - (scaled === x ? 0 : 54);
  words[1] = (words[1] & 0x800fffff) | (1022 << 20);
  const fraction = float[0];
  return fraction === 0.5 ? exponent - 1 : Math.log(fraction) * (1 / Math.LN2) + exponent;
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
