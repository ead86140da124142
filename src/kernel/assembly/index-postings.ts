// Label names, label pairs and their postings. Everything is append-only and written under the create lock;
// readers follow published counts and never wait.
import {
  BLOCK_CAP, BLOCK_NEXT, BLOCK_REFS, BLOCK_USED, CTRL, C_META_AT, C_META_END, C_NAMES, C_NAMES_LAST, C_PAIRS, C_PAIRS_USED,
  KEY_BYTES, KEY_LEN, KEY_TEXT, NAME_COUNT, NAME_NEXT, NAME_PAIRS, NAME_PAIRS_LAST,
  PAIR_BLOCK, PAIR_COUNT, PAIR_LAST, PAIR_NAME, PAIR_NEXT, PAIR_REFS,
} from "./layout";
import { equalBytes, hashBytes, readVarint, varintEnd } from "./bytes";
import { accountLive, reserve } from "./memory";

const META_REGION: u32 = 256 << 10;

/** From the index' own arena, never given back; a multiple of 16 bytes. 0: the heap is full. Create lock held. */
export function metaAlloc(bytes: u32): usize {
  bytes = (bytes + 15) & ~15;
  let at = load<u32>(CTRL, C_META_AT);
  if (bytes > load<u32>(CTRL, C_META_END) - at) {
    const size = bytes > META_REGION ? bytes : META_REGION;
    at = <u32>reserve(size);
    if (!at) return 0;
    at = (at + 15) & ~15;
    store<u32>(CTRL, at + size - 16, C_META_END);
    if (bytes > size - 16) return 0;
  }
  store<u32>(CTRL, at + bytes, C_META_AT);
  accountLive(bytes);
  return at;
}

/** The name or pair whose key is [key, key + length), 0 where there is none. Takes no lock. */
export function findKey(key: usize, length: u32): usize {
  const table = atomic.load<u64>(CTRL, C_PAIRS);
  const mask = <u32>(table >>> 32);
  const tag = <u32>(hashBytes(key, length) >>> 32);
  let i = tag & mask;
  while (true) {
    const entry = atomic.load<u64>(<usize>(<u32>table) + (i << 3));
    if (entry == 0) return 0;
    if (<u32>(entry >>> 32) == tag) {
      const at = <usize>(<u32>entry);
      if (load<u32>(at, KEY_LEN) == length && equalBytes(at + KEY_BYTES, key, length)) return at;
    }
    i = (i + 1) & mask;
  }
}

function insertKey(at: usize): bool {
  let table = load<u64>(CTRL, C_PAIRS);
  const used = load<u32>(CTRL, C_PAIRS_USED) + 1;
  if (used > <u32>(table >>> 32) - (<u32>(table >>> 32) >>> 2)) {
    table = growTable(table);
    if (!table) return false;
    atomic.store<u64>(CTRL, table, C_PAIRS);
  }
  store<u32>(CTRL, used, C_PAIRS_USED);
  placeEntry(table, (hashBytes(at + KEY_BYTES, load<u32>(at, KEY_LEN)) & 0xffffffff00000000) | at);
  return true;
}

/** A table entry is {what u32, tag u32}; it lies at or behind slot tag & mask. */
export function placeEntry(table: u64, entry: u64): void {
  const mask = <u32>(table >>> 32);
  let i = <u32>(entry >>> 32) & mask;
  while (load<u64>(<usize>(<u32>table) + (i << 3)) != 0) i = (i + 1) & mask;
  atomic.store<u64>(<usize>(<u32>table) + (i << 3), entry);
}

/** Twice the table with the same entries; readers of the old one miss at most what is new. 0: the heap is full. */
export function growTable(table: u64): u64 {
  const slots = (<u32>(table >>> 32) + 1) << 1;
  const at = newTable(slots);
  if (!at) return 0;
  const grown = (<u64>(slots - 1) << 32) | at;
  for (let i: u32 = 0; i < slots >>> 1; i++) {
    const entry = load<u64>(<usize>(<u32>table) + (i << 3));
    if (entry) placeEntry(grown, entry);
  }
  return grown;
}

/** `slots` (a power of two) empty entries; fresh memory is zero. 0: the heap is full. */
export function newTable(slots: u32): usize {
  const at = reserve((slots << 3) + 16);
  if (!at) return 0;
  accountLive(slots << 3);
  return (at + 15) & ~15;
}

function newKey(key: usize, length: u32, text: u32): usize {
  const at = metaAlloc(<u32>KEY_BYTES + length);
  if (!at) return 0;
  memory.fill(at, 0, KEY_BYTES);
  store<u32>(at, length, KEY_LEN);
  store<u32>(at, text, KEY_TEXT);
  memory.copy(at + KEY_BYTES, key, length);
  return insertKey(at) ? at : 0;
}

