// CRC32C (Castagnoli), slicing by 16: Intel's "slicing-by-N" tables, built once by the first thread.
import { CTRL, C_CRC } from "./layout";

export const CRC_TABLE_BYTES: u32 = 16 << 10;

export function initCrc(table: usize): void {
  for (let i: u32 = 0; i < 256; i++) {
    let c = i;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    store<u32>(table + (i << 2), c);
  }
  for (let i: u32 = 0; i < 256; i++) {
    let c = load<u32>(table + (i << 2));
    for (let k: u32 = 1; k < 16; k++) {
      c = load<u32>(table + ((c & 255) << 2)) ^ (c >>> 8);
      store<u32>(table + (k << 10) + (i << 2), c);
    }
  }
}

// @ts-ignore: decorator
@inline
function slice(table: usize, word: u32, n: usize): u32 {
  return (
    load<u32>(table + ((word & 255) << 2) + ((n + 3) << 10)) ^
    load<u32>(table + (((word >>> 8) & 255) << 2) + ((n + 2) << 10)) ^
    load<u32>(table + (((word >>> 16) & 255) << 2) + ((n + 1) << 10)) ^
    load<u32>(table + ((word >>> 24) << 2) + (n << 10))
  );
}

/** Continues from `seed`, the checksum of what came before (0: nothing). */
export function crc32c(at: usize, length: u32, seed: u32): u32 {
  const table = <usize>load<u32>(CTRL, C_CRC);
  let c = ~seed;
  const end = at + length;
  while (at + 16 <= end) {
    c = slice(table, load<u32>(at) ^ c, 12) ^ slice(table, load<u32>(at, 4), 8) ^ slice(table, load<u32>(at, 8), 4) ^ slice(table, load<u32>(at, 12), 0);
    at += 16;
  }
  while (at < end) c = load<u32>(table + (((c ^ load<u8>(at++)) & 255) << 2)) ^ (c >>> 8);
  return ~c;
}
