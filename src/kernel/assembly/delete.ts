// Deletion of samples from the head: what overlaps the deleted range is written anew, at once and for good. The
// stripe's lock is held throughout (`lockRef`), and no request may be under way: chunks it closed would be in its
// hands. JavaScript does the chunks that need it: histograms, and those that lie only in the log.
import {
  DECODE_MAX, NF_COLLECTED, NF_OUT_OF_ORDER, N_DATA, N_ENC, N_LEN, N_MAXT, N_MINT, N_NEXT, N_OOO, R_DECODE_T, R_DECODE_V, R_SPARE, S_CAP, S_CHUNK,
  S_END_SECONDS, S_EXT, S_NUM, S_T, S_V, X_CHUNKS, X_CHUNKS_LAST, X_HIST, X_HIST_COUNT, X_HIST_LAST, X_HIST_T, X_OOO, X_OOO_COUNT,
  H_BYTES, H_LEN, H_NEXT, H_T,
} from "./layout";
import { addClosed, appendInOrder, closeChunk, ENC_XOR, finishOpenChunk, newNode, openChunkMint, resetClosed } from "./chunk-append";
import { decodeChunk } from "./chunk-read";
import { releaseNode } from "./compact";
import { encodeRecords } from "./log-record";
import { free, settleLiveBytes } from "./memory";
import { seriesAt } from "./series";

/** Bits of what `deleteSamples` returns; below zero: the heap is full, and some of it is not done. */
const DELETE_LOOK: i32 = 1; // chunks are left that only JavaScript can write anew
const DELETE_NEWEST: i32 = 2; // the newest float went: `settleNewest` must follow

/** Before the first deletion of a run: chunks that are written anew are listed for its log records. */
export function beginDeletion(): void {
  resetClosed();
}

/** Log records of the chunks that were written anew, in a heap block (see `encodeRecords`). False: the heap is full. */
export function finishDeletion(scratch: usize): bool {
  const ok = encodeRecords(scratch, 0, 0, 0);
  settleLiveBytes();
  return ok;
}

/** Deletes what series `ref` has in [mint, maxt], but for the chunks that DELETE_LOOK speaks of. */
export function deleteSamples(scratch: usize, ref: u32, mint: f64, maxt: f64): i32 {
  const series = seriesAt(ref);
  const from = <i64>mint, to = <i64>maxt;
  const newest = load<i64>(series, S_T);
  let result = newest >= from && newest <= to ? DELETE_NEWEST : 0;
  if (!cutOpen(scratch, ref, series, from, to)) return -1;
  const ext = <usize>load<u32>(series, S_EXT);
  if (!ext) return result;
  cutBuffer(ext, from, to);
  cutWaiting(ext, from, to);
  let before: usize = 0;
  let node = <usize>load<u32>(ext, X_CHUNKS);
  while (node) {
    const next = <usize>load<u32>(node, N_NEXT);
    const first = load<i64>(node, N_MINT), last = load<i64>(node, N_MAXT);
    let stays = node;
    if (first >= from && last <= to) stays = 0;
    else if (first <= to && last >= from) {
      if (load<u8>(node, N_ENC) != ENC_XOR || !load<u32>(node, N_DATA)) result |= DELETE_LOOK;
      else {
        const written = writeAnew(scratch, ref, node, load<u32>(node, N_DATA), load<u32>(node, N_LEN), from, to);
        if (written == FULL) return -1;
        stays = written;
      }
    }
    if (stays != node) replace(ext, before, node, stays);
    if (stays) before = stays;
    node = next;
  }
  return result;
}

/**
 * The same for one chunk that DELETE_LOOK spoke of: `bytes` are those of the float chunk `node`, which lies only in
 * the log. False: the heap is full.
 */
export function deleteFromChunk(scratch: usize, ref: u32, node: usize, bytes: usize, length: u32, mint: f64, maxt: f64): bool {
  const written = writeAnew(scratch, ref, node, bytes, length, <i64>mint, <i64>maxt);
  if (written == FULL) return false;
  if (written != node) replaceChunk(ref, node, written);
  return true;
}

/** Takes the chunk `node` away. */
export function removeChunk(ref: u32, node: usize): void {
  replaceChunk(ref, node, 0);
}

function replaceChunk(ref: u32, node: usize, stays: usize): void {
  const ext = <usize>load<u32>(seriesAt(ref), S_EXT);
  let before: usize = 0;
  for (let at = <usize>load<u32>(ext, X_CHUNKS); at && at != node; at = load<u32>(at, N_NEXT)) before = at;
  replace(ext, before, node, stays);
}

