// Closed XOR chunks (encoding 1) in as few bytes as the encoding allows, for blocks: the windows of the values are
// planned ahead. A reader takes any window that covers a value's bits, so the run of changed values may be split
// into windows freely: opening one costs 11 bits, a value in it 2 bits and the window's width. The cheapest split is
// found by dynamic programming over the last RUN_MAX changed values. src/chunk/xor-window-plan.ts is the same in
// JavaScript, for what does not come from the head; test/property holds both to the same bytes.
// Works on the samples that `decodeFloats` left at Q_T and Q_V; overwrites Q_TMP and Q_DATA.
import { Q_DATA, Q_T, Q_TMP, Q_V } from "./layout";
import { storeBE, writeVarint, zigzag } from "./bytes";

const RUN_MAX: u32 = 32;
const WINDOW_BITS: u32 = 11;
/** Five bits hold the leading zeros. */
const LEADING_MAX: u32 = 31;

// The changed values' tables in Q_TMP. A chunk has at most 65535 samples.
const ROOM: usize = 0x10000;
const P_LEAD: usize = Q_TMP; // u8[]: leading zeros, then those of the window
const P_TRAIL: usize = P_LEAD + ROOM; // u8[]: trailing zeros, likewise
const P_OPENS: usize = P_TRAIL + ROOM; // u8[]: 1 where the window is opened
const P_SPARE: usize = P_OPENS + ROOM; // u32[]: bits beyond each value's own, of the cheapest split of the first j
const P_START: usize = P_SPARE + 4 * ROOM + 64; // u32[]: where the last window of that split begins

let at: usize = 0;
let word: u64 = 0;
let used: u32 = 0;

/** Appends the low `n` bits (1 … 64) of `bits`, whose other bits are zero. */
// @ts-ignore: decorator
@inline
function put(bits: u64, n: u32): void {
  const room: u32 = 64 - used;
  if (n < room) {
    word |= bits << (room - n);
    used += n;
    return;
  }
  const left = n - room;
  storeBE(at, word | (bits >>> left));
  at += 8;
  word = left ? bits << (64 - left) : 0;
  used = left;
}

/** Writes samples [from, end), 1 to 65535 of them, as one chunk at Q_DATA; returns its bytes. */
export function encodeTightly(scratch: usize, from: u32, end: u32): u32 {
  const t = scratch + Q_T, v = scratch + Q_V;
  plan(scratch, from, end);
  const target = scratch + Q_DATA;
  store<u16>(target, bswap<u16>(<u16>(end - from)));
  at = writeVarint(target + 2, zigzag(<i64>load<f64>(t + (from << 3))));
  storeBE(at, load<u64>(v + (from << 3)));
  at += 8;
  word = 0;
  used = 0;
  let before: i64 = 0;
  let changed: usize = scratch;
  for (let i = from + 1; i < end; i++) {
    const delta = <i64>(load<f64>(t + (i << 3)) - load<f64>(t + ((i - 1) << 3)));
    if (i == from + 1) at = writeVarint(at, <u64>delta); // whole bytes so far
    else putDeltaOfDelta(delta - before);
    before = delta;
    const x = load<u64>(v + (i << 3)) ^ load<u64>(v + ((i - 1) << 3));
    if (x == 0) {
      put(0, 1);
      continue;
    }
    const lead = <u32>load<u8>(changed, P_LEAD);
    const trail = <u32>load<u8>(changed, P_TRAIL);
    const width = 64 - lead - trail;
    if (load<u8>(changed, P_OPENS)) put((3 << 11) | (lead << 6) | (width & 63), 13);
    else put(2, 2);
    put(x >>> trail, width);
    changed++;
  }
  storeBE(at, word);
  return <u32>(at - target) + ((used + 7) >>> 3);
}

