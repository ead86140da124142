// The head from its log. Runs on one thread before anybody writes. Any order of records gives the same samples:
// what a chunk record holds is dropped from the open chunk, and what it lacks is kept out of order.
import {
  CTRL, C_CREATE_LOCK, C_DEAD, C_SERIES_COUNT, C_SERIES_MAX, DECODE_MAX, FORWARD, NF_UNQUEUED, NODE_BYTES, NONE, N_DATA, N_ENC, N_LEN, N_MAXT, N_MINT, N_NEXT,
  N_NUM, N_OFFSET, N_OOO, N_REF, N_SEGMENT, RES_MAXT, R_DECODE_T, R_DECODE_V, R_REF, R_T, R_V, SAMPLES_MAX, S_CHUNK, S_EXT, S_LABELS, S_LABELS_LEN,
  S_NEXT, S_NUM, S_T, S_V, X_CHUNKS, X_CHUNKS_LAST, X_HIST_T, X_OOO, X_OOO_COUNT,
} from "./layout";
import { equalBytes, readVarint, unzigzag, varintEnd, writeVarint } from "./bytes";
import { ENC_XOR, extensionOf, finishOpenChunk, newNode, openChunkMint, resetClosed } from "./chunk-append";
import { decodeChunk } from "./chunk-read";
import { queueForEviction } from "./evict";
import { appendReplayed } from "./ingest";
import { CHUNK_HEADER, RECORD_HEADER, sealRecord, TYPE_SERIES } from "./log-record";
import { alloc, free, settleLiveBytes } from "./memory";
import { buryRef, createAt, findSeries, seriesAt, tagOf } from "./series";

/** Bytes that `encodeSeries` wrote. */
let seriesRecordBytes: u32 = 0;
export function encodedSeriesBytes(): u32 {
  return seriesRecordBytes;
}

/**
 * Writes one SERIES record {first ref u32, count u32, {length, label bytes}*} for the refs from `from` up to
 * `end`, as many as fit into `cap` bytes (at least one: a label set is under 1 MiB). Returns the ref behind.
 */
export function encodeSeries(from: u32, end: u32, target: usize, cap: u32): u32 {
  let at = target + RECORD_HEADER + 8;
  let ref = from;
  while (ref < end) {
    const series = seriesAt(ref);
    const length = atomic.load<u32>(series, S_LABELS_LEN);
    if (<u32>(at - target) + length + 32 > cap) break;
    at = writeVarint(at, length);
    memory.copy(at, load<u32>(series, S_LABELS), length);
    at += length;
    ref++;
  }
  store<u32>(target + RECORD_HEADER, from);
  store<u32>(target + RECORD_HEADER, ref - from, 4);
  seriesRecordBytes = <u32>(sealRecord(target, TYPE_SERIES, at) - target);
  return ref;
}

/** The ref in memory of a ref in the log; NONE where the log never named it. */
// @ts-ignore: decorator
@inline
function currentRef(ref: u32): u32 {
  if (ref >= load<u32>(CTRL, C_SERIES_COUNT)) return NONE;
  const series = seriesAt(ref);
  if (load<u32>(series, S_LABELS_LEN)) return ref;
  return load<u32>(series, S_LABELS) == FORWARD ? load<u32>(series, S_NEXT) : NONE;
}
export function mapRef(ref: u32): u32 {
  return currentRef(ref);
}

/** Creates the series of a SERIES payload at the refs it names. Returns how many are new, -1: malformed or no room. */
export function replaySeries(at: usize, length: u32): i32 {
  const end = at + length;
  if (length < 8) return -1;
  let ref = load<u32>(at);
  const refEnd = <u64>ref + load<u32>(at, 4);
  if (refEnd > <u64>load<u32>(CTRL, C_SERIES_MAX)) return -1;
  at += 8;
  let made: i32 = 0;
  for (; <u64>ref < refEnd; ref++) {
    const bytes = readVarint(at, end);
    if (!varintEnd || bytes > <u64>(end - varintEnd)) return -1;
    at = varintEnd;
    if (bytes) made += replayOneSeries(ref, at, <u32>bytes);
    at += <usize>bytes;
  }
  settleLiveBytes();
  return made;
}

