// The series table: a label set's bytes to its ref, without a lock; creation under the one create lock.
import {
  ALIAS_BYTES, ALIAS_FLAG, ALIAS_LEN, ALIAS_REF, CTRL, C_BUDGETS, C_CREATE_LOCK, C_DEAD, C_MEMORY_LIMIT, C_REUSE, C_REUSE_BASE, C_REUSE_END,
  C_REUSE_NEXT, C_SERIES, C_SERIES_COUNT, C_SERIES_LIMIT, C_SERIES_MAX, C_TABLE, C_TABLE_USED, NONE, SERIES_SHIFT, S_LABELS, S_LABELS_LEN, S_LEAD, S_NEXT, S_T,
  WHY_MEMORY, WHY_SERIES_LIMIT,
} from "./layout";
import { equalBytes, hashBytes } from "./bytes";
import { growTable, placeEntry, root } from "./index-memory";
import { indexSeries } from "./index-postings";
import { alloc, free, liveBytes, spinLock, spinUnlock } from "./memory";
import { disapprove } from "./rules";

/** 0 where JavaScript lets a series with these canonical labels be made, and counts it; else why not. Create lock held. */
// @ts-ignore: decorator
@external("env", "admit")
export declare function admit(labels: usize, length: u32): u32;

// @ts-ignore: decorator
@inline
export function seriesAt(ref: u32): usize {
  return <usize>load<u32>(CTRL, C_SERIES) + (<usize>ref << SERIES_SHIFT);
}

/** Why `createSeries` gave NONE. */
export let createWhy: u32 = 0;

// @ts-ignore: decorator
@inline
export function tagOf(labels: usize, length: u32): u32 {
  return <u32>(hashBytes(labels, length) >>> 32);
}

/** The ref behind table entry `what` if its spelling is exactly [labels, labels + length), else NONE. */
// @ts-ignore: decorator
@inline
export function refIfEqual(what: u32, labels: usize, length: u32): u32 {
  if (what & ALIAS_FLAG) {
    const alias = <usize>((what & ~ALIAS_FLAG) << 4);
    if (load<u32>(alias, ALIAS_LEN) == length && equalBytes(alias + ALIAS_BYTES, labels, length)) return load<u32>(alias, ALIAS_REF);
    return NONE;
  }
  const series = seriesAt(what - 1);
  if (load<u32>(series, S_LABELS_LEN) == length && equalBytes(load<u32>(series, S_LABELS), labels, length)) return what - 1;
  return NONE;
}

/** The ref of a spelling, or NONE. Takes no lock: a series that is being created now may be missed. */
export function findSeries(labels: usize, length: u32, tag: u32): u32 {
  const table = atomic.load<u64>(CTRL, C_TABLE);
  const mask = <u32>(table >>> 32);
  let i = tag & mask;
  while (true) {
    const entry = atomic.load<u64>(<usize>(<u32>table) + (i << 3));
    if (entry == 0) return NONE;
    if (<u32>(entry >>> 32) == tag) {
      const ref = refIfEqual(<u32>entry, labels, length);
      if (ref != NONE) return ref;
    }
    i = (i + 1) & mask;
  }
}

/** Adds an entry to the table of the root in use. False: the heap is full. Create lock held. */
export function insertEntry(entry: u64): bool {
  let table = load<u64>(root, C_TABLE);
  const used = load<u32>(root, C_TABLE_USED) + 1;
  const slots = <u32>(table >>> 32);
  if (used > slots - (slots >>> 2)) {
    table = growTable(table);
    if (!table) return false;
    atomic.store<u64>(root, table, C_TABLE);
  }
  store<u32>(root, used, C_TABLE_USED);
  placeEntry(table, entry);
  return true;
}

/**
 * The ref of a canonical label set, created where it is new. NONE: refused, `createWhy` says why. Replay is not
 * `limited`: what was acknowledged under other limits, or with less in memory, is taken back whole.
 */
export function findOrCreate(labels: usize, length: u32, limited: bool): u32 {
  const tag = tagOf(labels, length);
  let ref = findSeries(labels, length, tag);
  if (ref != NONE) return ref;
  spinLock(CTRL + C_CREATE_LOCK);
  ref = findSeries(labels, length, tag);
  if (ref == NONE) ref = create(labels, length, tag, limited, NONE);
  spinUnlock(CTRL + C_CREATE_LOCK);
  return ref;
}

/** For replay: creates a new label set at `ref`, which is no series now, or the next one. NONE: the heap is full. */
export function createAt(ref: u32, labels: usize, length: u32): u32 {
  spinLock(CTRL + C_CREATE_LOCK);
  const made = create(labels, length, tagOf(labels, length), false, ref);
  spinUnlock(CTRL + C_CREATE_LOCK);
  return made;
}

/** Series made by the last request of this thread; the caller resets it. */
export let created: u32 = 0;
export function resetCreated(): void {
  created = 0;
}

