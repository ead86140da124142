// Reading one series while it is being written. The writer's stripe is a sequence lock: what is needed is copied
// to the reader's scratch, and copied again if a writer came by; only after many tries the lock is taken.
// Pointers read on the way may be torn by a writer, so each is checked against the memory's size before use.
import {
  NF_COLLECTED, NF_OUT_OF_ORDER, H_BYTES, H_LEN, H_NEXT, H_T, NODE_BYTES, N_DATA, N_ENC, N_LEN, N_MAXT, N_MINT, N_NEXT, N_NUM, N_OOO, Q_COUNT, Q_DATA, Q_DATA_BYTES,
  Q_DATA_MAX, Q_DESC, Q_DESC_MAX, Q_HISTOGRAMS, Q_MISSING, Q_SAMPLES_MAX, Q_T, Q_TMP, Q_V, S_ACC, S_CHUNK, S_EXT, S_LABELS_LEN, S_NB, S_NUM, S_T, S_WP,
  X_CHUNKS, X_HIST, X_OOO, X_OOO_COUNT,
} from "./layout";
import { readVarint, storeBE, unzigzag } from "./bytes";
import { decodeChunk } from "./chunk-read";
import { lockStripe, stripeOf, unlockStripe, pause } from "./memory";
import { seriesAt } from "./series";
import { ENC_XOR } from "./chunk-append";

/** Descriptor encodings beside the chunk encodings. */
const ENC_HISTOGRAM_SAMPLE: u8 = 0;
const ENC_BUFFER: u8 = 255; // the out-of-order buffer: {i64 t, u64 v}[]

const TRIES_MAX = 200;
/** Results of `snapshot` below zero. */
const TORN: i32 = -1;
const FULL: i32 = -2;

let memoryEnd: u64 = 0;
let count: u32 = 0;
let dataBytes: u32 = 0;

/**
 * Copies everything of series `ref` that may hold samples in [mint, maxt] to the scratch: descriptors and bytes.
 * Returns 0, or FULL: ask for a shorter range. Q_MISSING descriptors lie only in the log: the caller fills them.
 */
export function snapshot(scratch: usize, ref: u32, mint: f64, maxt: f64): i32 {
  const stripe = stripeOf(ref);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const seen = atomic.load<u32>(stripe);
    if (seen & 1) {
      if (tries > 20) pause(stripe, seen, 20);
      continue;
    }
    const outcome = copySeries(scratch, ref, <i64>mint, <i64>maxt);
    if (atomic.load<u32>(stripe) == seen && outcome != TORN) return outcome;
  }
  lockStripe(stripe);
  const outcome = copySeries(scratch, ref, <i64>mint, <i64>maxt);
  unlockStripe(stripe);
  return outcome;
}

// @ts-ignore: decorator
@inline
function inside(at: usize, length: u32): bool {
  return at >= 0x1000 && <u64>at + length <= memoryEnd;
}

function copySeries(scratch: usize, ref: u32, mint: i64, maxt: i64): i32 {
  memoryEnd = <u64>(<u32>memory.size()) << 16;
  count = 0;
  dataBytes = 0;
  memory.fill(scratch + Q_COUNT, 0, 16);
  const series = seriesAt(ref);
  const ext = <usize>load<u32>(series, S_EXT);
  if (ext) {
    if (!inside(ext, 64)) return TORN;
    const outcome = copyExtension(scratch, ext, mint, maxt);
    if (outcome) return outcome;
  }
  const outcome = copyOpenChunk(scratch, series, mint, maxt);
  store<u32>(scratch, count, Q_COUNT);
  store<u32>(scratch, dataBytes, Q_DATA_BYTES);
  return outcome;
}

/** A new descriptor with room for `length` bytes of data; 0: the scratch is full. */
function describe(scratch: usize, encoding: u8, samples: u32, mint: i64, maxt: i64, length: u32): usize {
  if (count >= Q_DESC_MAX || length > Q_DATA_MAX || dataBytes + length + 16 > Q_DATA_MAX) return 0;
  const desc = scratch + Q_DESC + count * NODE_BYTES;
  memory.fill(desc, 0, NODE_BYTES);
  store<u32>(desc, <u32>(scratch + Q_DATA + dataBytes), N_DATA);
  store<u32>(desc, length, N_LEN);
  store<u8>(desc, encoding, N_ENC);
  store<u16>(desc, <u16>samples, N_NUM);
  store<i64>(desc, mint, N_MINT);
  store<i64>(desc, maxt, N_MAXT);
  dataBytes += (length + 15) & ~7;
  count++;
  return desc;
}

