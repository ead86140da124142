// Chunks that lie in files: checked and decoded from a copy in a query scratch.
import { Q_DATA, Q_T, Q_V } from "./layout";
import { decodeChunk } from "./chunk-read";
import { crc32c } from "./crc32c";
import { ENC_XOR } from "./chunk-append";

/**
 * Decodes a chunk of `length` bytes at Q_DATA, encoding byte first, to Q_T (f64) and Q_V (raw). Returns how many
 * samples; below zero where the checksum is another one, or the bytes are not a XOR chunk of ascending times.
 */
export function decodeChecked(scratch: usize, length: u32, checksum: u32): i32 {
  const at = scratch + Q_DATA;
  if (length < 12 || crc32c(at, length, 0) != checksum || load<u8>(at) != ENC_XOR) return -1;
  const total = <u32>bswap<u16>(load<u16>(at + 1));
  const t = scratch + Q_T;
  if (decodeChunk(at + 1, length - 1, t, scratch + Q_V, total) != total) return -1;
  for (let i: u32 = 1; i < total; i++) {
    if (load<f64>(t + (i << 3)) <= load<f64>(t + (i << 3) - 8)) return -1;
  }
  return <i32>total;
}
