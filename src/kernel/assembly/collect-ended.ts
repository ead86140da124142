// Series that have ended leave the head: once blocks hold all of their samples, a new index is built without them
// beside the old one and takes its place. No request may be under way meanwhile; queries may: what they can still
// read (the old index, label bytes) is listed, to be given back when the last of them is over.
import {
  ALIAS_BYTES, ALIAS_FLAG, ALIAS_LEN, ALIAS_REF, CTRL, C_CREATE_LOCK, C_DEAD, C_GENERATION, C_META_BLOCKS, C_NAMES, C_SERIES_COUNT,
  C_TABLE, C_TABLE_USED, ENDED_ADDRESS, ENDED_BYTES, ENDED_LEN, ENDED_REF, EXT_BYTES, INDEX_ROOT_BYTES, NAME_NEXT, NAME_PAIRS, NONE,
  PAIR_COUNT, PAIR_NEXT, SERIES_SHIFT, S_CAP, S_CHUNK, S_EXT, S_LABELS, S_LABELS_LEN, S_NUM, S_T, X_CHUNKS, X_HIST, X_HIST_T, X_OOO,
  X_OOO_CAP, X_OOO_COUNT,
} from "./layout";
import { beginIndex, freeIndex, placeEntry, useRoot } from "./index-memory";
import { copyPair, readPostings } from "./index-postings";
import { alloc, free, lockStripe, settleLiveBytes, spinLock, spinUnlock, stripeOf, unlockStripe } from "./memory";
import { seriesAt } from "./series";

/** True if the head holds no sample of `ref` and has had none since `border`. */
function hasEnded(series: usize, border: i64): bool {
  if (load<u16>(series, S_NUM) || load<i64>(series, S_T) >= border) return false;
  const ext = <usize>load<u32>(series, S_EXT);
  return !ext || (!load<u32>(ext, X_CHUNKS) && !load<u16>(ext, X_OOO_COUNT) && !load<u32>(ext, X_HIST) && load<i64>(ext, X_HIST_T) < border);
}

// @ts-ignore: decorator
@inline
function isSet(bits: usize, ref: u32): bool {
  return (load<u8>(bits + (ref >>> 3)) >>> (ref & 7)) & 1 ? true : false;
}

/**
 * Turns `bits`, one for each ref below `count`, which say who must stay, into those who leave: series that have
 * ended, and refs that are none. Returns how many series have ended. With `bits` 0 it only counts.
 */
export function markEnded(bits: usize, count: u32, border: f64): u32 {
  let ended: u32 = 0;
  for (let ref: u32 = 0; ref < count; ref++) {
    const series = seriesAt(ref);
    const length = load<u32>(series, S_LABELS_LEN);
    const stays = bits && isSet(bits, ref);
    const leaves = !length || (!stays && hasEnded(series, <i64>border));
    if (length && leaves) ended++;
    if (bits && stays != leaves) store<u8>(bits + (ref >>> 3), load<u8>(bits + (ref >>> 3)) ^ (<u8>1 << <u8>(ref & 7)));
  }
  return ended;
}

/** Copies all names, pairs and postings but those of the refs in `bits` to the root in use. */
function copyPostings(bits: usize, work: usize, room: u32): bool {
  const count = load<u32>(CTRL, C_SERIES_COUNT);
  for (let name: usize = load<u32>(CTRL, C_NAMES); name; name = load<u32>(name, NAME_NEXT)) {
    for (let pair: usize = load<u32>(name, NAME_PAIRS); pair; pair = load<u32>(pair, PAIR_NEXT)) {
      if (load<u32>(pair, PAIR_COUNT) > room) return false;
      const n = readPostings(pair, count, work);
      let kept: u32 = 0;
      for (let i: u32 = 0; i < n; i++) {
        const ref = load<u32>(work + (i << 2));
        if (!isSet(bits, ref)) store<u32>(work + (kept++ << 2), ref);
      }
      if (kept && !copyPair(name, pair, work, kept)) return false;
    }
  }
  return true;
}

/** The ref that a table entry stands for. */
// @ts-ignore: decorator
@inline
function refOf(what: u32): u32 {
  return what & ALIAS_FLAG ? load<u32>(<usize>((what & ~ALIAS_FLAG) << 4), ALIAS_REF) : what - 1;
}

/** Entries of the series table that stand for refs in `bits`. */
function countLeaving(bits: usize): u32 {
  const table = load<u64>(CTRL, C_TABLE);
  const slots = <u32>(table >>> 32) + 1;
  let n: u32 = 0;
  for (let i: u32 = 0; i < slots; i++) {
    const what = load<u32>(<usize>(<u32>table) + (i << 3));
    if (what && isSet(bits, refOf(what))) n++;
  }
  return n;
}

