// The shortest decimal that reads back as the same double, the nearest one where there are several: "Schubfach",
// Raffaello Giulietti, The Schubfach way to render doubles (2020), sections 9 and 10. Go's 'f' and 'e' with precision
// -1 and JavaScript's Number::toString give the same digits.
import { P_POWERS, POWER_MIN } from "./layout";

/** Digits and power of ten of what `findShortest` found. */
export let digits: u64 = 0;
export let power: i32 = 0;

/** Of a finite double above zero, by its bits. */
export function findShortest(bits: u64): void {
  const fraction = bits & 0xfffffffffffff;
  const exponent = <i32>(bits >>> 52);
  const c = exponent == 0 ? fraction : fraction | 0x10000000000000;
  const q = (exponent == 0 ? 1 : exponent) - 1075;
  const isEven = (c & 1) == 0;
  // Below a power of two the next double is only half as far.
  const closer = fraction == 0 && exponent > 1;
  // floor(log10(2^q)), or of 3/4 of that
  const k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
  // q + floor(log2(10^-k)) + 1
  const h = q + ((-k * 1741647) >> 19) + 1;
  const at = P_POWERS + (<usize>(-k - POWER_MIN) << 4);
  const high = load<u64>(at);
  const low = load<u64>(at, 8);
  const lower = roundToOdd(high, low, (4 * c - (closer ? 1 : 2)) << h) + u64(!isEven);
  const value = roundToOdd(high, low, (4 * c) << h);
  const upper = roundToOdd(high, low, (4 * c + 2) << h) - u64(!isEven);
  const s = value >>> 2;
  if (s >= 10) {
    const tens = tenth(s);
    const downInside = lower <= 40 * tens;
    const upInside = 40 * tens + 40 <= upper;
    if (downInside != upInside) {
      settle(tens + u64(upInside), k + 1);
      return;
    }
  }
  const downInside = lower <= 4 * s;
  const upInside = 4 * s + 4 <= upper;
  if (downInside != upInside) {
    settle(s + u64(upInside), k);
    return;
  }
  const middle = 4 * s + 2;
  settle(s + u64(value > middle || (value == middle && (s & 1) != 0)), k);
}

/** Leaves trailing zeros to the power. */
function settle(found: u64, k: i32): void {
  while (true) {
    const tens = tenth(found);
    if (tens * 10 != found) break;
    found = tens;
    k++;
  }
  digits = found;
  power = k;
}

/** The upper 64 bits of the 192 of (high, low) * c, with the last bit set where anything was left out. */
function roundToOdd(high: u64, low: u64, c: u64): u64 {
  const carried = highProduct(low, c);
  const middle = high * c + carried;
  const top = highProduct(high, c) + u64(middle < carried);
  return top | u64(middle > 1);
}

/** value / 10, without the division, which takes as long as ten products. */
// @ts-ignore: decorator
@inline
function tenth(value: u64): u64 {
  return highProduct(value, 0xcccccccccccccccd) >>> 3;
}

/** The upper half of a product of 128 bits. */
// @ts-ignore: decorator
@inline
function highProduct(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff;
  const a1 = a >>> 32;
  const b0 = b & 0xffffffff;
  const b1 = b >>> 32;
  const middle = a1 * b0 + ((a0 * b0) >>> 32);
  return a1 * b1 + (middle >>> 32) + ((a0 * b1 + (middle & 0xffffffff)) >>> 32);
}
