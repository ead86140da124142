/**
 * Circular functions, equal to the bit to those of Go, which Prometheus computes with: the methods of S. Moshier's
 * Cephes library (sin.c, tan.c, atan.c, asin.c), and for large angles the reduction of M. Payne and R. Hanek.
 */
import { highWord } from "./float-bits.js";

/** π/4 in three parts. */
const PI4_A = 0.7853981256484985;
const PI4_B = 3.774894707930798e-8;
const PI4_C = 2.6951514290790595e-15;
const REDUCED_FROM = 2 ** 29;

/** `octant` is even, but for its bits above the third, which nobody reads; the angle is within ±π/4 of it. */
interface Reduced {
  octant: number;
  angle: number;
}
const reduced: Reduced = { octant: 0, angle: 0 };

/** `x` is not negative. The result is valid until the next call. */
function reduce(x: number): Reduced {
  if (x >= REDUCED_FROM) return reduceLarge(x);
  let octant = Math.trunc(x * 1.2732395447351628);
  if (octant % 2 === 1) octant++;
  reduced.octant = octant & 7;
  reduced.angle = x - octant * PI4_A - octant * PI4_B - octant * PI4_C;
  return reduced;
}

function sinePolynomial(z: number): number {
  const zz = z * z;
  const low = (1.5896230157654656e-10 * zz + -2.5050747762857807e-8) * zz + 0.0000027557313621385722;
  const high = (low * zz + -0.0001984126982958954) * zz + 0.008333333333322118;
  return z + z * zz * (high * zz + -0.1666666666666663);
}

function cosinePolynomial(z: number): number {
  const zz = z * z;
  const low = (-1.1358536521387682e-11 * zz + 2.087570084197473e-9) * zz + -2.755731417929674e-7;
  const high = (low * zz + 0.000024801587288851704) * zz + -0.0013888888888873056;
  return 1 - 0.5 * zz + zz * zz * (high * zz + 0.041666666666666595);
}

export function goSin(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x === 0 ? x : Number.NaN;
  const { octant, angle } = reduce(Math.abs(x));
  const negative = x < 0 !== octant > 3;
  const value = (octant & 3) === 2 ? cosinePolynomial(angle) : sinePolynomial(angle);
  return negative ? -value : value;
}

export function goCos(x: number): number {
  if (!Number.isFinite(x)) return Number.NaN;
  const { octant, angle } = reduce(Math.abs(x));
  const negative = octant > 3 !== (octant & 3) > 1;
  const value = (octant & 3) === 2 ? sinePolynomial(angle) : cosinePolynomial(angle);
  return negative ? -value : value;
}

export function goTan(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x === 0 ? x : Number.NaN;
  const { octant, angle } = reduce(Math.abs(x));
  const zz = angle * angle;
  let value = angle;
  if (zz > 1e-14) {
    const p = zz * ((-13093.693918138379 * zz + 1153516.6483858742) * zz + -17956525.197648488);
    const q =
      (((zz + 13681.296347069296) * zz + -1320892.3444021097) * zz + 25008380.18233579) * zz +
      -53869575.592945464;
    value = angle + angle * (p / q);
  }
  if ((octant & 2) === 2) value = -1 / value;
  return x < 0 ? -value : value;
}

/** The bits of 4/π, from the one of weight 1 on. */
const FOUR_OVER_PI_BITS =
  0x145f306dc9c882a53f84eafa3ea69bb81b6c52b3278872083fca2c757bd778ac36e48dc74849ba5c00c925dd413a32439fc3bd63962534e7dd1046bea5d768909d338e04d68befc827323ac7306a673e93908bf177bf250763ff12fffbc0b301fde5e2316b414da3eda6cfd9e4f96136e9e8c7ecd3cbfd45aea4f758fd7cbe2f67a0e73ef14a525d4d7f6bf623f1aba10ac06608df8f6d757n;
const FOUR_OVER_PI_BIT_COUNT = 19 * 64;
const MASK_64 = (1n << 64n) - 1n;
const bits = new BigUint64Array(1);
const bitsAsFloat = new Float64Array(bits.buffer);

/** The three words of 4/π that decide about octant and fraction, times the mantissa; 128 bits of the product. */
function reduceLarge(x: number): Reduced {
  bitsAsFloat[0] = x;
  const mantissa = (bits[0] & ((1n << 52n) - 1n)) | (1n << 52n);
  const first = ((highWord(x) >>> 20) & 0x7ff) - 1023 - 52 + 61;
  // 64-bit words that begin `first` bits into the digits, of which 63 zeros stand in front.
  const word = (at: number): bigint =>
    (FOUR_OVER_PI_BITS >> BigInt(FOUR_OVER_PI_BIT_COUNT - first - 64 * at)) & MASK_64;
  const middle = word(1) * mantissa + ((word(2) * mantissa) >> 64n);
  const total = (((word(0) * mantissa) << 64n) + middle) & ((1n << 128n) - 1n);
  reduced.octant = Number(total >> 125n);
  const low = total & MASK_64;
  reduced.angle = leadingFraction((total >> 61n) & MASK_64, low);
  if (reduced.octant % 2 === 1) {
    reduced.octant = (reduced.octant + 1) & 7;
    reduced.angle--;
  }
  reduced.angle *= Math.PI / 4;
  return reduced;
}

/**
 * (`high` with the first bits of `low` behind it) / 2^64, cut off behind 53 bits. Go takes the first bits though
 * three of them stand in `high` already.
 */
function leadingFraction(high: bigint, low: bigint): number {
  const length = high.toString(2).length;
  const shift = BigInt(65 - length);
  const kept = (((high << shift) & MASK_64) | (low >> (64n - shift))) >> 12n;
  return (1 + Number(kept) * 2 ** -52) * 2 ** (length - 65);
}

const MORE_BITS = 6.123233995736766e-17;

function atanPolynomial(x: number): number {
  const z = x * x;
  const p =
    (((-0.8750608600031904 * z + -16.157537187333652) * z + -75.00855792314705) * z + -122.88666844901361) *
      z +
    -64.85021904942025;
  const q =
    ((((z + 24.858464901423062) * z + 165.02700983169885) * z + 432.88106049129027) * z + 485.3903996359137) *
      z +
    194.5506571482614;
  return x * ((z * p) / q) + x;
}

/** Of positive numbers. */
function positiveAtan(x: number): number {
  if (x <= 0.66) return atanPolynomial(x);
  if (x > 2.414213562373095) return Math.PI / 2 - atanPolynomial(1 / x) + MORE_BITS;
  return Math.PI / 4 + atanPolynomial((x - 1) / (x + 1)) + 0.5 * MORE_BITS;
}

export function goAtan(x: number): number {
  if (x === 0) return x;
  return x > 0 ? positiveAtan(x) : -positiveAtan(-x);
}

export function goAsin(x: number): number {
  if (x === 0) return x;
  const size = Math.abs(x);
  if (!(size <= 1)) return Number.NaN;
  const other = Math.sqrt(1 - size * size);
  const value = size > 0.7 ? Math.PI / 2 - positiveAtan(other / size) : positiveAtan(size / other);
  return x < 0 ? -value : value;
}

export function goAcos(x: number): number {
  return Math.PI / 2 - goAsin(x);
}

export function goAtan2(y: number, x: number): number {
  // What is not two finite numbers other than zero, IEEE 754 decides.
  if (y === 0 || x === 0 || !Number.isFinite(x) || !Number.isFinite(y)) return Math.atan2(y, x);
  const q = goAtan(y / x);
  if (x > 0) return q;
  return q <= 0 ? q + Math.PI : q - Math.PI;
}