function create(labels: usize, length: u32, tag: u32, limited: bool, wanted: u32): u32 {
  const count = load<u32>(CTRL, C_SERIES_COUNT);
  const next = load<u32>(CTRL, C_REUSE_NEXT);
  const reuses = wanted == NONE && next != load<u32>(CTRL, C_REUSE_END);
  let ref = wanted == NONE ? count : wanted;
  if (reuses) ref = load<u32>(<usize>load<u32>(CTRL, C_REUSE) + (<usize>(next - load<u32>(CTRL, C_REUSE_BASE)) << 2));
  const full = limited && count - load<u32>(CTRL, C_DEAD) >= load<u32>(CTRL, C_SERIES_LIMIT);
  if (full || ref >= load<u32>(CTRL, C_SERIES_MAX)) {
    createWhy = WHY_SERIES_LIMIT;
    return NONE;
  }
  createWhy = WHY_MEMORY;
  if (limited && liveBytes() > load<i64>(CTRL, C_MEMORY_LIMIT)) return NONE;
  if (limited && load<u32>(CTRL, C_BUDGETS)) {
    const why = admit(labels, length);
    if (why) {
      createWhy = why;
      return NONE;
    }
  }
  const copy = alloc(length);
  if (!copy) return NONE;
  disapprove(ref);
  memory.copy(copy, labels, length);
  const series = seriesAt(ref);
  store<u32>(series, <u32>copy, S_LABELS);
  store<i64>(series, i64.MIN_VALUE, S_T);
  store<u8>(series, 0xff, S_LEAD);
  store<u32>(series, ref + 1, S_NEXT); // refs are given in the order of arrival: the best first guess
  const entered = indexSeries(ref, copy, length) && insertEntry((<u64>tag << 32) | (ref + 1));
  if (entered) {
    atomic.store<u32>(series, length, S_LABELS_LEN); // from here on the ref is a series
    created++;
  } else free(copy, length); // postings may name the ref already: it is spent
  if (ref == count) {
    if (!entered) store<u32>(CTRL, load<u32>(CTRL, C_DEAD) + 1, C_DEAD);
    atomic.store<u32>(CTRL, ref + 1, C_SERIES_COUNT); // publishes the series
  } else {
    if (entered) store<u32>(CTRL, load<u32>(CTRL, C_DEAD) - 1, C_DEAD);
    if (reuses) atomic.store<u32>(CTRL, next + 1, C_REUSE_NEXT);
  }
  return entered ? ref : NONE;
}

/** Gives out `ref`, the next one, to nobody. Create lock held. */
export function buryRef(ref: u32): void {
  store<u32>(seriesAt(ref), 0, S_LABELS_LEN);
  store<u32>(CTRL, load<u32>(CTRL, C_DEAD) + 1, C_DEAD);
  atomic.store<u32>(CTRL, ref + 1, C_SERIES_COUNT);
}

/**
 * Lets new series have the `n` refs at `refs`, of which nothing may name the old series any more, the log
 * included. Positions before `logged` are forgotten. False: the heap is full, nothing changed.
 */
export function reuseRefs(refs: usize, n: u32, logged: u32): bool {
  spinLock(CTRL + C_CREATE_LOCK);
  const old = <usize>load<u32>(CTRL, C_REUSE);
  const base = load<u32>(CTRL, C_REUSE_BASE);
  const end = load<u32>(CTRL, C_REUSE_END);
  const kept = end - logged;
  const block = alloc((kept + n) << 2);
  if (block) {
    memory.copy(block, old + (<usize>(logged - base) << 2), kept << 2);
    memory.copy(block + (<usize>kept << 2), refs, n << 2);
    store<u32>(CTRL, <u32>block, C_REUSE);
    store<u32>(CTRL, logged, C_REUSE_BASE);
    store<u32>(CTRL, end + n, C_REUSE_END);
    if (old) free(old, (end - base) << 2);
  }
  spinUnlock(CTRL + C_CREATE_LOCK);
  return block != 0;
}

/** A sender has one order of labels, a few senders a few: more than two a series are somebody's play. */
const ALIASES_SPARE: u32 = 1024;

/** Remembers that the bytes [spelling, spelling + length) mean `ref`. Forgets it where memory is short or aliases are many. */
export function addAlias(spelling: usize, length: u32, ref: u32): void {
  if (liveBytes() > load<i64>(CTRL, C_MEMORY_LIMIT)) return;
  const tag = tagOf(spelling, length);
  spinLock(CTRL + C_CREATE_LOCK);
  const series = load<u32>(CTRL, C_SERIES_COUNT) - load<u32>(CTRL, C_DEAD);
  const aliases = <i32>(load<u32>(CTRL, C_TABLE_USED) - series);
  if (aliases < <i32>(2 * series + ALIASES_SPARE) && findSeries(spelling, length, tag) == NONE) {
    const alias = alloc(<u32>ALIAS_BYTES + length);
    if (alias) {
      store<u32>(alias, ref, ALIAS_REF);
      store<u32>(alias, length, ALIAS_LEN);
      memory.copy(alias + ALIAS_BYTES, spelling, length);
      insertEntry((<u64>tag << 32) | ALIAS_FLAG | (<u32>alias >>> 4));
    }
  }
  spinUnlock(CTRL + C_CREATE_LOCK);
}
