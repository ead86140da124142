/**
 * Snappy's block format: a varint of the length, then literals and copies
 * (format: google/snappy `format_description.txt`). In JavaScript, for what is off the hot path and for the
 * benchmarks, so that neither needs an addon. Write requests are decompressed by the kernel.
 *
 * When compressing, input is cut into blocks of 64 KiB, so a copy's offset always fits 16 bits. Matches are found by a hash of the
 * next four bytes; where nothing matches, the search takes longer and longer steps.
 */
const BLOCK_BYTES = 65_536;
const HASH_BITS = 14;
const HASH_MULTIPLIER = 0x1e35a7bd;
/** A match is not looked for this near to a block's end: four bytes can then always be read. */
const TAIL_BYTES = 15;
/** The search lengthens its step by one byte every so many misses. */
const MISSES_PER_STEP = 32;

const table = new Uint16Array(1 << HASH_BITS);

/** The most bytes that `length` bytes can become. */
export function compressedBytesMax(length: number): number {
  return 32 + length + Math.floor(length / 6);
}

/** Writes `source` compressed to `target` and returns how many bytes that took.
 * `target` has room for `compressedBytesMax(source.length)`. */
export function compress(source: Uint8Array, target: Uint8Array): number {
  let out = writeVarint(target, 0, source.length);
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  for (let start = 0; start < source.length; start += BLOCK_BYTES) {
    out = compressBlock(source, view, start, Math.min(source.length, start + BLOCK_BYTES), target, out);
  }
  return out;
}

function compressBlock(
  source: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  target: Uint8Array,
  outStart: number,
): number {
  let out = outStart;
  let literal = start;
  const searchEnd = end - TAIL_BYTES;
  let at = start + 1;
  if (at < searchEnd) table.fill(0);
  while (at < searchEnd) {
    let candidate = 0;
    let misses = MISSES_PER_STEP;
    let found = false;
    while (at < searchEnd) {
      const word = view.getUint32(at, true);
      const slot = Math.imul(word, HASH_MULTIPLIER) >>> (32 - HASH_BITS);
      candidate = start + table[slot];
      table[slot] = at - start;
      if (view.getUint32(candidate, true) === word && candidate < at) {
        found = true;
        break;
      }
      at += misses >>> 5;
      misses++;
    }
    if (!found) break;
    out = writeLiteral(source, literal, at, target, out);
    const matched = matchLength(source, view, candidate, at, end);
    out = writeCopies(target, out, at - candidate, matched);
    at += matched;
    literal = at;
    if (at < searchEnd) {
      const slot = Math.imul(view.getUint32(at - 1, true), HASH_MULTIPLIER) >>> (32 - HASH_BITS);
      table[slot] = at - 1 - start;
    }
  }
  return writeLiteral(source, literal, end, target, out);
}

/** How far the bytes at `candidate` and `at` agree; at least four. */
function matchLength(source: Uint8Array, view: DataView, candidate: number, at: number, end: number): number {
  let left = candidate + 4;
  let right = at + 4;
  while (right + 4 <= end && view.getUint32(left, true) === view.getUint32(right, true)) {
    left += 4;
    right += 4;
  }
  while (right < end && source[left] === source[right]) {
    left++;
    right++;
  }
  return right - at;
}

function writeLiteral(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): number {
  const length = to - from;
  if (length === 0) return at;
  let out = at;
  if (length <= 60) target[out++] = (length - 1) << 2;
  else if (length <= 256) {
    target[out++] = 60 << 2;
    target[out++] = length - 1;
  } else {
    target[out++] = 61 << 2;
    target[out++] = (length - 1) & 255;
    target[out++] = (length - 1) >>> 8;
  }
  if (length < 64) for (let i = from; i < to; i++) target[out++] = source[i];
  else {
    target.set(source.subarray(from, to), out);
    out += length;
  }
  return out;
}

/** A copy is 1–64 bytes long; the two-byte form takes 4–11 bytes from less than 2,048 back. */
function writeCopies(target: Uint8Array, at: number, offset: number, matched: number): number {
  let out = at;
  let length = matched;
  while (length > 0) {
    // Never leaves a rest that is too short for the two-byte form.
    const part = length <= 64 ? length : length < 68 ? 60 : 64;
    if (part >= 4 && part <= 11 && offset < 2048) {
      target[out++] = 1 | ((part - 4) << 2) | ((offset >>> 8) << 5);
      target[out++] = offset & 255;
    } else {
      target[out++] = 2 | ((part - 1) << 2);
      target[out++] = offset & 255;
      target[out++] = offset >>> 8;
    }
    length -= part;
  }
  return out;
}

/** `source` compressed, in an array of its own. */
export function snappyCompress(source: Uint8Array): Uint8Array {
  const target = new Uint8Array(compressedBytesMax(source.length));
  return target.slice(0, compress(source, target));
}

/**
 * `source` decompressed; null where it is not snappy, or declares more than `bytesMax`. Memory is taken for what is
 * declared, so `bytesMax` is what it may cost: an element of two bytes stands for 64 at most.
 */
export function snappyUncompressOrNull(source: Uint8Array, bytesMax: number): Uint8Array | null {
  let declared = 0;
  let at = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = source[at++];
    if (byte === undefined || shift > 28) return null;
    declared += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  if (declared > bytesMax || declared > (source.length + 1) * 64) return null;
  const target = new Uint8Array(declared);
  let out = 0;
  while (at < source.length) {
    const tag = source[at++];
    const kind = tag & 3;
    let length = (tag >>> 2) + 1;
    if (kind === 0) {
      if (length > 60) {
        const extra = length - 60;
        if (at + extra > source.length) return null;
        length = readLittleEndian(source, at, extra) + 1;
        at += extra;
      }
      if (length > source.length - at || length > declared - out) return null;
      target.set(source.subarray(at, at + length), out);
      at += length;
    } else {
      const extra = kind === 3 ? 4 : kind;
      if (at + extra > source.length) return null;
      let offset = readLittleEndian(source, at, extra);
      at += extra;
      if (kind === 1) {
        length = ((tag >>> 2) & 7) + 4;
        offset += (tag >>> 5) << 8;
      }
      if (offset === 0 || offset > out || length > declared - out) return null;
      for (let i = 0; i < length; i++) target[out + i] = target[out + i - offset];
    }
    out += length;
  }
  return out === declared ? target : null;
}

function readLittleEndian(source: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 256 + source[at + i];
  return value;
}

function writeVarint(target: Uint8Array, at: number, value: number): number {
  let out = at;
  let rest = value;
  while (rest > 127) {
    target[out++] = (rest & 127) | 128;
    rest = Math.floor(rest / 128);
  }
  target[out++] = rest;
  return out;
}
