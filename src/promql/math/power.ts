/** x^y, equal to the bit to Go's, which Prometheus computes with: squarings for the whole part of y. */
import { goExp } from "./exp.js";
import { exponentOf, fractionOf, scaleByPower } from "./float-bits.js";
import { goLog } from "./log.js";

export function goPow(x: number, y: number): number {
  // As in IEEE 754-2008, and unlike in JavaScript: 1 to any power, and -1 to an infinite one, is 1.
  if (x === 1 || (x === -1 && (y === Infinity || y === -Infinity))) return 1;
  if (x === 0 || y === 0 || y === 1 || !Number.isFinite(x) || !Number.isFinite(y)) return x ** y;
  // Squares are common, and the same by multiplication unless they are subnormal.
  if (y === 2 && x * x >= 2 ** -1022) return x * x;
  if (y === 0.5) return Math.sqrt(x);
  if (y === -0.5) return 1 / Math.sqrt(x);
  let whole = Math.trunc(Math.abs(y));
  let part = Math.abs(y) - whole;
  if (part !== 0 && x < 0) return Number.NaN;
  if (whole >= 2 ** 63) {
    if (x === -1) return 1;
    return Math.abs(x) < 1 === y > 0 ? 0 : Infinity;
  }
  if (part > 0.5) {
    part--;
    whole++;
  }
  const factor = part === 0 ? 1 : goExp(part * goLog(x));
  return squarings(x, whole, factor, y < 0);
}

/** `factor` × x^whole, or one divided by that. Fractions and powers of two are kept apart. */
function squarings(x: number, whole: number, factor: number, inverse: boolean): number {
  let [value, exponent] = [factor, 0];
  let [base, baseExponent] = [fractionOf(x), exponentOf(x)];
  for (let left = whole; left !== 0; left = Math.floor(left / 2)) {
    if (Math.abs(baseExponent) > 4096) {
      exponent += baseExponent;
      break;
    }
    if (left % 2 === 1) {
      value *= base;
      exponent += baseExponent;
    }
    base *= base;
    baseExponent *= 2;
    if (base < 0.5) {
      base += base;
      baseExponent--;
    }
  }
  return inverse ? scaleByPower(1 / value, -exponent) : scaleByPower(value, exponent);
}