function nameOf(key: usize, length: u32, text: u32): usize {
  const known = findKey(key, length);
  if (known) return known;
  const at = newKey(key, length, text);
  if (!at) return 0;
  const last = load<u32>(CTRL, C_NAMES_LAST);
  store<u32>(CTRL, <u32>at, C_NAMES_LAST);
  if (last) atomic.store<u32>(last, <u32>at, NAME_NEXT);
  else atomic.store<u32>(CTRL, <u32>at, C_NAMES);
  return at;
}

function newPair(key: usize, length: u32, nameKey: u32, nameText: u32, valueText: u32): usize {
  const name = nameOf(key, nameKey, nameText);
  if (!name) return 0;
  const at = newKey(key, length, valueText);
  if (!at) return 0;
  store<u32>(at, <u32>name, PAIR_NAME);
  const last = load<u32>(name, NAME_PAIRS_LAST);
  store<u32>(name, <u32>at, NAME_PAIRS_LAST);
  if (last) atomic.store<u32>(last, <u32>at, PAIR_NEXT);
  else atomic.store<u32>(name, <u32>at, NAME_PAIRS);
  atomic.store<u32>(name, load<u32>(name, NAME_COUNT) + 1, NAME_COUNT);
  return at;
}

/** Appends `ref` to the postings of `pair`. Refs come in ascending order, so postings are sorted. */
function addPosting(pair: usize, ref: u32): bool {
  const count = load<u32>(pair, PAIR_COUNT);
  if (count < 2) store<u32>(pair + (count << 2), ref, PAIR_REFS);
  else {
    let block: usize = load<u32>(pair, PAIR_LAST);
    if (!block || load<u32>(block, BLOCK_USED) == load<u32>(block, BLOCK_CAP)) {
      // 16-byte steps with a 12-byte head: capacities 5, 13, 29 … 1021
      const cap: u32 = block ? min<u32>(load<u32>(block, BLOCK_CAP) * 2 + 3, 1021) : 5;
      const next = metaAlloc(<u32>BLOCK_REFS + (cap << 2));
      if (!next) return false;
      store<u32>(next, 0, BLOCK_NEXT);
      store<u32>(next, cap, BLOCK_CAP);
      store<u32>(next, 0, BLOCK_USED);
      if (block) store<u32>(block, <u32>next, BLOCK_NEXT);
      else store<u32>(pair, <u32>next, PAIR_BLOCK);
      store<u32>(pair, <u32>next, PAIR_LAST);
      block = next;
    }
    const used = load<u32>(block, BLOCK_USED);
    store<u32>(block + (used << 2), ref, BLOCK_REFS);
    store<u32>(block, used + 1, BLOCK_USED);
  }
  atomic.store<u32>(pair, count + 1, PAIR_COUNT); // publishes the ref
  return true;
}

/** Enters a new series under each of its labels. `labels` is canonical. False: the heap is full. */
export function indexSeries(ref: u32, labels: usize, length: u32): bool {
  const end = labels + length;
  let at = labels;
  while (at < end) {
    const body = <u32>readVarint(at + 1, end);
    const key = varintEnd;
    let pair = findKey(key, body);
    if (!pair) {
      const nameText = <u32>readVarint(key + 1, end);
      const nameKey = <u32>(varintEnd - key) + nameText;
      const valueText = <u32>readVarint(key + nameKey + 1, end);
      pair = newPair(key, body, nameKey, nameText, valueText);
      if (!pair) return false;
    }
    if (!addPosting(pair, ref)) return false;
    at = key + body;
  }
  return true;
}

/** Copies the refs of `pair` that are below `refEnd` to `target` (u32 each); returns how many. Takes no lock. */
export function readPostings(pair: usize, refEnd: u32, target: usize): u32 {
  const count = atomic.load<u32>(pair, PAIR_COUNT);
  let n: u32 = 0;
  for (let i: u32 = 0; i < count && i < 2; i++) {
    const ref = load<u32>(pair + (i << 2), PAIR_REFS);
    if (ref < refEnd) store<u32>(target + (n++ << 2), ref);
  }
  let left = count > 2 ? count - 2 : 0;
  let block: usize = load<u32>(pair, PAIR_BLOCK);
  while (left) {
    const take = min<u32>(left, load<u32>(block, BLOCK_CAP));
    for (let i: u32 = 0; i < take; i++) {
      const ref = load<u32>(block + (i << 2), BLOCK_REFS);
      if (ref < refEnd) store<u32>(target + (n++ << 2), ref);
    }
    left -= take;
    block = load<u32>(block, BLOCK_NEXT);
  }
  return n;
}
