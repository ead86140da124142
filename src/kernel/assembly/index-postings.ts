// Label names, label pairs and their postings. Everything is append-only and written under the create lock;
// readers follow published counts and never wait. Ended series leave with the whole index (collect-ended.ts).
import {
  BLOCK_CAP, BLOCK_NEXT, BLOCK_REFS, BLOCK_USED, C_NAMES, C_NAMES_LAST, C_PAIRS, C_PAIRS_USED,
  KEY_BYTES, KEY_LEN, KEY_TEXT, NAME_COUNT, NAME_NEXT, NAME_PAIRS, NAME_PAIRS_LAST,
  PAIR_BLOCK, PAIR_COUNT, PAIR_LAST, PAIR_NAME, PAIR_NEXT, PAIR_REFS,
} from "./layout";
import { equalBytes, hashBytes, readVarint, varintEnd } from "./bytes";
import { growTable, metaAlloc, placeEntry, root } from "./index-memory";

/** The name or pair whose key is [key, key + length), 0 where there is none. Takes no lock. */
export function findKey(key: usize, length: u32): usize {
  const table = atomic.load<u64>(root, C_PAIRS);
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
  let table = load<u64>(root, C_PAIRS);
  const used = load<u32>(root, C_PAIRS_USED) + 1;
  if (used > <u32>(table >>> 32) - (<u32>(table >>> 32) >>> 2)) {
    table = growTable(table);
    if (!table) return false;
    atomic.store<u64>(root, table, C_PAIRS);
  }
  store<u32>(root, used, C_PAIRS_USED);
  placeEntry(table, (hashBytes(at + KEY_BYTES, load<u32>(at, KEY_LEN)) & 0xffffffff00000000) | at);
  return true;
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
  const last = load<u32>(root, C_NAMES_LAST);
  store<u32>(root, <u32>at, C_NAMES_LAST);
  if (last) atomic.store<u32>(last, <u32>at, NAME_NEXT);
  else atomic.store<u32>(root, <u32>at, C_NAMES);
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

/** Appends `ref` to the postings of `pair`: mostly in ascending order, but for refs that are used again. */
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

/** Puts `n` refs at `refs`, ascending, under `pair`, which has none. False: the heap is full. */
function addPostings(pair: usize, refs: usize, n: u32): bool {
  for (let i: u32 = 0; i < n && i < 2; i++) store<u32>(pair + (i << 2), load<u32>(refs + (i << 2)), PAIR_REFS);
  if (n > 2) {
    const cap = (n & ~3) + 1; // at least n - 2, and with the head a multiple of 16 bytes
    const block = metaAlloc(<u32>BLOCK_REFS + (cap << 2));
    if (!block) return false;
    store<u32>(block, 0, BLOCK_NEXT);
    store<u32>(block, cap, BLOCK_CAP);
    store<u32>(block, n - 2, BLOCK_USED);
    memory.copy(block + BLOCK_REFS, refs + 8, (n - 2) << 2);
    store<u32>(pair, <u32>block, PAIR_BLOCK);
    store<u32>(pair, <u32>block, PAIR_LAST);
  }
  store<u32>(pair, n, PAIR_COUNT);
  return true;
}

/** Enters `pair` of another index, which belongs to `name` there, with these refs. False: the heap is full. */
export function copyPair(name: usize, pair: usize, refs: usize, n: u32): bool {
  const nameKey = load<u32>(name, KEY_LEN);
  const nameText = load<u32>(name, KEY_TEXT);
  const at = newPair(pair + KEY_BYTES, load<u32>(pair, KEY_LEN), nameKey, nameText, load<u32>(pair, KEY_TEXT));
  return at != 0 && addPostings(at, refs, n);
}

/** Copies the refs of `pair` that are below `refEnd` to `target` (u32 each), ascending; returns how many. Takes no lock. */
export function readPostings(pair: usize, refEnd: u32, target: usize): u32 {
  const count = atomic.load<u32>(pair, PAIR_COUNT);
  let n: u32 = 0;
  let newest: u32 = 0;
  let sorted = true;
  for (let i: u32 = 0; i < count && i < 2; i++) {
    const ref = load<u32>(pair + (i << 2), PAIR_REFS);
    sorted = sorted && ref >= newest;
    newest = ref;
    if (ref < refEnd) store<u32>(target + (n++ << 2), ref);
  }
  let left = count > 2 ? count - 2 : 0;
  let block: usize = load<u32>(pair, PAIR_BLOCK);
  while (left) {
    const take = min<u32>(left, load<u32>(block, BLOCK_CAP));
    for (let i: u32 = 0; i < take; i++) {
      const ref = load<u32>(block + (i << 2), BLOCK_REFS);
      sorted = sorted && ref >= newest;
      newest = ref;
      if (ref < refEnd) store<u32>(target + (n++ << 2), ref);
    }
    left -= take;
    block = load<u32>(block, BLOCK_NEXT);
  }
  if (!sorted) sortNumbers(target, n);
  return n;
}

/** Sorts `n` u32 at `at`, ascending: a heap sort, for it needs no room. */
function sortNumbers(at: usize, n: u32): void {
  for (let i = n >>> 1; i > 0; i--) sink(at, i - 1, n);
  for (let end = n; end > 1; end--) {
    const last = at + ((end - 1) << 2);
    const greatest = load<u32>(at);
    store<u32>(at, load<u32>(last));
    store<u32>(last, greatest);
    sink(at, 0, end - 1);
  }
}

function sink(at: usize, i: u32, n: u32): void {
  const value = load<u32>(at + (i << 2));
  while (true) {
    let child = (i << 1) + 1;
    if (child >= n) break;
    if (child + 1 < n && load<u32>(at + (child << 2), 4) > load<u32>(at + (child << 2))) child++;
    const greater = load<u32>(at + (child << 2));
    if (greater <= value) break;
    store<u32>(at + (i << 2), greater);
    i = child;
  }
  store<u32>(at + (i << 2), value);
}
