// Series that have ended leave the head: once blocks hold all of their samples, a new index without them is built
// beside the old one, while requests go on, and takes its place in a moment without requests. Queries go on then,
// too: what they can still read (the old index, label bytes) is listed, to be given back when the last is over.
//
//   markEnded ─► buildWithout ─► replaceIndex (no request under way) ─► buryEnded ─► freeEnded (no older query)
import {
  ALIAS_BYTES, ALIAS_FLAG, ALIAS_LEN, ALIAS_REF, CTRL, C_CREATE_LOCK, C_DEAD, C_GENERATION, C_META_BLOCKS, C_NAMES, C_SERIES_COUNT,
  C_TABLE, C_TABLE_USED, ENDED_ADDRESS, ENDED_BYTES, ENDED_LEN, ENDED_REF, EXT_BYTES, INDEX_ROOT_BYTES, NAME_NEXT, NAME_PAIRS, NONE,
  PAIR_COUNT, PAIR_NEXT, SERIES_SHIFT, S_CAP, S_CHUNK, S_EXT, S_LABELS, S_LABELS_LEN, S_NUM, S_T, X_CHUNKS, X_HIST, X_HIST_T, X_OOO,
  X_OOO_CAP, X_OOO_COUNT,
} from "./layout";
import { beginIndex, freeIndex, useRoot } from "./index-memory";
import { copyPair, indexSeries, readPostings } from "./index-postings";
import { alloc, free, lockStripe, settleLiveBytes, spinLock, spinUnlock, stripeOf, unlockStripe } from "./memory";
import { insertEntry, seriesAt, tagOf } from "./series";

/** The root of the index that is being built, 0: none. */
let side: usize = 0;
/** It was built of refs below; `bits` are as long. */
let covered: u32 = 0;

/** True if the head holds no sample of the series and has had none since `border`. */
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

function flip(bits: usize, ref: u32): void {
  store<u8>(bits + (ref >>> 3), load<u8>(bits + (ref >>> 3)) ^ (<u8>1 << <u8>(ref & 7)));
}

/**
 * Sets the bits, all zero before, of refs below `count` that need no place in the index: series that have ended and
 * are not in `stay`, and refs that are no series. Returns how many series have ended. With `bits` 0 it only counts.
 */
export function markEnded(bits: usize, stay: usize, count: u32, border: f64): u32 {
  let ended: u32 = 0;
  for (let ref: u32 = 0; ref < count; ref++) {
    const series = seriesAt(ref);
    const length = load<u32>(series, S_LABELS_LEN);
    if (length && ((stay && isSet(stay, ref)) || !hasEnded(series, <i64>border))) continue;
    if (length) ended++;
    if (bits) flip(bits, ref);
  }
  return ended;
}

