// How many of a set of series have each label pair.
import {
  BLOCK_CAP, BLOCK_NEXT, BLOCK_REFS, KEY_TEXT, PAIR_BLOCK, PAIR_COUNT, PAIR_NEXT, PAIR_REFS, S_LABELS, S_LABELS_LEN,
} from "./layout";
import { readVarint, varintEnd } from "./bytes";
import { findKey } from "./index-postings";
import { seriesAt } from "./series";

/**
 * Counts the label pairs of `count` refs at `refs` (u32 each) in the table {pair u32, series u32}[slots] at `table`;
 * `slots` is a power of two, free entries are 0, `used` of them are taken. Returns how many are taken afterwards, -1
 * where the table has no room for more.
 */
export function countPairs(refs: usize, count: u32, table: usize, slots: u32, used: u32): i32 {
  const mask = slots - 1;
  const room = slots - (slots >>> 2);
  for (let i: u32 = 0; i < count; i++) {
    const series = seriesAt(load<u32>(refs + (i << 2)));
    let at = <usize>load<u32>(series, S_LABELS);
    const end = at + load<u32>(series, S_LABELS_LEN);
    while (at < end) {
      const body = <u32>readVarint(at + 1, end);
      const key = varintEnd;
      at = key + body;
      const pair = <u32>findKey(key, body);
      if (!pair) continue; // its series is being made
      let slot = ((pair >>> 4) * 0x9e3779b1) & mask;
      while (true) {
        const entry = table + (slot << 3);
        const there = load<u32>(entry);
        if (there == pair || !there) {
          if (!there) {
            if (used++ >= room) return -1;
            store<u32>(entry, pair);
          }
          store<u32>(entry, load<u32>(entry, 4) + 1, 4);
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
  }
  return <i32>used;
}

/** Of `count` refs at `refs`, those of live series below `end`. Returns how many. */
export function countLive(refs: usize, count: u32, end: u32): u32 {
  let live: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const ref = load<u32>(refs + (i << 2));
    if (ref < end && load<u32>(seriesAt(ref), S_LABELS_LEN)) live++;
  }
  return live;
}

/**
 * Writes of `pair` and those behind it, at most `max`, {pair, series, bytes of its value} (u32 each) to `out`. Where
 * `bits` is not 0, those series count whose bit among `bitCount` is set there. Returns how many pairs were written; the
 * list goes on at PAIR_NEXT of the last one.
 */
export function listPairs(pair: usize, max: u32, bits: usize, bitCount: u32, out: usize): u32 {
  let written: u32 = 0;
  while (pair && written < max) {
    const series = bits ? countPostings(pair, bits, bitCount) : atomic.load<u32>(pair, PAIR_COUNT);
    const row = out + 12 * <usize>written;
    store<u32>(row, <u32>pair);
    store<u32>(row, series, 4);
    store<u32>(row, load<u32>(pair, KEY_TEXT), 8);
    pair = atomic.load<u32>(pair, PAIR_NEXT);
    written++;
  }
  return written;
}

function countPostings(pair: usize, bits: usize, bitCount: u32): u32 {
  let left = atomic.load<u32>(pair, PAIR_COUNT);
  let counted = countBits(pair + PAIR_REFS, min<u32>(left, 2), bits, bitCount);
  left -= min<u32>(left, 2);
  for (let block = <usize>load<u32>(pair, PAIR_BLOCK); left; block = load<u32>(block, BLOCK_NEXT)) {
    const here = min<u32>(left, load<u32>(block, BLOCK_CAP));
    counted += countBits(block + BLOCK_REFS, here, bits, bitCount);
    left -= here;
  }
  return counted;
}

// @ts-ignore: decorator
@inline
function countBits(refs: usize, count: u32, bits: usize, bitCount: u32): u32 {
  let counted: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const ref = load<u32>(refs + (i << 2));
    if (ref < bitCount) counted += (<u32>load<u8>(bits + (ref >>> 3)) >>> (ref & 7)) & 1;
  }
  return counted;
}