/** Copies the series table to `side`, and lists the aliases that are left out at `list`. Returns the list's end. */
function copyTable(bits: usize, side: usize, list: usize): usize {
  const old = load<u64>(CTRL, C_TABLE);
  const slots = <u32>(old >>> 32) + 1;
  const table = load<u64>(side, C_TABLE);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < slots; i++) {
    const entry = load<u64>(<usize>(<u32>old) + (i << 3));
    const what = <u32>entry;
    if (!what) continue;
    if (!isSet(bits, refOf(what))) {
      placeEntry(table, entry);
      kept++;
    } else if (what & ALIAS_FLAG) {
      const alias = <usize>((what & ~ALIAS_FLAG) << 4);
      list = enlist(list, NONE, <u32>alias, <u32>ALIAS_BYTES + load<u32>(alias, ALIAS_LEN));
    }
  }
  store<u32>(side, kept, C_TABLE_USED);
  return list;
}

function enlist(list: usize, ref: u32, address: u32, length: u32): usize {
  store<u32>(list, ref, ENDED_REF);
  store<u32>(list, address, ENDED_ADDRESS);
  store<u32>(list, length, ENDED_LEN);
  return list + ENDED_BYTES;
}

/** Makes `ref` nobody's, and gives back all but its label bytes, which go to the list. */
function bury(ref: u32, list: usize): usize {
  const series = seriesAt(ref);
  list = enlist(list, ref, load<u32>(series, S_LABELS), load<u32>(series, S_LABELS_LEN));
  const stripe = stripeOf(ref);
  lockStripe(stripe);
  const ext = <usize>load<u32>(series, S_EXT);
  if (ext) {
    if (load<u32>(ext, X_OOO)) free(load<u32>(ext, X_OOO), <u32>load<u16>(ext, X_OOO_CAP) << 4);
    free(ext, EXT_BYTES);
  }
  if (load<u32>(series, S_CHUNK)) free(load<u32>(series, S_CHUNK), <u32>load<u8>(series, S_CAP) << 5);
  memory.fill(series, 0, 1 << SERIES_SHIFT);
  unlockStripe(stripe);
  return list;
}

/**
 * Takes the series out whose bits are set (`markEnded`). `work`: room for `room` refs. No thread may be inside a
 * request. False: the heap is full, nothing changed. Else `work` has four words for `freeEnded`: the list's
 * address, its end, its bytes, and the blocks of the old index.
 */
export function dropEnded(bits: usize, work: usize, room: u32): bool {
  spinLock(CTRL + C_CREATE_LOCK);
  const leaving = countLeaving(bits);
  const bytes = (leaving + 1) * ENDED_BYTES;
  const side = alloc(INDEX_ROOT_BYTES);
  const list = alloc(bytes);
  let built = false;
  if (side && list) {
    memory.fill(side, 0, INDEX_ROOT_BYTES);
    useRoot(side);
    built = beginIndex(load<u32>(CTRL, C_TABLE_USED) - leaving) && copyPostings(bits, work, room);
    useRoot(CTRL);
    if (built) replaceIndex(bits, side, list, bytes, work);
    else freeIndex(load<u32>(side, C_META_BLOCKS));
  }
  if (side) free(side, INDEX_ROOT_BYTES);
  if (list && !built) free(list, bytes);
  spinUnlock(CTRL + C_CREATE_LOCK);
  settleLiveBytes();
  return built;
}

/** The new index takes the place of the old one; then the series go. */
function replaceIndex(bits: usize, side: usize, list: usize, bytes: u32, result: usize): void {
  let end = copyTable(bits, side, list);
  const oldBlocks = load<u32>(CTRL, C_META_BLOCKS);
  for (let word = C_TABLE; word < INDEX_ROOT_BYTES; word += 8) atomic.store<u64>(CTRL + word, load<u64>(side + word));
  const count = load<u32>(CTRL, C_SERIES_COUNT);
  let dead: u32 = 0;
  for (let ref: u32 = 0; ref < count; ref++) {
    if (!isSet(bits, ref) || !load<u32>(seriesAt(ref), S_LABELS_LEN)) continue;
    end = bury(ref, end);
    dead++;
  }
  store<u32>(CTRL, load<u32>(CTRL, C_DEAD) + dead, C_DEAD);
  atomic.store<u32>(CTRL, load<u32>(CTRL, C_GENERATION) + 1, C_GENERATION);
  store<u32>(result, <u32>list);
  store<u32>(result, <u32>end, 4);
  store<u32>(result, bytes, 8);
  store<u32>(result, oldBlocks, 12);
}

/** Gives back what `dropEnded` left to readers. */
export function freeEnded(list: usize, end: usize, bytes: u32, blocks: usize): void {
  for (let at = list; at < end; at += ENDED_BYTES) free(load<u32>(at, ENDED_ADDRESS), load<u32>(at, ENDED_LEN));
  free(list, bytes);
  freeIndex(blocks);
  settleLiveBytes();
}