function replayOneSeries(ref: u32, labels: usize, length: u32): i32 {
  const known = findSeries(labels, length, tagOf(labels, length));
  const series = seriesAt(ref);
  if (ref < load<u32>(CTRL, C_SERIES_COUNT)) {
    // A ref is given to another series only when no record of the log names the old one.
    if (known == ref || load<u32>(series, S_LABELS_LEN)) return 0;
  } else if (known == NONE) {
    for (let gap = load<u32>(CTRL, C_SERIES_COUNT); gap < ref; gap++) buryRef(gap);
  } else {
    for (let gap = load<u32>(CTRL, C_SERIES_COUNT); gap <= ref; gap++) buryRef(gap);
  }
  if (known == NONE) return createAt(ref, labels, length) == NONE ? 0 : 1;
  store<u32>(series, FORWARD, S_LABELS);
  store<u32>(series, known, S_NEXT);
  return 0;
}

/** Appends the samples of a SAMPLES payload that are not older than `from`. Returns how many it holds, -1: malformed. */
export function replaySamples(scratch: usize, at: usize, length: u32, from: f64): i32 {
  const end = at + length;
  const count = <u32>readVarint(at, end);
  if (!varintEnd || count > SAMPLES_MAX) return -1;
  at = varintEnd;
  const forwards = load<u32>(CTRL, C_DEAD) != 0;
  const known = load<u32>(CTRL, C_SERIES_COUNT);
  let i: u32 = 0;
  let last: i64 = 0;
  while (i < count) {
    last += unzigzag(readVarint(at, end));
    if (!varintEnd) return -1;
    const run = readVarint(varintEnd, end);
    if (!varintEnd || run == 0 || run > <u64>(count - i)) return -1;
    at = varintEnd;
    for (let k: u32 = 0; k < <u32>run; k++, i++, last++) {
      let ref = <u32>last < known ? <u32>last : NONE;
      if (forwards && ref != NONE) ref = currentRef(ref);
      store<u32>(scratch + (i << 2), ref, R_REF);
    }
  }
  i = 0;
  last = 0;
  let maxt = i64.MIN_VALUE;
  while (i < count) {
    last += unzigzag(readVarint(at, end));
    if (!varintEnd) return -1;
    const run = readVarint(varintEnd, end);
    if (!varintEnd || run == 0 || run > <u64>(count - i)) return -1;
    at = varintEnd;
    const skip = <f64>last < from;
    if (last > maxt) maxt = last;
    for (let k: u32 = 0; k < <u32>run; k++, i++) {
      store<i64>(scratch + (i << 3), last, R_T);
      if (skip) store<u32>(scratch + (i << 2), NONE, R_REF);
    }
  }
  if (<u64>(end - at) != <u64>count << 3) return -1;
  memory.copy(scratch + R_V, at, count << 3);
  resetClosed();
  appendReplayed(scratch, count);
  store<i64>(scratch, maxt, RES_MAXT); // what was passed over counts, too
  settleLiveBytes();
  return <i32>count;
}

/**
 * Takes a chunk that lies in the log at {segment, offset}. `keep`: its bytes stay in memory as well.
 * Returns 1, 0 where its series is not known, -1: malformed or no room.
 */
export function replayChunk(scratch: usize, at: usize, length: u32, segment: u32, offset: u32, keep: bool): i32 {
  if (length <= CHUNK_HEADER) return -1;
  const ref = currentRef(load<u32>(at));
  if (ref == NONE) return 0;
  const series = seriesAt(ref);
  const ext = extensionOf(series);
  if (!ext) return -1;
  const bytes = at + CHUNK_HEADER;
  const byteCount = length - CHUNK_HEADER;
  const encoding = load<u8>(at, 4);
  const outOfOrder = load<u8>(at, 5) == 1;
  const mint = load<i64>(at, 8), maxt = load<i64>(at, 16);
  resetClosed();
  let node = sameNode(ext, bytes, byteCount, mint);
  if (!node) {
    const n = encoding == ENC_XOR ? decodeChunk(bytes, byteCount, scratch + R_DECODE_T, scratch + R_DECODE_V, DECODE_MAX) : 1;
    if (!n) return -1;
    node = newNode(ref, encoding, outOfOrder, load<u16>(at, 6), mint, maxt, bytes, byteCount);
    if (!node) return -1;
    if (encoding == ENC_XOR) {
      dropBuffered(ext, scratch, n);
      insertNode(ext, node);
      if (!outOfOrder) cutOpenChunk(scratch, ref, series, n, maxt);
    } else {
      insertNode(ext, node);
      if (maxt > load<i64>(ext, X_HIST_T)) store<i64>(ext, maxt, X_HIST_T);
    }
  }
  store<u32>(node, segment, N_SEGMENT);
  store<u32>(node, offset, N_OFFSET);
  if (!keep && load<u32>(node, N_DATA)) {
    free(load<u32>(node, N_DATA), load<u32>(node, N_LEN));
    store<u32>(node, 0, N_DATA);
    store<u8>(node, load<u8>(node, N_OOO) | NF_UNQUEUED, N_OOO);
  } else queueForEviction(node);
  settleLiveBytes();
  return 1;
}