/** Puts `stays` (0: nothing) into the list where `node`, behind `before`, was. */
function replace(ext: usize, before: usize, node: usize, stays: usize): void {
  let next = <usize>load<u32>(node, N_NEXT);
  if (stays) {
    store<u32>(stays, <u32>next, N_NEXT);
    next = stays;
  }
  if (before) store<u32>(before, <u32>next, N_NEXT);
  else store<u32>(ext, <u32>next, X_CHUNKS);
  if (load<u32>(ext, X_CHUNKS_LAST) == <u32>node) store<u32>(ext, stays ? <u32>stays : <u32>before, X_CHUNKS_LAST);
  releaseNode(node);
}

const FULL: usize = 1;

/** A node with what is left of `node`: `node` itself where nothing was deleted, 0 where all was, or FULL. */
function writeAnew(scratch: usize, ref: u32, node: usize, bytes: usize, length: u32, from: i64, to: i64): usize {
  const n = decodeChunk(bytes, length, scratch + R_DECODE_T, scratch + R_DECODE_V, DECODE_MAX);
  const kept = keepOutside(scratch, n, from, to);
  if (kept == n) return node;
  if (!kept) return 0;
  const flags = load<u8>(node, N_OOO) & (<u8>NF_OUT_OF_ORDER | <u8>NF_COLLECTED);
  const late = (flags & <u8>NF_OUT_OF_ORDER) != 0;
  if (!encodeKept(scratch, ref, kept, late)) return FULL;
  const spare = scratch + R_SPARE;
  const size = finishOpenChunk(spare);
  const fresh = newNode(ref, ENC_XOR, late, load<u16>(spare, S_NUM), openChunkMint(spare), load<i64>(spare, S_T), load<u32>(spare, S_CHUNK), size);
  store<u16>(spare, 0, S_NUM);
  if (!fresh) return FULL;
  store<u8>(fresh, flags, N_OOO); // a block that is being written has the rest of it, too: it goes with the others
  addClosed(scratch, fresh);
  return fresh;
}

/** Moves the decoded samples outside [from, to] to the front; how many they are. */
function keepOutside(scratch: usize, n: u32, from: i64, to: i64): u32 {
  const t = scratch + R_DECODE_T, v = scratch + R_DECODE_V;
  let kept: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at = load<f64>(t + (i << 3));
    if (<i64>at >= from && <i64>at <= to) continue;
    store<f64>(t + (kept << 3), at);
    store<u64>(v + (kept << 3), load<u64>(v + (i << 3)));
    kept++;
  }
  return kept;
}

/** Makes the first `n` decoded samples the open chunk of the series struct of nobody. */
function encodeKept(scratch: usize, ref: u32, n: u32, late: bool): bool {
  const spare = scratch + R_SPARE;
  store<u16>(spare, 0, S_NUM);
  for (let i: u32 = 0; i < n; i++) {
    const t = <i64>load<f64>(scratch + (i << 3), R_DECODE_T);
    if (!appendInOrder(scratch, ref, spare, t, load<u64>(scratch + (i << 3), R_DECODE_V), late)) return false;
  }
  return true;
}

/** The open chunk. Where all of it goes, S_T and S_V stay until `settleNewest`. */
function cutOpen(scratch: usize, ref: u32, series: usize, from: i64, to: i64): bool {
  if (!load<u16>(series, S_NUM) || load<i64>(series, S_T) < from || openChunkMint(series) > to) return true;
  const n = decodeChunk(load<u32>(series, S_CHUNK), finishOpenChunk(series), scratch + R_DECODE_T, scratch + R_DECODE_V, DECODE_MAX);
  const kept = keepOutside(scratch, n, from, to);
  if (kept == n) return true;
  if (!kept) {
    store<u16>(series, 0, S_NUM);
    return true;
  }
  if (!encodeKept(scratch, ref, kept, false)) return false;
  // The two structs swap what belongs to the chunk: no memory is needed that might not be there.
  const spare = scratch + R_SPARE;
  const bytes = load<u32>(series, S_CHUNK);
  const cap = load<u8>(series, S_CAP);
  memory.copy(series, spare, S_NUM + 2);
  store<u32>(series, load<u32>(spare, S_END_SECONDS), S_END_SECONDS);
  store<u32>(spare, bytes, S_CHUNK);
  store<u8>(spare, cap, S_CAP);
  store<u16>(spare, 0, S_NUM);
  return true;
}

