// Memory of the index: an arena that is given back as a whole, and the hash tables. All of it hangs on one root,
// the words from C_TABLE on: those of the control block, or those of an index that is being built beside it.
import {
  CTRL, C_META_AT, C_META_BLOCKS, C_META_END, C_PAIRS, C_TABLE, META_ADDRESS, META_BYTES, META_HEAD, META_NEXT,
} from "./layout";
import { alloc, free } from "./memory";

const META_REGION: u32 = 256 << 10;
const SERIES_SLOTS: u32 = 1 << 16;
const PAIR_SLOTS: u32 = 1 << 13;

/** The root that this thread works on: CTRL, or a block whose words lie at the same offsets. */
export let root: usize = CTRL;
export function useRoot(at: usize): void {
  root = at;
}

function hold(block: usize, address: usize, bytes: u32): void {
  store<u32>(block, load<u32>(root, C_META_BLOCKS), META_NEXT);
  store<u32>(block, <u32>address, META_ADDRESS);
  store<u32>(block, bytes, META_BYTES);
  store<u32>(root, <u32>block, C_META_BLOCKS);
}

/** From the index' own arena, content undefined; a multiple of 16 bytes. 0: the heap is full. Create lock held. */
export function metaAlloc(bytes: u32): usize {
  bytes = (bytes + 15) & ~15;
  let at = <usize>load<u32>(root, C_META_AT);
  if (bytes > load<u32>(root, C_META_END) - <u32>at) {
    const size = max<u32>(META_REGION, bytes + META_HEAD);
    const region = alloc(size);
    if (!region) return 0;
    hold(region, region, size);
    store<u32>(root, <u32>(region + size), C_META_END);
    at = region + META_HEAD;
  }
  store<u32>(root, <u32>(at + bytes), C_META_AT);
  return at;
}

/** `slots` (a power of two) empty entries. 0: the heap is full. */
export function newTable(slots: u32): usize {
  const block = metaAlloc(META_HEAD);
  const at = block ? alloc(slots << 3) : 0;
  if (!at) return 0;
  memory.fill(at, 0, slots << 3);
  hold(block, at, slots << 3);
  return at;
}

/** Gives a new root its tables, with room for `entries` series and aliases at least. False: the heap is full. */
export function beginIndex(entries: u32): bool {
  let slots = SERIES_SLOTS;
  while (entries >= slots >>> 1) slots <<= 1;
  const series = newTable(slots);
  const pairs = newTable(PAIR_SLOTS);
  store<u64>(root, (<u64>(slots - 1) << 32) | series, C_TABLE);
  store<u64>(root, (<u64>(PAIR_SLOTS - 1) << 32) | pairs, C_PAIRS);
  return series != 0 && pairs != 0;
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

/** Gives back all that hangs on `blocks`, once nobody reads it. A table's entry lies in a region made before it. */
export function freeIndex(blocks: usize): void {
  while (blocks) {
    const next = <usize>load<u32>(blocks, META_NEXT);
    free(load<u32>(blocks, META_ADDRESS), load<u32>(blocks, META_BYTES));
    blocks = next;
  }
}