function putDeltaOfDelta(dod: i64): void {
  if (dod == 0) put(0, 1);
  else if (dod >= -8191 && dod <= 8192) put(0x8000 | (<u64>dod & 0x3fff), 16);
  else if (dod >= -65535 && dod <= 65536) put(0xc0000 | (<u64>dod & 0x1ffff), 20);
  else if (dod >= -524287 && dod <= 524288) put(0xe00000 | (<u64>dod & 0xfffff), 24);
  else {
    put(15, 4);
    put(<u64>dod, 64);
  }
}

/** Chooses the window of every changed value: P_LEAD, P_TRAIL and P_OPENS by their order. */
function plan(scratch: usize, from: u32, end: u32): void {
  const v = scratch + Q_V;
  let changed: u32 = 0;
  for (let i = from + 1; i < end; i++) {
    const x = load<u64>(v + (i << 3)) ^ load<u64>(v + ((i - 1) << 3));
    if (x == 0) continue;
    store<u8>(scratch + changed, <u8>min<u32>(<u32>clz(x), LEADING_MAX), P_LEAD);
    store<u8>(scratch + changed, <u8>ctz(x), P_TRAIL);
    changed++;
  }
  split(scratch, changed);
  fill(scratch, changed);
}

/**
 * What a split costs is the bits that each value needs by itself and, beyond those, the openings and what windows
 * are wider than their values: only that is counted. Going back from value j the excess of one window never falls,
 * nor does the count of a longer prefix fall below that of a shorter one: so the search ends where even the shortest
 * prefix could not make up for the excess.
 */
function split(scratch: usize, changed: u32): void {
  store<u32>(scratch, 0, P_SPARE);
  for (let j: u32 = 1; j <= changed; j++) {
    const first = j > RUN_MAX ? j - RUN_MAX : 0;
    const least = load<u32>(scratch + (first << 2), P_SPARE) + WINDOW_BITS;
    let lead: u32 = 64, trail: u32 = 64, width: u32 = 0, excess: u32 = 0;
    let best: u32 = u32.MAX_VALUE;
    let start: u32 = j - 1;
    for (let i = j - 1; ; i--) {
      const ownLead = <u32>load<u8>(scratch + i, P_LEAD);
      const ownTrail = <u32>load<u8>(scratch + i, P_TRAIL);
      lead = min(lead, ownLead);
      trail = min(trail, ownTrail);
      const wider = 64 - lead - trail;
      excess += (j - 1 - i) * (wider - width) + (wider - (64 - ownLead - ownTrail));
      width = wider;
      if (least + excess >= best) break;
      const cost = load<u32>(scratch + (i << 2), P_SPARE) + WINDOW_BITS + excess;
      if (cost < best) {
        best = cost;
        start = i;
      }
      if (i == first) break;
    }
    store<u32>(scratch + (j << 2), best, P_SPARE);
    store<u32>(scratch + (j << 2), start, P_START);
  }
}

/** Turns the split into the windows, and opens a window that equals the one before only once. */
function fill(scratch: usize, changed: u32): void {
  for (let end = changed; end > 0; ) {
    const start = load<u32>(scratch + (end << 2), P_START);
    let lead: u8 = 64, trail: u8 = 64;
    for (let i = start; i < end; i++) {
      lead = min(lead, load<u8>(scratch + i, P_LEAD));
      trail = min(trail, load<u8>(scratch + i, P_TRAIL));
    }
    memory.fill(scratch + P_LEAD + start, lead, end - start);
    memory.fill(scratch + P_TRAIL + start, trail, end - start);
    memory.fill(scratch + P_OPENS + start, 0, end - start);
    store<u8>(scratch + start, 1, P_OPENS);
    end = start;
  }
  for (let i = changed; i-- > 1; ) {
    const same = load<u8>(scratch + i, P_LEAD) == load<u8>(scratch + i - 1, P_LEAD) && load<u8>(scratch + i, P_TRAIL) == load<u8>(scratch + i - 1, P_TRAIL);
    if (same) store<u8>(scratch + i, 0, P_OPENS);
  }
}
