// Senders of 2.0 repeat the metadata with each series of each request. Hashes of what was seen let all but the
// first go here; JavaScript decodes and keeps the rest.
import {
  COLD_BYTES, COLD_METADATA, CTRL, C_SEEN, NONE, R_COLD, R_SYMBOLS, SEEN_SLOTS, S_LABELS, S_LABELS_LEN,
} from "./layout";
import { hashBytes, readVarint, varintEnd } from "./bytes";
import { COLD_AT, COLD_KIND, COLD_LEN, COLD_REF, coldCount } from "./request";
import { skipField } from "./protobuf";
import { symbolCount } from "./remote-write-2";
import { seriesAt } from "./series";

/** True if `hash` was remembered; remembers it. A full neighbourhood forgets an older one. */
function seenBefore(hash: u64): bool {
  const table = <usize>load<u32>(CTRL, C_SEEN);
  const start = <u32>hash & (SEEN_SLOTS - 1);
  for (let i: u32 = 0; i < 8; i++) {
    const slot = table + (((start + i) & (SEEN_SLOTS - 1)) << 3);
    const there = atomic.load<u64>(slot);
    if (there == hash) return true;
    if (there == 0) {
      atomic.store<u64>(slot, hash);
      return false;
    }
  }
  atomic.store<u64>(table + (start << 3), hash);
  return false;
}

/** Nothing was seen: what a request marked was never stored, and its sender will send it again. */
export function forgetMetadata(): void {
  memory.fill(load<u32>(CTRL, C_SEEN), 0, SEEN_SLOTS << 3);
}

function symbolHash(scratch: usize, symbol: u64): u64 {
  if (symbol >= <u64>symbolCount) return 0;
  const entry = scratch + R_SYMBOLS + (<usize>symbol << 3);
  return hashBytes(load<u32>(entry), load<u32>(entry, 4));
}

/** Of a 2.0 Metadata { 1 type, 3 help_ref, 4 unit_ref } together with its series' metric name. 0: leave it to JavaScript. */
function hashVersion2(scratch: usize, ref: u32, at: usize, end: usize): u64 {
  const series = seriesAt(ref);
  const labels = <usize>load<u32>(series, S_LABELS);
  // sorted labels begin with the metric name unless one begins with an upper-case letter or a digit
  const body = readVarint(labels + 1, labels + load<u32>(series, S_LABELS_LEN));
  const label = varintEnd;
  if (load<u8>(label, 1) != 8 || load<u64>(label, 2) != 0x5f5f656d616e5f5f) return 0;
  let hash = hashBytes(label, <u32>body);
  while (at < end) {
    const tag = load<u8>(at);
    if (tag == 0x08 || tag == 0x18 || tag == 0x20) {
      const value = readVarint(at + 1, end);
      if (!varintEnd) return 0;
      at = varintEnd;
      hash = rotl(hash, 17) ^ (tag == 0x08 ? value + 1 : symbolHash(scratch, value)) * 0x9e3779b185ebca87;
    } else {
      at = skipField(at, end);
      if (!at) return 0;
    }
  }
  return hash;
}

/** Takes metadata that was seen before out of the cold entries. */
export function dropKnownMetadata(scratch: usize, version: u32): void {
  for (let i: u32 = 0; i < coldCount; i++) {
    const cold = scratch + R_COLD + i * COLD_BYTES;
    if (load<u32>(cold, COLD_KIND) != COLD_METADATA) continue;
    const at = <usize>load<u32>(cold, COLD_AT), length = load<u32>(cold, COLD_LEN), ref = load<u32>(cold, COLD_REF);
    if (version == 2 && (length == 0 || ref == NONE)) {
      store<u32>(cold, 0, COLD_KIND);
      continue;
    }
    const hash = version == 1 ? hashBytes(at, length) : hashVersion2(scratch, ref, at, at + length);
    if (hash && seenBefore(hash)) store<u32>(cold, 0, COLD_KIND);
  }
}
