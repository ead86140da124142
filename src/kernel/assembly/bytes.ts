// Varints, big-endian words, comparing, hashing and UTF-8: the small change of every other file.
import { CTRL, C_SEED } from "./layout";

// @ts-ignore: decorator
@inline
export function storeBE(at: usize, word: u64): void {
  store<u64>(at, bswap<u64>(word));
}
// @ts-ignore: decorator
@inline
export function loadBE(at: usize): u64 {
  return bswap<u64>(load<u64>(at));
}

/** Where the varint that `readVarint` read ended; 0 after a malformed or cut one. */
export let varintEnd: usize = 0;

/** Up to ten bytes, as protobuf and Go write them. Check `varintEnd` before using the result. */
export function readVarint(at: usize, end: usize): u64 {
  let value: u64 = 0;
  let shift: u64 = 0;
  while (at < end && shift < 70) {
    const byte = <u64>load<u8>(at++);
    value |= (byte & 127) << shift;
    if (byte < 128) {
      if (shift == 63 && byte > 1) break; // over 64 bits
      varintEnd = at;
      return value;
    }
    shift += 7;
  }
  varintEnd = 0;
  return 0;
}

export function writeVarint(at: usize, value: u64): usize {
  while (value >= 128) {
    store<u8>(at++, <u8>(value | 128));
    value >>>= 7;
  }
  store<u8>(at++, <u8>value);
  return at;
}
// @ts-ignore: decorator
@inline
export function zigzag(value: i64): u64 {
  return <u64>((value << 1) ^ (value >> 63));
}
// @ts-ignore: decorator
@inline
export function unzigzag(value: u64): i64 {
  return <i64>(value >>> 1) ^ -(<i64>(value & 1));
}

// @ts-ignore: decorator
@inline
export function equalBytes(a: usize, b: usize, length: u32): bool {
  if (length < 16) {
    for (let i: u32 = 0; i < length; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false;
    return true;
  }
  const lastA = a + length - 16;
  const lastB = b + length - 16;
  let difference = v128.xor(v128.load(lastA), v128.load(lastB));
  while (a + 48 <= lastA) {
    const first = v128.or(v128.xor(v128.load(a), v128.load(b)), v128.xor(v128.load(a, 16), v128.load(b, 16)));
    difference = v128.or(difference, v128.or(v128.xor(v128.load(a, 32), v128.load(b, 32)), first));
    a += 48;
    b += 48;
  }
  while (a < lastA) {
    difference = v128.or(difference, v128.xor(v128.load(a), v128.load(b)));
    a += 16;
    b += 16;
  }
  return !v128.any_true(difference);
}

/** Order of bytes, shorter first among equals: the order of label names. */
export function compareBytes(a: usize, aLength: u32, b: usize, bLength: u32): i32 {
  const length = aLength < bLength ? aLength : bLength;
  for (let i: u32 = 0; i < length; i++) {
    const difference = <i32>load<u8>(a + i) - <i32>load<u8>(b + i);
    if (difference) return difference;
  }
  return <i32>aLength - <i32>bLength;
}

const K1: u64 = 0x9e3779b185ebca87;
const K2: u64 = 0xc2b2ae3d27d4eb4f;

/** Four multiply-rotate lanes and the finalizer of MurmurHash3, keyed by the process' seed: 64 bits. */
export function hashBytes(at: usize, length: u32): u64 {
  const seed = load<u64>(CTRL, C_SEED);
  let hash: u64;
  if (length >= 32) {
    let a: u64 = K1 + K2 + seed;
    let b: u64 = K2 ^ seed;
    let c: u64 = seed;
    let d: u64 = seed - K1;
    const last = at + length - 32;
    while (at < last) {
      a = rotl(a ^ load<u64>(at), 29) * K1;
      b = rotl(b ^ load<u64>(at, 8), 29) * K1;
      c = rotl(c ^ load<u64>(at, 16), 29) * K1;
      d = rotl(d ^ load<u64>(at, 24), 29) * K1;
      at += 32;
    }
    a = (a ^ load<u64>(last)) * K1;
    b = (b ^ load<u64>(last, 8)) * K1;
    c = (c ^ load<u64>(last, 16)) * K1;
    d = (d ^ load<u64>(last, 24)) * K1;
    hash = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18) + length;
  } else {
    hash = (K2 ^ seed) + length;
    for (let i: u32 = 0; i < length; i++) hash = rotl((hash ^ load<u8>(at + i)) * K1, 23);
  }
  hash ^= hash >>> 33;
  hash *= K2;
  hash ^= hash >>> 29;
  hash *= K1;
  hash ^= hash >>> 32;
  return hash;
}

/** RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
export function validUtf8(at: usize, length: u32): bool {
  const end = at + length;
  while (at < end) {
    const first = <u32>load<u8>(at);
    if (first < 0x80) {
      at++;
      continue;
    }
    let more: u32;
    let low: u32 = 0x80;
    let high: u32 = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) more = 1;
    else if (first >= 0xe0 && first <= 0xef) {
      more = 2;
      if (first == 0xe0) low = 0xa0;
      else if (first == 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
      more = 3;
      if (first == 0xf0) low = 0x90;
      else if (first == 0xf4) high = 0x8f;
    } else return false;
    if (end - at <= more) return false;
    const second = <u32>load<u8>(at, 1);
    if (second < low || second > high) return false;
    for (let i: u32 = 2; i <= more; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) return false;
    at += more + 1;
  }
  return true;
}
