// The head's part in making blocks: what is older than a border becomes closed chunks, is collected
// (`collectChunks` in read.ts) and, once the block is durable and nobody reads without it, dropped.
import {
  NF_COLLECTED, NF_UNQUEUED, NODE_BYTES, NONE, N_DATA, N_LEN, N_MAXT, N_MINT, N_NEXT, N_OOO, N_REF, N_SEGMENT, S_EXT, S_LABELS,
  S_LABELS_LEN, S_NUM, S_T, X_CHUNKS, X_CHUNKS_LAST, X_OOO, X_OOO_COUNT,
} from "./layout";
import { compareBytes, readVarint, varintEnd } from "./bytes";
import { closeChunk, resetClosed } from "./chunk-append";
import { flushBuffer } from "./out-of-order";
import { free, lockStripe, settleLiveBytes, stripeOf, unlockStripe } from "./memory";
import { seriesAt } from "./series";

/**
 * Closes the open chunk of `ref` if all of it is older than `end`, and makes chunks of its out-of-order buffer if
 * that holds anything older. False: the heap is full; nothing was lost.
 */
export function sealSeries(scratch: usize, ref: u32, end: f64): bool {
  const series = seriesAt(ref);
  if (!load<u32>(series, S_LABELS_LEN)) return true;
  resetClosed();
  const border = <i64>end;
  const stripe = stripeOf(ref);
  lockStripe(stripe);
  let ok = true;
  if (load<u16>(series, S_NUM) && load<i64>(series, S_T) < border) ok = closeChunk(scratch, ref, series, false);
  const ext = <usize>load<u32>(series, S_EXT);
  if (ok && ext && load<u16>(ext, X_OOO_COUNT) && load<i64>(load<u32>(ext, X_OOO)) < border) ok = flushBuffer(scratch, ref, ext);
  unlockStripe(stripe);
  settleLiveBytes();
  return ok;
}

/** First timestamp of the oldest closed and not yet collected chunk of `ref` that ends before `end`; else +Infinity. */
export function oldestChunk(ref: u32, end: f64): f64 {
  const ext = <usize>load<u32>(seriesAt(ref), S_EXT);
  if (!ext) return Infinity;
  const stripe = stripeOf(ref);
  lockStripe(stripe);
  let oldest = Infinity;
  for (let node = <usize>load<u32>(ext, X_CHUNKS); node; node = load<u32>(node, N_NEXT)) {
    if (load<i64>(node, N_MAXT) < <i64>end && !(load<u8>(node, N_OOO) & NF_COLLECTED)) oldest = min(oldest, <f64>load<i64>(node, N_MINT));
  }
  unlockStripe(stripe);
  return oldest;
}

/** Takes the collected chunks of `ref` away; with `keep` it only forgets that they were collected. */
export function dropCollected(ref: u32, keep: bool): void {
  const ext = <usize>load<u32>(seriesAt(ref), S_EXT);
  if (!ext) return;
  const stripe = stripeOf(ref);
  lockStripe(stripe);
  let before: usize = 0;
  let node = <usize>load<u32>(ext, X_CHUNKS);
  while (node) {
    const next = <usize>load<u32>(node, N_NEXT);
    const flags = load<u8>(node, N_OOO);
    if (flags & NF_COLLECTED && !keep) {
      if (before) store<u32>(before, <u32>next, N_NEXT);
      else store<u32>(ext, <u32>next, X_CHUNKS);
      if (!next) store<u32>(ext, <u32>before, X_CHUNKS_LAST);
      releaseNode(node);
    } else {
      store<u8>(node, flags & ~NF_COLLECTED, N_OOO);
      before = node;
    }
    node = next;
  }
  unlockStripe(stripe);
  settleLiveBytes();
}

/** Gives back a node that no list of chunks names any more, and its bytes. The stripe's lock is held. */
export function releaseNode(node: usize): void {
  if (load<u32>(node, N_DATA)) free(load<u32>(node, N_DATA), load<u32>(node, N_LEN));
  store<u32>(node, 0, N_DATA);
  // a logged node hangs in the eviction queue, too: the main thread gives it back from there
  if (load<u32>(node, N_SEGMENT) && !(load<u8>(node, N_OOO) & NF_UNQUEUED)) store<u32>(node, NONE, N_REF);
  else free(node, NODE_BYTES);
}

/** Order of label sets: pair by pair, names before values, by bytes. */
function compareLabels(a: u32, b: u32): i32 {
  let p = <usize>load<u32>(seriesAt(a), S_LABELS);
  let q = <usize>load<u32>(seriesAt(b), S_LABELS);
  const pEnd = p + load<u32>(seriesAt(a), S_LABELS_LEN);
  const qEnd = q + load<u32>(seriesAt(b), S_LABELS_LEN);
  while (p < pEnd && q < qEnd) {
    readVarint(p + 1, pEnd);
    p = varintEnd + 1;
    readVarint(q + 1, qEnd);
    q = varintEnd + 1;
    for (let part = 0; part < 2; part++) {
      const pBytes = <u32>readVarint(p, pEnd);
      p = varintEnd;
      const qBytes = <u32>readVarint(q, qEnd);
      q = varintEnd;
      const order = compareBytes(p, pBytes, q, qBytes);
      if (order) return order;
      p += pBytes + (part == 0 ? 1 : 0);
      q += qBytes + (part == 0 ? 1 : 0);
    }
  }
  return p < pEnd ? 1 : q < qEnd ? -1 : 0;
}

/** Sorts `n` refs at `refs` (u32 each) by their label sets; `spare` has the same room. A bottom-up merge sort. */
export function sortRefs(refs: usize, n: u32, spare: usize): void {
  let from = refs, to = spare;
  for (let width: u32 = 1; width < n; width <<= 1) {
    for (let start: u32 = 0; start < n; start += width << 1) {
      let i = start, j = min<u32>(start + width, n);
      const iEnd = j, jEnd = min<u32>(start + (width << 1), n);
      for (let k = start; k < jEnd; k++) {
        const left = i < iEnd && (j >= jEnd || compareLabels(load<u32>(from + (i << 2)), load<u32>(from + (j << 2))) <= 0);
        store<u32>(to + (k << 2), left ? load<u32>(from + (i++ << 2)) : load<u32>(from + (j++ << 2)));
      }
    }
    const swap = from;
    from = to;
    to = swap;
  }
  if (from != refs) memory.copy(refs, from, n << 2);
}
