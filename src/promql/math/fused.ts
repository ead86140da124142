/**
 * a × b + c rounded once, which processors have an instruction for and JavaScript has not. Products are taken apart
 * after Dekker, sums after Knuth; rounding to odd before the last addition makes it right in every case (Boldo and
 * Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008).
 */
import { isOdd, neighbour } from "./float-bits.js";

const SPLITTER = 2 ** 27 + 1;

/** For operands whose product is far from the largest and the smallest numbers. */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  const product = a * b;
  const [aHigh, bHigh] = [high(a), high(b)];
  const [aLow, bLow] = [a - aHigh, b - bHigh];
  const rest = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
  const upper = c + rest;
  const upperRest = sumRest(c, rest, upper);
  const total = product + upper;
  const totalRest = sumRest(product, upper, total);
  return total + sumToOdd(totalRest, upperRest);
}

function high(x: number): number {
  const scaled = x * SPLITTER;
  return scaled - (scaled - x);
}

/** What `sum` = a + b lost by rounding. */
function sumRest(a: number, b: number, sum: number): number {
  const bPart = sum - a;
  return a - (sum - bPart) + (b - bPart);
}

/** a + b; where that is not exact, the neighbouring float whose last bit is set. */
function sumToOdd(a: number, b: number): number {
  const sum = a + b;
  const rest = sumRest(a, b, sum);
  if (rest === 0 || isOdd(sum)) return sum;
  return neighbour(sum, rest > 0 === sum > 0 ? 1 : -1);
}
