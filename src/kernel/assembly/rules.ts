// Rules for label sets on their way in. JavaScript judges each new spelling once (`judge`); what came of it is
// remembered here: a bit for a label set that stays as it is, else an entry in a table of spellings. Everything hangs on
// one block, made and replaced by the main thread; a request works with the block that it found at its start.
import {
  CTRL, C_CREATE_LOCK, C_MEMORY_LIMIT, C_RULES, DROPPED, NONE, RULES_APPROVED, RULES_REFS, RULES_SPELLING_BYTES,
  RULES_SPELLING_BYTES_MAX, RULES_TABLE, RULES_USED, SPELLING_LEN, SPELLING_REF, SPELLING_SOURCE, SPELLING_TAG, SPELLING_TEXT,
  S_LABELS, S_LABELS_LEN,
} from "./layout";
import { equalBytes } from "./bytes";
import { alloc, free, liveBytes, spinLock, spinUnlock } from "./memory";
import { findSeries, seriesAt, tagOf } from "./series";

/**
 * JavaScript's verdict on the canonical label set at R_CANON: JUDGED_SAME, JUDGED_DROP, the length of another
 * canonical label set that it wrote to R_CLOSED (with R_SOURCE), or the negative of a reason to refuse it.
 */
// @ts-ignore: decorator
@external("env", "judge")
export declare function judge(scratch: usize, length: u32): i32;
export const JUDGED_SAME: i32 = 0;
export const JUDGED_DROP: i32 = -1;

const SPELLING_SLOTS: u32 = 1 << 12;

/** The rules of the request under way, 0: none. */
let rules: usize = 0;

/** To be called before each request. Returns its rules, for `judge` to go by the same ones. */
export function beginRules(): usize {
  rules = atomic.load<u32>(CTRL, C_RULES);
  return rules;
}

// @ts-ignore: decorator
@inline
export function ruled(): bool {
  return rules != 0;
}

/** Whether a series may be used for a spelling of its own label set. */
// @ts-ignore: decorator
@inline
export function approved(ref: u32): bool {
  return rules == 0 || approvedBit(ref);
}

function approvedBit(ref: u32): bool {
  if (ref >= load<u32>(rules, RULES_REFS)) return false;
  return ((<u32>load<u8>(load<u32>(rules, RULES_APPROVED) + (ref >>> 3)) >>> (ref & 7)) & 1) != 0;
}

/** Remembers that the rules leave `ref` as it is. */
export function approve(ref: u32): void {
  if (ref < load<u32>(rules, RULES_REFS)) atomic.or<u8>(load<u32>(rules, RULES_APPROVED) + (ref >>> 3), 1 << <u8>(ref & 7));
}

/** A ref is given to another label set: nothing is known about it. Create lock held. */
export function disapprove(ref: u32): void {
  const current = <usize>load<u32>(CTRL, C_RULES);
  if (!current || ref >= load<u32>(current, RULES_REFS)) return;
  atomic.and<u8>(load<u32>(current, RULES_APPROVED) + (ref >>> 3), ~(1 << <u8>(ref & 7)));
}

/** SPELLING_SOURCE of what `findRuled` found. */
export let ruledSource: u32 = 0;

/** The ref of an unchanged label set in this spelling, or what the rules made of the spelling; DROPPED; NONE: not known. */
export function findUnderRules(labels: usize, length: u32, tag: u32): u32 {
  const ref = findSeries(labels, length, tag);
  ruledSource = 0;
  if (rules == 0 || (ref != NONE && approvedBit(ref))) return ref;
  return findRuled(labels, length, tag);
}

function findRuled(labels: usize, length: u32, tag: u32): u32 {
  const table = atomic.load<u64>(rules, RULES_TABLE);
  const mask = <u32>(table >>> 32);
  let i = tag & mask;
  while (true) {
    const entry = atomic.load<u64>(<usize>(<u32>table) + (i << 3));
    if (entry == 0) return NONE;
    const spelling = <usize>(<u32>entry);
    if (<u32>(entry >>> 32) == tag && load<u32>(spelling, SPELLING_LEN) == length && equalBytes(spelling + SPELLING_TEXT, labels, length)) {
      const ref = load<u32>(spelling);
      ruledSource = load<u32>(spelling, SPELLING_SOURCE);
      return ref == DROPPED || labelsTag(ref) == load<u32>(spelling, SPELLING_TAG) ? ref : NONE;
    }
    i = (i + 1) & mask;
  }
}

