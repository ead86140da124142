/**
 * Hyperbolic functions, equal to the bit to those of Go, which Prometheus computes with: the methods of J. Hart and
 * E. Cheney, "Computer Approximations" (sinh, no. 2029), Cephes' tanh.c, and FreeBSD's msun for the inverse ones.
 */
import { goExp } from "./exp.js";
import { goLog, goLog1p } from "./log.js";

export function goSinh(x: number): number {
  const size = Math.abs(x);
  if (size > 21) return Math.sign(x) * (goExp(size) * 0.5);
  if (x === 0) return x;
  if (size > 0.5) {
    const e = goExp(size);
    return Math.sign(x) * ((e - 1 / e) * 0.5);
  }
  const square = size * size;
  const p =
    ((-26.30563213397497 * square + -2894.211355989564) * square + -89912.72022039509) * square +
    -630767.3640497717;
  const q = ((square + -173.6789535582337) * square + 15215.17378790019) * square + -630767.3640497717;
  const value = (p * size) / q;
  return x < 0 ? -value : value;
}

export function goCosh(x: number): number {
  const e = goExp(Math.abs(x));
  return Math.abs(x) > 21 ? e * 0.5 : (e + 1 / e) * 0.5;
}

export function goTanh(x: number): number {
  const size = Math.abs(x);
  if (size > 0.5 * 88.02969193111305) return x < 0 ? -1 : 1;
  if (size >= 0.625) {
    const value = 1 - 2 / (goExp(2 * size) + 1);
    return x < 0 ? -value : value;
  }
  if (x === 0) return x;
  const s = x * x;
  const p = (-0.9643991794250523 * s + -99.28772310019185) * s + -1614.6876844170845;
  const q = ((s + 112.81167849163293) * s + 2235.4883906010045) * s + 4844.063053251255;
  return x + (x * s * p) / q;
}

export function goAsinh(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const size = Math.abs(x);
  const value = positiveAsinh(size);
  return x < 0 ? -value : value;
}

function positiveAsinh(x: number): number {
  if (x > 2 ** 28) return goLog(x) + Math.LN2;
  if (x > 2) return goLog(2 * x + 1 / (Math.sqrt(x * x + 1) + x));
  return x < 2 ** -28 ? x : goLog1p(x + (x * x) / (1 + Math.sqrt(1 + x * x)));
}

export function goAcosh(x: number): number {
  if (!(x > 1)) return x === 1 ? 0 : Number.NaN;
  if (x >= 2 ** 28) return goLog(x) + Math.LN2;
  if (x > 2) return goLog(2 * x - 1 / (x + Math.sqrt(x * x - 1)));
  const t = x - 1;
  return goLog1p(t + Math.sqrt(2 * t + t * t));
}

export function goAtanh(x: number): number {
  if (x === 0) return x;
  const size = Math.abs(x);
  if (!(size < 1)) return size === 1 ? x * Infinity : Number.NaN;
  const value = positiveAtanh(size);
  return x < 0 ? -value : value;
}

function positiveAtanh(x: number): number {
  if (x < 2 ** -28) return x;
  if (x >= 0.5) return 0.5 * goLog1p((x + x) / (1 - x));
  const twice = x + x;
  return 0.5 * goLog1p(twice + (twice * x) / (1 - x));
}
