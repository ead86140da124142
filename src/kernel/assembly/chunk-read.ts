// Reading XOR chunks (encoding 1) back.
import { R_DECODE_T, R_DECODE_V, DECODE_MAX } from "./layout";
import { loadBE, readVarint, unzigzag, varintEnd } from "./bytes";

// @ts-ignore: decorator
@inline
function peek(base: usize, bit: u32): u64 {
  return loadBE(base + (bit >>> 3)) << (bit & 7); // at least 57 valid bits
}

/** `n` bits (1 … 64) from bit `bit`. */
// @ts-ignore: decorator
@inline
function take(base: usize, bit: u32, n: u32): u64 {
  if (n <= 57) return peek(base, bit) >>> (64 - n);
  const high: u32 = n - 32;
  return ((peek(base, bit) >>> (64 - high)) << 32) | (peek(base, bit + high) >>> 32);
}

/**
 * Decodes a whole chunk of `length` bytes into f64 timestamps and raw values; up to `max` samples.
 * Returns the number of samples. Reads up to 8 bytes past the end; a damaged chunk ends early.
 */
export function decodeChunk(at: usize, length: u32, outT: usize, outV: usize, max: u32): u32 {
  if (length < 11) return 0;
  const end = at + length;
  const n = min<u32>(<u32>bswap<u16>(load<u16>(at)), max);
  if (n == 0) return 0;
  let t = unzigzag(readVarint(at + 2, end));
  if (!varintEnd) return 0;
  let v = loadBE(varintEnd);
  store<f64>(outT, <f64>t);
  store<u64>(outV, v);
  if (n == 1) return 1;
  let delta = <i64>readVarint(varintEnd + 8, end + 8);
  if (!varintEnd) return 1;
  const base = varintEnd;
  const bitEnd: u32 = base > end ? 0 : <u32>(end - base) << 3;
  let bit: u32 = 0, trail: u32 = 0, width: u32 = 0;
  let i: u32 = 1;
  while (true) {
    if (bit >= bitEnd) return i;
    if (i > 1) {
      const w = peek(base, bit);
      if (!(w >>> 63)) bit += 1;
      else if (!((w >>> 62) & 1)) {
        let dod = <i64>((w >>> 48) & 0x3fff);
        if (dod > 8192) dod -= 16384;
        delta += dod;
        bit += 16;
      } else if (!((w >>> 61) & 1)) {
        let dod = <i64>((w >>> 44) & 0x1ffff);
        if (dod > 65536) dod -= 131072;
        delta += dod;
        bit += 20;
      } else if (!((w >>> 60) & 1)) {
        let dod = <i64>((w >>> 40) & 0xfffff);
        if (dod > 524288) dod -= 1048576;
        delta += dod;
        bit += 24;
      } else {
        delta += <i64>take(base, bit + 4, 64);
        bit += 68;
      }
    }
    t += delta;
    const w = peek(base, bit);
    if (!(w >>> 63)) bit += 1;
    else {
      if ((w >>> 62) & 1) {
        const lead = <u32>(w >>> 57) & 31;
        width = <u32>(w >>> 51) & 63;
        if (!width) width = 64;
        if (lead + width > 64) return i;
        trail = 64 - lead - width;
        bit += 13;
      } else bit += 2;
      if (!width) return i;
      v ^= take(base, bit, width) << trail;
      bit += width;
    }
    store<f64>(outT + (i << 3), <f64>t);
    store<u64>(outV + (i << 3), v);
    if (++i == n) return n;
  }
}

/** What `searchChunk` found. */
export const FOUND_NOTHING: u32 = 0;
export const FOUND_SAME: u32 = 1;
export const FOUND_OTHER: u32 = 2;

/** Whether a chunk holds timestamp `t`, and with which value. */
export function searchChunk(scratch: usize, at: usize, length: u32, t: i64, v: u64): u32 {
  const n = decodeChunk(at, length, scratch + R_DECODE_T, scratch + R_DECODE_V, DECODE_MAX);
  let low: u32 = 0, high = n;
  const wanted = <f64>t;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<f64>(scratch + (middle << 3), R_DECODE_T) < wanted) low = middle + 1;
    else high = middle;
  }
  if (low == n || load<f64>(scratch + (low << 3), R_DECODE_T) != wanted) return FOUND_NOTHING;
  return load<u64>(scratch + (low << 3), R_DECODE_V) == v ? FOUND_SAME : FOUND_OTHER;
}
