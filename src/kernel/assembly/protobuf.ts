// The protobuf wire format, as far as skipping what is not known needs it.
import { readVarint, varintEnd } from "./bytes";

/** The address behind the field that starts at `at`; 0 where it is malformed or leaves [at, end). */
export function skipField(at: usize, end: usize): usize {
  const tag = readVarint(at, end);
  if (!varintEnd || tag >>> 3 == 0 || tag > 0xffffffff) return 0;
  // A tag in more bytes than it needs could be that of a field that matters: every scan here knows the short one only.
  if (varintEnd > at + 1 && load<u8>(varintEnd - 1) == 0) return 0;
  at = varintEnd;
  const wire = <u32>tag & 7;
  if (wire == 0) {
    readVarint(at, end);
    return varintEnd;
  }
  if (wire == 1) return end - at >= 8 ? at + 8 : 0;
  if (wire == 5) return end - at >= 4 ? at + 4 : 0;
  if (wire != 2) return 0; // groups: no sender of this protocol has them
  const length = readVarint(at, end);
  if (!varintEnd || length > <u64>(end - varintEnd)) return 0;
  return varintEnd + <usize>length;
}

/** What `parseSample` read. Field 3 of a 2.0 sample, the start timestamp, is not stored. */
export let sampleT: i64 = 0;
export let sampleV: u64 = 0;

/** Compacts the 7-bit groups of a six-byte varint, as milliseconds of our era are. */
// @ts-ignore: decorator
@inline
export function sixBytes(word: u64): i64 {
  return <i64>(
    (word & 0x7f) | ((word & 0x7f00) >>> 1) | ((word & 0x7f0000) >>> 2) | ((word & 0x7f000000) >>> 3) |
    ((word & 0x7f00000000) >>> 4) | ((word & 0x7f0000000000) >>> 5)
  );
}

/** The Sample field that starts at `at`, in any legal spelling; the address behind it, 0: malformed. */
export function parseSample(at: usize, end: usize): usize {
  const length = readVarint(at + 1, end);
  if (!varintEnd || length > <u64>(end - varintEnd)) return 0;
  at = varintEnd;
  const stop = at + <usize>length;
  sampleT = 0;
  sampleV = 0;
  while (at < stop) {
    const tag = load<u8>(at);
    if (tag == 0x09) {
      if (stop - at < 9) return 0;
      sampleV = load<u64>(at, 1);
      at += 9;
    } else if (tag == 0x10) {
      sampleT = <i64>readVarint(at + 1, stop);
      if (!varintEnd) return 0;
      at = varintEnd;
    } else {
      at = skipField(at, stop);
      if (!at) return 0;
    }
  }
  return stop;
}