function labelsTag(ref: u32): u32 {
  const series = seriesAt(ref);
  const length = load<u32>(series, S_LABELS_LEN);
  return length ? tagOf(load<u32>(series, S_LABELS), length) : 0;
}

/** Remembers what the rules made of a spelling. Forgets it where memory is short. */
export function addSpelling(spelling: usize, length: u32, ref: u32, source: u32): void {
  if (liveBytes() > load<i64>(CTRL, C_MEMORY_LIMIT)) return;
  const tag = tagOf(spelling, length);
  const bytes = <u32>SPELLING_TEXT + length;
  spinLock(CTRL + C_CREATE_LOCK);
  const used = load<u32>(rules, RULES_SPELLING_BYTES) + bytes + 8;
  if (used <= load<u32>(rules, RULES_SPELLING_BYTES_MAX) && findRuled(spelling, length, tag) == NONE && roomForOne()) {
    const at = alloc(bytes);
    if (at) {
      store<u32>(at, ref, SPELLING_REF);
      store<u32>(at, ref == DROPPED ? 0 : labelsTag(ref), SPELLING_TAG);
      store<u32>(at, source, SPELLING_SOURCE);
      store<u32>(at, length, SPELLING_LEN);
      memory.copy(at + SPELLING_TEXT, spelling, length);
      place(load<u64>(rules, RULES_TABLE), (<u64>tag << 32) | at);
      store<u32>(rules, load<u32>(rules, RULES_USED) + 1, RULES_USED);
      store<u32>(rules, used, RULES_SPELLING_BYTES);
    }
  }
  spinUnlock(CTRL + C_CREATE_LOCK);
}

function place(table: u64, entry: u64): void {
  const mask = <u32>(table >>> 32);
  let i = <u32>(entry >>> 32) & mask;
  while (load<u64>(<usize>(<u32>table) + (i << 3)) != 0) i = (i + 1) & mask;
  atomic.store<u64>(<usize>(<u32>table) + (i << 3), entry);
}

/** Readers may be in the smaller table while a larger one takes its place: it stays until all of it is freed. */
function roomForOne(): bool {
  const table = load<u64>(rules, RULES_TABLE);
  const slots = <u32>(table >>> 32) + 1;
  if (load<u32>(rules, RULES_USED) + 1 <= slots - (slots >>> 2)) return true;
  const grown = newSpellings(slots << 1, <u32>table, slots);
  if (!grown) return false;
  for (let i: u32 = 0; i < slots; i++) {
    const entry = load<u64>(<usize>(<u32>table) + (i << 3));
    if (entry) place(grown, entry);
  }
  atomic.store<u64>(rules, grown, RULES_TABLE);
  return true;
}

function newSpellings(slots: u32, before: u32, slotsBefore: u32): u64 {
  const at = alloc((slots << 3) + 8);
  if (!at) return 0;
  memory.fill(at, 0, slots << 3);
  store<u32>(at + (slots << 3), before);
  store<u32>(at + (slots << 3), slotsBefore, 4);
  return (<u64>(slots - 1) << 32) | at;
}

/** Gives the block at `at` an empty table of spellings. False: the heap is full. */
export function initRules(at: usize): bool {
  const table = newSpellings(SPELLING_SLOTS, 0, 0);
  store<u64>(at, table, RULES_TABLE);
  return table != 0;
}

/** Frees the spellings and tables of a block that no request uses any more, not the block itself. */
export function freeSpellings(at: usize): void {
  const table = load<u64>(at, RULES_TABLE);
  let slots = <u32>(table >>> 32) + 1;
  let address = <usize>(<u32>table);
  for (let i: u32 = 0; i < slots; i++) {
    const spelling = <usize>(<u32>load<u64>(address + (i << 3)));
    if (spelling) free(spelling, <u32>SPELLING_TEXT + load<u32>(spelling, SPELLING_LEN));
  }
  while (address) {
    const before = <usize>load<u32>(address + (slots << 3));
    const slotsBefore = load<u32>(address + (slots << 3), 4);
    free(address, (slots << 3) + 8);
    address = before;
    slots = slotsBefore;
  }
}
