/** A float's sign, exponent and fraction, as the algorithms of this folder take numbers apart. */

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** The upper half of the bits: sign, exponent, first 20 bits of the fraction. */
export function highWord(x: number): number {
  float[0] = x;
  return words[1];
}

/** `x` with another exponent: within [2^(exponent − 1023), 2^(exponent − 1022)). */
export function withExponent(x: number, exponent: number): number {
  float[0] = x;
  words[1] = (words[1] & 0x800fffff) | (exponent << 20);
  return float[0];
}

/** The next float away from zero (`by` 1) or towards it (`by` −1), of a finite `x` that is not zero. */
export function neighbour(x: number, by: 1 | -1): number {
  float[0] = x;
  const low = words[0] + by;
  words[0] = low;
  if (low < 0) words[1]--;
  else if (low > 0xffffffff) words[1]++;
  return float[0];
}

/** Whether the last bit of the fraction is set. */
export function isOdd(x: number): boolean {
  float[0] = x;
  return (words[0] & 1) === 1;
}

/** The exponent of a finite `x` that is not zero, where its fraction lies in [0.5, 1). */
export function exponentOf(x: number): number {
  const scaled = Math.abs(x) < 2 ** -1022 ? x * 2 ** 54 : x;
  return ((highWord(scaled) >>> 20) & 0x7ff) - 1022 - (scaled === x ? 0 : 54);
}

/** The fraction in [0.5, 1) that goes with `exponentOf`, with the sign of `x`. */
export function fractionOf(x: number): number {
  return withExponent(Math.abs(x) < 2 ** -1022 ? x * 2 ** 54 : x, 1022);
}

/** `fraction` × 2^exponent, rounded once. */
export function scaleByPower(fraction: number, exponent: number): number {
  if (fraction === 0 || !Number.isFinite(fraction)) return fraction;
  const total = exponent + exponentOf(fraction);
  if (total > 1024) return fraction < 0 ? -Infinity : Infinity;
  if (total < -1074) return fraction < 0 ? -0 : 0;
  const normal = fractionOf(fraction) * 2;
  if (total >= -1021) return withExponent(normal, total - 1 + 1023);
  return withExponent(normal, total - 1 + 1023 + 53) * 2 ** -53;
}
