/**
 * Exponentials, equal to the bit to those of Go on amd64, which Prometheus computes with. `goExp` is the method of
 * N. Shibata, "Efficient evaluation methods of elementary functions suitable for SIMD computation" (2010), with the
 * fused operations that Go uses where the processor has them; `goExp2` that of FreeBSD's msun, e_exp.c.
 */
import { scaleByPower } from "./float-bits.js";
import { fusedMultiplyAdd } from "./fused.js";

const OVERFLOW = 709.782712893384;
/** ln 2 in two parts: products of the first with small whole numbers are exact. */
const LN2_UPPER = 0.693147180559663;
const LN2_LOWER = 2.8235290563031577e-13;
/** Taylor's series of (e^x − 1) / x, the last term first. */
const TERMS = [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1] as const;
/** Added and taken away again, it rounds to a whole number, halves to the even one. */
const ROUNDER = 1.5 * 2 ** 52;

export function goExp(x: number): number {
  if (Number.isNaN(x) || x > OVERFLOW) return x > 0 ? Infinity : Number.NaN;
  if (x < -1500) return 0;
  const power = x * Math.LOG2E + ROUNDER - ROUNDER;
  let rest = fusedMultiplyAdd(-power, LN2_UPPER, x);
  rest = fusedMultiplyAdd(-power, LN2_LOWER, rest) * 0.0625;
  let series = fusedMultiplyAdd(TERMS[0], rest, TERMS[1]);
  for (let i = 2; i < TERMS.length; i++) series = fusedMultiplyAdd(series, rest, TERMS[i]);
  // From e^r − 1 to e^16r − 1 by squaring four times.
  let value = rest * series;
  for (let i = 0; i < 3; i++) value *= value + 2;
  value = fusedMultiplyAdd(value + 2, value, 1);
  if (power >= 1024) return Infinity;
  if (power > -1023) return value * 2 ** power;
  return power < -1075 ? 0 : value * 2 ** (power + 1022) * 2 ** -1022;
}

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

export function goExp2(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 1023.9999999999999) return Infinity;
  if (x < -1.074e3) return 0;
  const power = Math.trunc(x > 0 ? x + 0.5 : x - 0.5);
  const t = x - power;
  return scaledExp(t * LN2_HIGH, -t * LN2_LOW, power);
}

/** e^(high − low) × 2^power, for differences of at most ln 2 / 2. */
function scaledExp(high: number, low: number, power: number): number {
  const r = high - low;
  const t = r * r;
  const p4 = -0.0000016533902205465252 + t * 4.1381367970572385e-8;
  const p2 = -0.0027777777777015593 + t * (0.00006613756321437934 + t * p4);
  const c = r - t * (0.16666666666666666 + t * p2);
  return scaleByPower(1 - (low - (r * c) / (2 - c) - high), power);
}
