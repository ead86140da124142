/**
 * Logarithms, equal to the bit to those of Go on amd64, which Prometheus computes with: the methods of FreeBSD's
 * msun, e_log.c and s_log1p.c.
 */
import { exponentOf, fractionOf, highWord, withExponent } from "./float-bits.js";

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const L1 = 0.6666666666666735;
const L2 = 0.3999999999940942;
const L3 = 0.2857142874366239;
const L4 = 0.22222198432149784;
const L5 = 0.1818357216161805;
const L6 = 0.15313837699209373;
const L7 = 0.14798198605116586;

/** Like Go on amd64 it takes no account of a subnormal number's leading zeros: ln(5e-324) is −709.09. */
export function goLog(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x < 0 ? Number.NaN : x;
  let fraction = withExponent(x, 1022);
  let k = (highWord(x) >>> 20) - 1022;
  if (fraction <= Math.SQRT1_2) {
    fraction *= 2;
    k--;
  }
  const f = fraction - 1;
  const s = f / (2 + f);
  const s2 = s * s;
  const s4 = s2 * s2;
  const odd = s2 * (L1 + s4 * (L3 + s4 * (L5 + s4 * L7)));
  const even = s4 * (L2 + s4 * (L4 + s4 * L6));
  const halfSquare = 0.5 * f * f;
  return k * LN2_HIGH - (halfSquare - (s * (odd + even + halfSquare) + k * LN2_LOW) - f);
}

/** By way of the exponent and a fraction in [0.5, 1): powers of two come out exactly. */
export function goLog2(x: number): number {
  if (!(x > 0 && x < Infinity)) return goLog(x);
  const exponent = exponentOf(x);
  const fraction = fractionOf(x);
  return fraction === 0.5 ? exponent - 1 : goLog(fraction) * Math.LOG2E + exponent;
}

export function goLog10(x: number): number {
  return goLog(x) * Math.LOG10E;
}

/** ln(1 + x) */
export function goLog1p(x: number): number {
  if (!(x > -1 && x < Infinity)) return x === -1 ? -Infinity : x < -1 ? Number.NaN : x;
  const size = Math.abs(x);
  if (size < 2 ** -54) return x;
  if (size < 2 ** -29) return x - x * x * 0.5;
  if (size < Math.SQRT2 - 1 && x > -0.2928932188134525) return nearOne(x, 0, 0, false);
  const u = size < 2 ** 53 ? 1 + x : x;
  let k = (highWord(u) >>> 20) - 1023;
  const lost = size < 2 ** 53 ? (k > 0 ? 1 - (u - x) : x - (u - 1)) / u : 0;
  let fraction = withExponent(u, 1023);
  let close = fraction === 1;
  if (fraction >= Math.SQRT2) {
    k++;
    // The distance to 2 in units of the last bit, whole in quarters: below four it counts as none.
    close = (2 - fraction) * 2 ** 52 < 4;
    fraction = withExponent(u, 1022);
  }
  return nearOne(fraction - 1, k, lost, close);
}

/** ln((1 + f) × 2^k), `lost` what 1 + f lacks; `close`: f is zero or next to it. */
function nearOne(f: number, k: number, lost: number, close: boolean): number {
  const halfSquare = 0.5 * f * f;
  if (close) {
    if (f === 0) return k === 0 ? 0 : k * LN2_HIGH + (lost + k * LN2_LOW);
    const r = halfSquare * (1 - 0.6666666666666666 * f);
    return k === 0 ? f - r : k * LN2_HIGH - (r - (k * LN2_LOW + lost) - f);
  }
  const s = f / (2 + f);
  const z = s * s;
  const r = z * (L1 + z * (L2 + z * (L3 + z * (L4 + z * (L5 + z * (L6 + z * L7))))));
  if (k === 0) return f - (halfSquare - s * (halfSquare + r));
  return k * LN2_HIGH - (halfSquare - (s * (halfSquare + r) + (k * LN2_LOW + lost)) - f);
}