/** The chunk that replay closed by itself with these very bytes, or that another record brought; else 0. */
function sameNode(ext: usize, bytes: usize, length: u32, mint: i64): usize {
  for (let node: usize = load<u32>(ext, X_CHUNKS); node; node = load<u32>(node, N_NEXT)) {
    if (load<i64>(node, N_MINT) == mint && load<u32>(node, N_SEGMENT) == 0 && load<u32>(node, N_LEN) == length && equalBytes(load<u32>(node, N_DATA), bytes, length)) return node;
  }
  return 0;
}

/** Links `node` where its mint belongs: the list of a series is sorted by it. */
function insertNode(ext: usize, node: usize): void {
  const mint = load<i64>(node, N_MINT);
  let before: usize = 0;
  let next: usize = load<u32>(ext, X_CHUNKS);
  const last = load<u32>(ext, X_CHUNKS_LAST);
  if (last && load<i64>(last, N_MINT) <= mint) {
    before = last;
    next = 0;
  }
  while (next && load<i64>(next, N_MINT) <= mint) {
    before = next;
    next = load<u32>(next, N_NEXT);
  }
  store<u32>(node, <u32>next, N_NEXT);
  if (before) store<u32>(before, <u32>node, N_NEXT);
  else store<u32>(ext, <u32>node, X_CHUNKS);
  if (!next) store<u32>(ext, <u32>node, X_CHUNKS_LAST);
}

/** Whether the decoded chunk at R_DECODE_T holds timestamp t. */
function decodedHas(scratch: usize, n: u32, t: f64): bool {
  let low: u32 = 0, high = n;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<f64>(scratch + (middle << 3), R_DECODE_T) < t) low = middle + 1;
    else high = middle;
  }
  return low < n && load<f64>(scratch + (low << 3), R_DECODE_T) == t;
}

/** Drops from the out-of-order buffer what the decoded chunk holds. */
function dropBuffered(ext: usize, scratch: usize, n: u32): void {
  const buffer: usize = load<u32>(ext, X_OOO);
  const count = <u32>load<u16>(ext, X_OOO_COUNT);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (decodedHas(scratch, n, <f64>load<i64>(buffer + (i << 4)))) continue;
    v128.store(buffer + (kept++ << 4), v128.load(buffer + (i << 4)));
  }
  store<u16>(ext, <u16>kept, X_OOO_COUNT);
}

/** Takes out of the open chunk what the decoded chunk holds, and appends the rest of it again. */
function cutOpenChunk(scratch: usize, ref: u32, series: usize, n: u32, maxt: i64): void {
  const open = <u32>load<u16>(series, S_NUM);
  const lastValue = load<u64>(scratch + ((n - 1) << 3), R_DECODE_V);
  if (open && openChunkMint(series) <= maxt) {
    const block = alloc((open + 1) << 4);
    if (block) {
      const valuesAt = block + (open << 3);
      const read = decodeChunk(load<u32>(series, S_CHUNK), finishOpenChunk(series), block, valuesAt, open);
      let kept: u32 = 0;
      store<u16>(series, 0, S_NUM);
      store<i64>(series, maxt, S_T);
      store<u64>(series, lastValue, S_V);
      for (let i: u32 = 0; i < read; i++) {
        const t = load<f64>(block + (i << 3));
        if (decodedHas(scratch, n, t)) continue;
        store<u32>(scratch + (kept << 2), ref, R_REF);
        store<i64>(scratch + (kept << 3), <i64>t, R_T);
        store<u64>(scratch + (kept << 3), load<u64>(valuesAt + (i << 3)), R_V);
        kept++;
      }
      free(block, (open + 1) << 4);
      appendReplayed(scratch, kept);
    }
  }
  if (load<i64>(series, S_T) < maxt) {
    store<i64>(series, maxt, S_T);
    store<u64>(series, lastValue, S_V);
  }
}