/** Copies all names, pairs and postings but those of the refs in `bits` to the root in use. */
function copyPostings(bits: usize, work: usize, room: u32): bool {
  for (let name: usize = load<u32>(CTRL, C_NAMES); name; name = load<u32>(name, NAME_NEXT)) {
    for (let pair: usize = load<u32>(name, NAME_PAIRS); pair; pair = load<u32>(pair, PAIR_NEXT)) {
      if (atomic.load<u32>(pair, PAIR_COUNT) > room) return false;
      const n = readPostings(pair, covered, work);
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

/** Copies the series of the table but those in `bits`; aliases come last, when no more can be added. */
function copySeries(bits: usize): bool {
  const table = atomic.load<u64>(CTRL, C_TABLE);
  const slots = <u32>(table >>> 32) + 1;
  for (let i: u32 = 0; i < slots; i++) {
    const entry = atomic.load<u64>(<usize>(<u32>table) + (i << 3));
    const what = <u32>entry;
    if (!what || what & ALIAS_FLAG || what - 1 >= covered || isSet(bits, what - 1)) continue;
    if (!insertEntry(entry)) return false;
  }
  return true;
}

/**
 * Builds an index of the refs below `count` that are not in `bits`. `work`: room for `room` refs. Requests may be
 * under way. False: the heap is full, nothing is left of it.
 */
export function buildWithout(bits: usize, count: u32, work: usize, room: u32): bool {
  side = alloc(INDEX_ROOT_BYTES);
  if (!side) return false;
  memory.fill(side, 0, INDEX_ROOT_BYTES);
  covered = count;
  useRoot(side);
  const built = beginIndex(load<u32>(CTRL, C_TABLE_USED)) && copyPostings(bits, work, room) && copySeries(bits);
  useRoot(CTRL);
  if (!built) endSide(true);
  settleLiveBytes();
  return built;
}

/** Forgets the index that was built; `whole`: its memory, too. */
function endSide(whole: bool): void {
  if (whole) freeIndex(load<u32>(side, C_META_BLOCKS));
  free(side, INDEX_ROOT_BYTES);
  side = 0;
}

/** Enters a series that came, or came back, since the new index was built. */
function enter(ref: u32): bool {
  const labels = <usize>load<u32>(seriesAt(ref), S_LABELS);
  const length = load<u32>(seriesAt(ref), S_LABELS_LEN);
  return indexSeries(ref, labels, length) && insertEntry((<u64>tagOf(labels, length) << 32) | (ref + 1));
}

/** Series in `bits` that leave, after those that do not are entered again with all that are new; -1: the heap is full. */
function catchUp(bits: usize, stay: usize, border: i64): i32 {
  let leaving: i32 = 0;
  for (let ref: u32 = 0; ref < covered; ref++) {
    if (!isSet(bits, ref) || !load<u32>(seriesAt(ref), S_LABELS_LEN)) continue;
    if (!isSet(stay, ref) && hasEnded(seriesAt(ref), border)) leaving++;
    else if (enter(ref)) flip(bits, ref);
    else return -1;
  }
  const count = load<u32>(CTRL, C_SERIES_COUNT);
  for (let ref = covered; ref < count; ref++) {
    if (load<u32>(seriesAt(ref), S_LABELS_LEN) && !enter(ref)) return -1;
  }
  return leaving;
}

/** Copies aliases of series that stay; those of others go to `list`, or are only counted where it is 0. -1: no room. */
function copyAliases(bits: usize, list: usize): i32 {
  const table = load<u64>(CTRL, C_TABLE);
  const slots = <u32>(table >>> 32) + 1;
  let leaving: i32 = 0;
  for (let i: u32 = 0; i < slots; i++) {
    const entry = load<u64>(<usize>(<u32>table) + (i << 3));
    if (!(<u32>entry & ALIAS_FLAG)) continue;
    const alias = <usize>((<u32>entry & ~ALIAS_FLAG) << 4);
    const ref = load<u32>(alias, ALIAS_REF);
    if (ref < covered && isSet(bits, ref)) {
      if (list) enlist(list + leaving * ENDED_BYTES, NONE, <u32>alias, <u32>ALIAS_BYTES + load<u32>(alias, ALIAS_LEN));
      leaving++;
    } else if (!list && !insertEntry(entry)) return -1;
  }
  return leaving;
}

function enlist(at: usize, ref: u32, address: u32, length: u32): void {
  store<u32>(at, ref, ENDED_REF);
  store<u32>(at, address, ENDED_ADDRESS);
  store<u32>(at, length, ENDED_LEN);
}

/**
 * Puts the index that `buildWithout` made in the place of the old one. No request may be under way. False: the heap
 * is full, nothing changed. Else `result` has four words for `buryEnded` and `freeEnded`: the address of the list
 * of what leaves, its end, its bytes, and the blocks of the old index.
 */
export function replaceIndex(bits: usize, stay: usize, border: f64, result: usize): bool {
  spinLock(CTRL + C_CREATE_LOCK);
  useRoot(side);
  const series = catchUp(bits, stay, <i64>border);
  const aliases = series < 0 ? -1 : copyAliases(bits, 0);
  useRoot(CTRL);
  const bytes = (series + aliases + 1) * ENDED_BYTES;
  const list = aliases < 0 ? 0 : alloc(bytes);
  if (list) {
    const oldBlocks = load<u32>(CTRL, C_META_BLOCKS);
    const end = enlistLeaving(bits, list + copyAliases(bits, list) * ENDED_BYTES);
    for (let word = C_TABLE; word < INDEX_ROOT_BYTES; word += 8) atomic.store<u64>(CTRL + word, load<u64>(side + word));
    store<u32>(CTRL, load<u32>(CTRL, C_DEAD) + series, C_DEAD);
    atomic.store<u32>(CTRL, load<u32>(CTRL, C_GENERATION) + 1, C_GENERATION);
    store<u32>(result, <u32>list);
    store<u32>(result, <u32>end, 4);
    store<u32>(result, bytes, 8);
    store<u32>(result, oldBlocks, 12);
  }
  endSide(!list);
  spinUnlock(CTRL + C_CREATE_LOCK);
  settleLiveBytes();
  return list != 0;
}

/** From here on the refs in `bits` are no series. */
function enlistLeaving(bits: usize, list: usize): usize {
  for (let ref: u32 = 0; ref < covered; ref++) {
    if (!isSet(bits, ref)) continue;
    const series = seriesAt(ref);
    const length = load<u32>(series, S_LABELS_LEN);
    if (!length) continue;
    enlist(list, ref, load<u32>(series, S_LABELS), length);
    list += ENDED_BYTES;
    atomic.store<u32>(series, 0, S_LABELS_LEN);
  }
  return list;
}

/** Clears the structs of the series in the list and gives back what hung on them, but for the label bytes. */
export function buryEnded(list: usize, end: usize): void {
  for (let at = list; at < end; at += ENDED_BYTES) {
    const ref = load<u32>(at, ENDED_REF);
    if (ref == NONE) continue;
    const series = seriesAt(ref);
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
  }
  settleLiveBytes();
}

/** Gives back what readers could still reach. On a thread that shares what it frees. */
export function freeEnded(list: usize, end: usize, bytes: u32, blocks: usize): void {
  for (let at = list; at < end; at += ENDED_BYTES) free(load<u32>(at, ENDED_ADDRESS), load<u32>(at, ENDED_LEN));
  free(list, bytes);
  freeIndex(blocks);
  settleLiveBytes();
}