/** The out-of-order buffer. */
function cutBuffer(ext: usize, from: i64, to: i64): void {
  const buffer: usize = load<u32>(ext, X_OOO);
  const count = <u32>load<u16>(ext, X_OOO_COUNT);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const t = load<i64>(buffer + (i << 4));
    if (t >= from && t <= to) continue;
    v128.store(buffer + (kept++ << 4), v128.load(buffer + (i << 4)));
  }
  store<u16>(ext, <u16>kept, X_OOO_COUNT);
}

/** Histograms that wait for a chunk. */
function cutWaiting(ext: usize, from: i64, to: i64): void {
  let before: usize = 0;
  let h = <usize>load<u32>(ext, X_HIST);
  while (h) {
    const next = <usize>load<u32>(h, H_NEXT);
    if (load<i64>(h, H_T) >= from && load<i64>(h, H_T) <= to) {
      if (before) store<u32>(before, <u32>next, H_NEXT);
      else store<u32>(ext, <u32>next, X_HIST);
      store<u32>(ext, load<u32>(ext, X_HIST_COUNT) - 1, X_HIST_COUNT);
      free(h, <u32>H_BYTES + load<u32>(h, H_LEN));
    } else before = h;
    h = next;
  }
  store<u32>(ext, <u32>before, X_HIST_LAST);
}

/**
 * Once the newest float of `ref` was deleted: makes S_T and S_V those of the newest that is left, so that older ones
 * are accepted again. 0, or the chunk that lies only in the log and has it: `settleNewestFrom` must follow.
 */
export function settleNewest(scratch: usize, ref: u32): usize {
  const series = seriesAt(ref);
  const ext = <usize>load<u32>(series, S_EXT);
  let newest = i64.MIN_VALUE;
  let value: u64 = 0;
  let holder: usize = 0;
  if (ext) {
    for (let node = <usize>load<u32>(ext, X_CHUNKS); node; node = load<u32>(node, N_NEXT)) {
      if (load<u8>(node, N_ENC) != ENC_XOR || load<i64>(node, N_MAXT) <= newest) continue;
      newest = load<i64>(node, N_MAXT);
      holder = node;
    }
    const last = <usize>load<u32>(ext, X_OOO) + ((<usize>load<u16>(ext, X_OOO_COUNT) - 1) << 4);
    if (load<u16>(ext, X_OOO_COUNT) && load<i64>(last) > newest) {
      newest = load<i64>(last);
      value = load<u64>(last, 8);
      holder = 0;
    }
  }
  if (load<u16>(series, S_NUM)) {
    // The open chunk goes on from S_T: with something newer beside it, it must end here.
    if (load<i64>(series, S_T) >= newest || !closeChunk(scratch, ref, series, false)) return 0;
  }
  store<i64>(series, newest, S_T);
  store<u64>(series, value, S_V);
  if (holder && !load<u32>(holder, N_DATA)) return holder;
  if (holder) settleNewestFrom(scratch, ref, load<u32>(holder, N_DATA), load<u32>(holder, N_LEN));
  return 0;
}

/** S_V from the bytes of the chunk that has the newest float. */
export function settleNewestFrom(scratch: usize, ref: u32, bytes: usize, length: u32): void {
  const n = decodeChunk(bytes, length, scratch + R_DECODE_T, scratch + R_DECODE_V, DECODE_MAX);
  if (n) store<u64>(seriesAt(ref), load<u64>(scratch + ((n - 1) << 3), R_DECODE_V), S_V);
}

/** The same for histograms, where the newest was in [mint, maxt]. */
export function settleHistograms(ref: u32, mint: f64, maxt: f64): void {
  const ext = <usize>load<u32>(seriesAt(ref), S_EXT);
  if (!ext || load<i64>(ext, X_HIST_T) < <i64>mint || load<i64>(ext, X_HIST_T) > <i64>maxt) return;
  let newest = i64.MIN_VALUE;
  for (let h = <usize>load<u32>(ext, X_HIST); h; h = load<u32>(h, H_NEXT)) newest = max(newest, load<i64>(h, H_T));
  for (let node = <usize>load<u32>(ext, X_CHUNKS); node; node = load<u32>(node, N_NEXT)) {
    if (load<u8>(node, N_ENC) != ENC_XOR) newest = max(newest, load<i64>(node, N_MAXT));
  }
  store<i64>(ext, newest, X_HIST_T);
}
