// Snappy block format (google/snappy format_description.txt), decoding only.
// Reads up to 64 bytes past the input and writes up to 64 past the output: both lie inside the memory.
import { CTRL, C_CRC, ERR_SNAPPY, ERR_TOO_LARGE, SNAPPY_TABLE } from "./layout";
import { readVarint, varintEnd } from "./bytes";

/** Bytes written at `target`, or ERR_SNAPPY; ERR_TOO_LARGE where more than `max` are declared. */
export function snappyDecode(source: usize, length: u32, target: usize, max: u32): i32 {
  const end = source + length;
  const declared = readVarint(source, end);
  if (!varintEnd || varintEnd > source + 5 || declared > 0xffffffff) return ERR_SNAPPY;
  if (declared > <u64>max) return ERR_TOO_LARGE;
  let p = varintEnd;
  let d = target;
  const targetEnd = target + <usize>declared;
  const table = <usize>load<u32>(CTRL, C_CRC) + SNAPPY_TABLE;
  while (p < end) {
    const tag = <u32>load<u8>(p);
    if (tag & 3) {
      // No branch depends on the kind of copy. Where the next tag lies does not wait for the table.
      const kind = tag & 3;
      const extra = kind + (kind & (kind >>> 1));
      const entry = <u32>load<u16>(table + (tag << 1));
      const n = entry & 0xff;
      const offset = (entry & 0xff00) + (load<u32>(p, 1) & <u32>((<u64>1 << (extra << 3)) - 1));
      p += 1 + extra;
      if (offset == 0 || offset > <u32>(d - target) || n > <u32>(targetEnd - d)) return ERR_SNAPPY;
      const s = d - offset;
      if (offset >= 16) {
        v128.store(d, v128.load(s));
        v128.store(d, v128.load(s, 16), 16);
        if (n > 32) {
          v128.store(d, v128.load(s, 32), 32);
          v128.store(d, v128.load(s, 48), 48);
        }
      } else repeatCopy(s, d, n, offset);
      d += n;
    } else {
      let n = (tag >>> 2) + 1;
      p++;
      if (n <= 16) {
        if (n > <u32>(targetEnd - d) || p + n > end) return ERR_SNAPPY;
        v128.store(d, v128.load(p));
      } else {
        if (n > 60) {
          const extra = n - 60;
          if (p + extra > end) return ERR_SNAPPY;
          n = (load<u32>(p) & (0xffffffff >>> (32 - (extra << 3)))) + 1;
          p += extra;
        }
        if (n == 0 || n > <u32>(targetEnd - d) || n > <u32>(end - p)) return ERR_SNAPPY;
        for (let i: u32 = 0; i < n; i += 16) v128.store(d + i, v128.load(p + i));
      }
      d += n;
      p += n;
    }
  }
  return d == targetEnd && p == end ? <i32>declared : ERR_SNAPPY;
}

/** For each copy tag {length: bits 0-7, high bits of the offset: 8-10} (u16). */
export function initSnappy(table: usize): void {
  for (let tag: u32 = 0; tag < 256; tag++) {
    const high = tag >>> 2;
    let entry: u32 = 0;
    if ((tag & 3) == 1) entry = ((high >>> 3) << 8) | ((high & 7) + 4);
    else if (tag & 3) entry = high + 1;
    store<u16>(table + (tag << 1), <u16>entry);
  }
}

/** A copy that overlaps itself: the pattern doubles until sixteen bytes at a time are safe. */
function repeatCopy(source: usize, target: usize, length: u32, offset: u32): void {
  let left = <i32>length;
  while (offset < 16 && left > 0) {
    v128.store(target, v128.load(source));
    target += offset;
    left -= <i32>offset;
    offset <<= 1;
  }
  while (left > 0) {
    v128.store(target, v128.load(source));
    target += 16;
    source += 16;
    left -= 16;
  }
}