// @ts-ignore: decorator
@inline
function bump(scratch: usize, word: usize): void {
  store<u32>(scratch + word, load<u32>(scratch + word) + 1);
}

/** Describes a chunk node and copies its bytes where memory has them. 0, TORN or FULL. */
function copyNode(scratch: usize, node: usize): i32 {
  const length = load<u32>(node, N_LEN);
  const data = <usize>load<u32>(node, N_DATA);
  if (data && !inside(data, length)) return TORN;
  const desc = describe(scratch, 0, 0, 0, 0, length);
  if (!desc) return FULL;
  const target = load<u32>(desc, N_DATA);
  memory.copy(desc, node, NODE_BYTES);
  if (data) {
    store<u32>(desc, target, N_DATA);
    memory.copy(target, data, length);
  } else {
    store<u32>(desc, target, N_NEXT); // where the caller puts the bytes
    bump(scratch, Q_MISSING);
  }
  if (load<u8>(desc, N_ENC) != ENC_XOR) bump(scratch, Q_HISTOGRAMS);
  return 0;
}

/**
 * Describes the closed chunks of `ref` that lie wholly in [mint, maxt], as `snapshot` does, and marks them as
 * collected: `dropCollected` takes exactly these away. 0, or FULL. Takes the stripe's lock.
 */
export function collectChunks(scratch: usize, ref: u32, mint: f64, maxt: f64): i32 {
  memoryEnd = <u64>(<u32>memory.size()) << 16;
  count = 0;
  dataBytes = 0;
  memory.fill(scratch + Q_COUNT, 0, 16);
  const ext = <usize>load<u32>(seriesAt(ref), S_EXT);
  if (!ext) return 0;
  const stripe = stripeOf(ref);
  lockStripe(stripe);
  let outcome: i32 = 0;
  for (let node = <usize>load<u32>(ext, X_CHUNKS); node && !outcome; node = load<u32>(node, N_NEXT)) {
    if (load<i64>(node, N_MINT) < <i64>mint || load<i64>(node, N_MAXT) > <i64>maxt) continue;
    outcome = copyNode(scratch, node);
    if (!outcome) store<u8>(node, load<u8>(node, N_OOO) | NF_COLLECTED, N_OOO);
  }
  unlockStripe(stripe);
  store<u32>(scratch, count, Q_COUNT);
  store<u32>(scratch, dataBytes, Q_DATA_BYTES);
  return outcome;
}

function copyExtension(scratch: usize, ext: usize, mint: i64, maxt: i64): i32 {
  let node = <usize>load<u32>(ext, X_CHUNKS);
  let steps: u32 = 0;
  while (node) {
    if (!inside(node, NODE_BYTES) || ++steps > 1 << 22) return TORN;
    if (load<i64>(node, N_MAXT) >= mint && load<i64>(node, N_MINT) <= maxt) {
      const outcome = copyNode(scratch, node);
      if (outcome) return outcome;
    }
    node = load<u32>(node, N_NEXT);
  }
  const buffered = <u32>load<u16>(ext, X_OOO_COUNT);
  if (buffered) {
    const buffer = <usize>load<u32>(ext, X_OOO);
    if (!inside(buffer, buffered << 4)) return TORN;
    const desc = describe(scratch, ENC_BUFFER, buffered, load<i64>(buffer), load<i64>(buffer + ((buffered - 1) << 4)), buffered << 4);
    if (!desc) return FULL;
    store<u8>(desc, 1, N_OOO);
    memory.copy(load<u32>(desc, N_DATA), buffer, buffered << 4);
  }
  steps = 0;
  for (let h = <usize>load<u32>(ext, X_HIST); h; h = load<u32>(h, H_NEXT)) {
    if (!inside(h, <u32>H_BYTES) || ++steps > 1 << 16) return TORN;
    const t = load<i64>(h, H_T);
    const length = load<u32>(h, H_LEN);
    if (!inside(h, <u32>H_BYTES + length)) return TORN;
    const desc = describe(scratch, ENC_HISTOGRAM_SAMPLE, 1, t, t, length);
    if (!desc) return FULL;
    memory.copy(load<u32>(desc, N_DATA), h + H_BYTES, length);
    bump(scratch, Q_HISTOGRAMS);
  }
  return 0;
}

