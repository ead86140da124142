import type { BitReader } from "./bit-reader.js";
import type { BitWriter } from "./bit-writer.js";

/**
 * Variable-width integers of Prometheus' histogram chunks: a unary size class, then as many bits as the class
 * has. Class 0 is the number 0; 64 bits is the last.
 */
const CLASS_BITS: readonly number[] = [0, 3, 6, 9, 12, 18, 25, 56, 64];
const CLASS_LAST = 8;
const TWO_32 = 0x1_0000_0000;

/** Whole number, at most 2^53 in magnitude. A class of n bits holds -(2^(n-1) - 1) … 2^(n-1). */
export function writeVarbitInt(writer: BitWriter, value: number): void {
  let sizeClass = 0;
  if (value !== 0) {
    sizeClass = 1;
    while (sizeClass < CLASS_LAST && !fitsSigned(value, CLASS_BITS[sizeClass])) sizeClass++;
  }
  writeClass(writer, sizeClass, value);
}

/** Whole number from 0 to 2^64; exact to 2^53. */
export function writeVarbitUint(writer: BitWriter, value: number): void {
  let sizeClass = 0;
  if (value !== 0) {
    sizeClass = 1;
    while (sizeClass < CLASS_LAST && value >= 2 ** CLASS_BITS[sizeClass]) sizeClass++;
  }
  writeClass(writer, sizeClass, value);
}

function fitsSigned(value: number, bits: number): boolean {
  const half = 2 ** (bits - 1);
  return value > -half && value <= half;
}

function writeClass(writer: BitWriter, sizeClass: number, value: number): void {
  if (sizeClass === CLASS_LAST) writer.write(0xff, 8);
  else writer.write((1 << (sizeClass + 1)) - 2, sizeClass + 1);
  if (sizeClass > 0) writer.write64(Math.floor(value / TWO_32) | 0, value | 0, CLASS_BITS[sizeClass]);
}

export function readVarbitInt(reader: BitReader): number {
  const bits = CLASS_BITS[reader.ones(CLASS_LAST)];
  if (bits === 0) return 0;
  if (bits <= 25) {
    const raw = reader.read(bits);
    return raw > 1 << (bits - 1) ? raw - (1 << bits) : raw;
  }
  if (bits === 64) {
    const high = reader.read(32) | 0;
    return high * TWO_32 + reader.read(32);
  }
  const high = reader.read(bits - 32);
  const low = reader.read(32);
  const half = 2 ** (bits - 33);
  // The sign goes to the upper word, so that no sum leaves the exact range of doubles.
  const negative = high > half || (high === half && low > 0);
  return (negative ? high - 2 * half : high) * TWO_32 + low;
}

export function readVarbitUint(reader: BitReader): number {
  const bits = CLASS_BITS[reader.ones(CLASS_LAST)];
  if (bits === 0) return 0;
  if (bits <= 25) return reader.read(bits);
  return reader.read(bits - 32) * TWO_32 + reader.read(32);
}
