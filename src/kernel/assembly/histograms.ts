// Native histograms: JavaScript decodes, checks and compresses them; here their bytes wait in order of arrival
// until a chunk is made of them. All but `addHistogram` expect the stripe's lock, which JavaScript takes with
// `lockRef` for the time of making a chunk.
import {
  CTRL, C_WINDOW_MS, H_BYTES, H_LEN, H_NEXT, H_T, N_ENC, N_MAXT, N_MINT, N_NEXT, S_EXT, WHY_DUPLICATE, WHY_MEMORY, WHY_TOO_OLD,
  X_CHUNKS, X_HIST, X_HIST_COUNT, X_HIST_LAST, X_HIST_T,
} from "./layout";
import { equalBytes } from "./bytes";
import { addClosed, ENC_XOR, extensionOf, linkNode, newNode } from "./chunk-append";
import { alloc, free, lockStripe, stripeOf, unlockStripe } from "./memory";
import { OOO_NEW, OOO_SAME } from "./out-of-order";
import { seriesAt } from "./series";

/** A chunk may hold the timestamp: only JavaScript can tell. */
const HISTOGRAM_LOOK: u32 = 101;

export function lockRef(ref: u32): void {
  lockStripe(stripeOf(ref));
}
export function unlockRef(ref: u32): void {
  unlockStripe(stripeOf(ref));
}

/** Histograms of `ref` that wait for a chunk; the lock is held. */
export function waitingHistograms(ref: u32): u32 {
  const ext = load<u32>(seriesAt(ref), S_EXT);
  return ext ? load<u32>(ext, X_HIST_COUNT) : 0;
}

/**
 * Keeps a copy of [bytes, bytes + length) as the histogram at `t`; the lock is held. OOO_NEW, OOO_SAME, a WHY_*,
 * or HISTOGRAM_LOOK: a chunk covers `t`, ask again with `sure` once it is known not to hold it. Replay is always
 * `sure`: nothing is too old for it, and readers drop what a chunk holds as well.
 */
export function addHistogram(ref: u32, t: f64, bytes: usize, length: u32, sure: bool): u32 {
  const ext = extensionOf(seriesAt(ref));
  if (!ext) return WHY_MEMORY;
  const time = <i64>t;
  const newest = load<i64>(ext, X_HIST_T);
  if (!sure && newest != i64.MIN_VALUE && time < newest - load<i64>(CTRL, C_WINDOW_MS)) return WHY_TOO_OLD;
  if (time <= newest) {
    for (let h: usize = load<u32>(ext, X_HIST); h; h = load<u32>(h, H_NEXT)) {
      if (load<i64>(h, H_T) != time) continue;
      return load<u32>(h, H_LEN) == length && equalBytes(h + H_BYTES, bytes, length) ? OOO_SAME : WHY_DUPLICATE;
    }
    if (!sure) {
      for (let node: usize = load<u32>(ext, X_CHUNKS); node; node = load<u32>(node, N_NEXT)) {
        if (load<u8>(node, N_ENC) != ENC_XOR && time >= load<i64>(node, N_MINT) && time <= load<i64>(node, N_MAXT)) return HISTOGRAM_LOOK;
      }
    }
  }
  const h = alloc(<u32>H_BYTES + length);
  if (!h) return WHY_MEMORY;
  store<u32>(h, 0, H_NEXT);
  store<u32>(h, length, H_LEN);
  store<i64>(h, time, H_T);
  memory.copy(h + H_BYTES, bytes, length);
  const last = load<u32>(ext, X_HIST_LAST);
  if (last) store<u32>(last, <u32>h, H_NEXT);
  else store<u32>(ext, <u32>h, X_HIST);
  store<u32>(ext, <u32>h, X_HIST_LAST);
  store<u32>(ext, load<u32>(ext, X_HIST_COUNT) + 1, X_HIST_COUNT);
  if (time > newest) store<i64>(ext, time, X_HIST_T);
  return OOO_NEW;
}

/** The first waiting histogram of `ref` (layout H_*), 0: none. The lock is held. */
export function firstHistogram(ref: u32): usize {
  const ext = load<u32>(seriesAt(ref), S_EXT);
  return ext ? <usize>load<u32>(ext, X_HIST) : 0;
}

/** Frees all waiting histograms of `ref`; chunks hold them now. The lock is held. */
export function dropHistograms(ref: u32): void {
  const ext = load<u32>(seriesAt(ref), S_EXT);
  if (!ext) return;
  let h: usize = load<u32>(ext, X_HIST);
  while (h) {
    const next = load<u32>(h, H_NEXT);
    free(h, <u32>H_BYTES + load<u32>(h, H_LEN));
    h = next;
  }
  store<u32>(ext, 0, X_HIST);
  store<u32>(ext, 0, X_HIST_LAST);
  store<u32>(ext, 0, X_HIST_COUNT);
}

/** Adds a histogram chunk that JavaScript made; it goes to the log with the request. False: the heap is full. */
export function addHistogramChunk(scratch: usize, ref: u32, encoding: u32, samples: u32, mint: f64, maxt: f64, bytes: usize, length: u32): bool {
  const ext = extensionOf(seriesAt(ref));
  if (!ext) return false;
  const node = newNode(ref, <u8>encoding, false, samples, <i64>mint, <i64>maxt, bytes, length);
  if (!node) return false;
  if (!addClosed(scratch, node)) return false;
  linkNode(ext, node);
  return true;
}