function copyOpenChunk(scratch: usize, series: usize, mint: i64, maxt: i64): i32 {
  const samples = <u32>load<u16>(series, S_NUM);
  if (!samples || load<i64>(series, S_T) < mint) return 0;
  const bytes = <usize>load<u32>(series, S_CHUNK);
  const stored = <u32>load<u16>(series, S_WP);
  if (!inside(bytes, stored + 16)) return TORN;
  const first = unzigzag(readVarint(bytes + 2, bytes + 12));
  if (first > maxt) return 0;
  const length = stored + ((<u32>load<u8>(series, S_NB) + 7) >>> 3);
  const desc = describe(scratch, ENC_XOR, samples, first, load<i64>(series, S_T), stored + 8);
  if (!desc) return FULL;
  const target = <usize>load<u32>(desc, N_DATA);
  memory.copy(target, bytes, stored);
  storeBE(target + stored, load<u64>(series, S_ACC));
  store<u16>(target, bswap<u16>(<u16>samples));
  store<u32>(desc, length, N_LEN);
  return 0;
}

/**
 * Decodes the float samples of the last snapshot that lie in [mint, maxt] to Q_T (f64) and Q_V (raw), sorted and
 * unique; of equal timestamps the one that arrived in order wins. Returns their number, FULL: too many.
 */
export function decodeFloats(scratch: usize, mint: f64, maxt: f64): i32 {
  const described = load<u32>(scratch, Q_COUNT);
  let n: u32 = 0;
  let late = false;
  for (let i: u32 = 0; i < described; i++) {
    const desc = scratch + Q_DESC + i * NODE_BYTES;
    if (load<u8>(desc, N_OOO) & NF_OUT_OF_ORDER) late = true;
    else if (load<u8>(desc, N_ENC) == ENC_XOR) {
      if (n + load<u16>(desc, N_NUM) > Q_SAMPLES_MAX) return FULL;
      const run = scratch + Q_T + (n << 3);
      const m = decodeChunk(load<u32>(desc, N_DATA), load<u32>(desc, N_LEN), run, scratch + Q_V + (n << 3), 65535);
      // Chunks follow each other, unless replay met the records of requests that overtook one another.
      if (n && m && load<f64>(run) <= load<f64>(run - 8)) n = mergeRun(scratch, n, m);
      else n += m;
    }
  }
  if (late) {
    for (let i: u32 = 0; i < described; i++) {
      const desc = scratch + Q_DESC + i * NODE_BYTES;
      if (!(load<u8>(desc, N_OOO) & NF_OUT_OF_ORDER)) continue;
      const samples = <u32>load<u16>(desc, N_NUM);
      if (n + samples > Q_SAMPLES_MAX) return FULL;
      n = mergeRun(scratch, n, decodeRun(scratch, desc, n));
    }
  }
  return trim(scratch, n, mint, maxt);
}

/** Decodes an out-of-order chunk or the buffer behind the first `n` samples; returns how many. */
function decodeRun(scratch: usize, desc: usize, n: u32): u32 {
  const t = scratch + Q_T + (n << 3), v = scratch + Q_V + (n << 3);
  const data = <usize>load<u32>(desc, N_DATA);
  if (load<u8>(desc, N_ENC) == ENC_XOR) return decodeChunk(data, load<u32>(desc, N_LEN), t, v, 65535);
  if (load<u8>(desc, N_ENC) != ENC_BUFFER) return 0;
  const samples = <u32>load<u16>(desc, N_NUM);
  for (let i: u32 = 0; i < samples; i++) {
    store<f64>(t + (i << 3), <f64>load<i64>(data + (i << 4)));
    store<u64>(v + (i << 3), load<u64>(data + (i << 4), 8));
  }
  return samples;
}

/** Merges the sorted run of `m` samples behind the sorted first `n`; the first wins where both have a timestamp. */
function mergeRun(scratch: usize, n: u32, m: u32): u32 {
  const t = scratch + Q_T, v = scratch + Q_V;
  const runT = scratch + Q_TMP, runV = runT + (m << 3);
  memory.copy(runT, t + (n << 3), m << 3);
  memory.copy(runV, v + (n << 3), m << 3);
  // from the back, so that the first run can stay where it is; equal ones leave a gap to close
  let i = <i32>n - 1, j = <i32>m - 1, k = <i32>(n + m) - 1;
  while (j >= 0) {
    const b = load<f64>(runT + (j << 3));
    if (i >= 0 && load<f64>(t + (i << 3)) >= b) {
      if (load<f64>(t + (i << 3)) == b) j--;
      store<f64>(t + (k << 3), load<f64>(t + (i << 3)));
      store<u64>(v + (k << 3), load<u64>(v + (i << 3)));
      i--;
    } else {
      store<f64>(t + (k << 3), b);
      store<u64>(v + (k << 3), load<u64>(runV + (j << 3)));
      j--;
    }
    k--;
  }
  const gap = <u32>(k - i);
  if (gap) {
    const from = <u32>(k + 1);
    const tail = n + m - from;
    memory.copy(t + (<u32>(i + 1) << 3), t + (from << 3), tail << 3);
    memory.copy(v + (<u32>(i + 1) << 3), v + (from << 3), tail << 3);
  }
  return n + m - gap;
}

/** Moves the samples inside [mint, maxt] to the front. */
function trim(scratch: usize, n: u32, mint: f64, maxt: f64): i32 {
  const t = scratch + Q_T, v = scratch + Q_V;
  let from: u32 = 0;
  while (from < n && load<f64>(t + (from << 3)) < mint) from++;
  let end = n;
  while (end > from && load<f64>(t + ((end - 1) << 3)) > maxt) end--;
  if (from) {
    memory.copy(t, t + (from << 3), (end - from) << 3);
    memory.copy(v, v + (from << 3), (end - from) << 3);
  }
  return <i32>(end - from);
}

/** The most common read in one call: floats of `ref` in [mint, maxt]. Below zero: go through `snapshot` and `decodeFloats`. */
export function readFloats(scratch: usize, ref: u32, mint: f64, maxt: f64): i32 {
  const outcome = snapshot(scratch, ref, mint, maxt);
  if (outcome) return outcome;
  if (load<u32>(scratch, Q_MISSING) || load<u32>(scratch, Q_HISTOGRAMS)) return TORN;
  return decodeFloats(scratch, mint, maxt);
}

/** Whether series `ref` may have a sample in [mint, maxt]: true also where a writer is in the way. */
function overlaps(ref: u32, mint: i64, maxt: i64): bool {
  const series = seriesAt(ref);
  const stripe = stripeOf(ref);
  for (let tries = 0; tries < 20; tries++) {
    const seen = atomic.load<u32>(stripe);
    if (seen & 1) continue;
    const outcome = overlapsNow(series, mint, maxt);
    if (atomic.load<u32>(stripe) == seen) return outcome;
  }
  return true;
}

function overlapsNow(series: usize, mint: i64, maxt: i64): bool {
  memoryEnd = <u64>(<u32>memory.size()) << 16;
  const newest = load<i64>(series, S_T);
  if (newest >= mint && newest <= maxt) return true;
  if (load<u16>(series, S_NUM) && newest >= mint) {
    const bytes = <usize>load<u32>(series, S_CHUNK);
    if (!inside(bytes, 16) || unzigzag(readVarint(bytes + 2, bytes + 12)) <= maxt) return true;
  }
  const ext = <usize>load<u32>(series, S_EXT);
  if (!ext) return false;
  if (!inside(ext, 64) || bufferOverlaps(ext, mint, maxt) || waitingOverlap(ext, mint, maxt)) return true;
  let node = <usize>load<u32>(ext, X_CHUNKS);
  let steps: u32 = 0;
  while (node) {
    if (!inside(node, NODE_BYTES) || ++steps > 1 << 22) return true;
    if (load<i64>(node, N_MAXT) >= mint && load<i64>(node, N_MINT) <= maxt) return true;
    node = load<u32>(node, N_NEXT);
  }
  return false;
}

/** Of the out-of-order buffer, which is sorted. */
function bufferOverlaps(ext: usize, mint: i64, maxt: i64): bool {
  const buffered = <u32>load<u16>(ext, X_OOO_COUNT);
  if (!buffered) return false;
  const buffer = <usize>load<u32>(ext, X_OOO);
  if (!inside(buffer, buffered << 4)) return true;
  return load<i64>(buffer) <= maxt && load<i64>(buffer + ((buffered - 1) << 4)) >= mint;
}

/** Of the histograms that are in no chunk yet. */
function waitingOverlap(ext: usize, mint: i64, maxt: i64): bool {
  let steps: u32 = 0;
  for (let h = <usize>load<u32>(ext, X_HIST); h; h = load<u32>(h, H_NEXT)) {
    if (!inside(h, <u32>H_BYTES) || ++steps > 1 << 16) return true;
    const t = load<i64>(h, H_T);
    if (t >= mint && t <= maxt) return true;
  }
  return false;
}

/** Keeps, of `n` refs at `refs` (u32 each), those of live series that may have samples in [mint, maxt]; returns how many. */
export function filterOverlapping(refs: usize, n: u32, mint: f64, maxt: f64): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const ref = load<u32>(refs + (i << 2));
    if (!load<u32>(seriesAt(ref), S_LABELS_LEN) || !overlaps(ref, <i64>mint, <i64>maxt)) continue;
    store<u32>(refs + (kept++ << 2), ref);
  }
  return kept;
}
