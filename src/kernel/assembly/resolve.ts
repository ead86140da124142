// From what the scan could not name to series refs: lookups in batches, so that their cache misses overlap,
// then canonical label sets, creation, or a refusal of that series alone.
import {
  ERR_PROTOBUF, NONE, RES_FIRST, RES_FIRST_BYTES, RES_FIRST_COUNT, RES_FIRST_MAX, RES_REASONS, RES_REFUSED, R_BATCH, R_CANON, R_COLD, R_OPEN, R_REF, R_T,
  COLD_BYTES, COLD_HISTOGRAM, COLD_MERGE, CTRL, C_TABLE, DROPPED, RES_DROPPED, R_CLOSED, R_SOURCE, S_LABELS, S_NEXT, WHY_MEMORY, WOULD_BE_NEW,
} from "./layout";
import { equalBytes } from "./bytes";
import { beginLabels, canonicalBytes, canonicalise, culprit, culpritBytes, gatherLabels } from "./labels";
import { gatherAllRefs, gatherRefs } from "./remote-write-2";
import {
  addCold, COLD_AT, COLD_KIND, COLD_REF, openCount, OPEN_AT, OPEN_BYTES, OPEN_COLD, OPEN_COLD_END, OPEN_LEN, OPEN_SAMPLE, OPEN_SAMPLE_END,
  OPEN_SCATTERED,
} from "./request";
import { addSpelling, approve, approved, findUnderRules, judge, JUDGED_DROP, JUDGED_SAME, ruled, ruledSource } from "./rules";
import { addAlias, admit, createWhy, findOrCreate, findSeries, seriesAt, tagOf } from "./series";

const BATCH: u32 = 32;

/** Counts a refusal and keeps the first few for the answer. `count` samples go with it. */
export function refuse(scratch: usize, why: u32, count: u32, t: i64, ref: u32, at: usize, length: u32): void {
  store<u32>(scratch, load<u32>(scratch, RES_REFUSED) + count, RES_REFUSED);
  const reason = scratch + (why << 2);
  store<u32>(reason, load<u32>(reason, RES_REASONS) + count, RES_REASONS);
  const n = load<u32>(scratch, RES_FIRST_COUNT);
  if (n >= RES_FIRST_MAX) return;
  const first = scratch + RES_FIRST + n * RES_FIRST_BYTES;
  store<i64>(first, t);
  store<u32>(first, why, 8);
  store<u32>(first, ref, 12);
  store<u32>(first, <u32>at, 16);
  store<u32>(first, length, 20);
  store<u32>(scratch, n + 1, RES_FIRST_COUNT);
}

/** Nothing is made: a series that is not there gets WOULD_BE_NEW. */
let dry: bool = false;
/** Why `settled` gave NONE. */
let settledWhy: u32 = 0;
/** SPELLING_SOURCE of what `settled` gave. */
let settledSource: u32 = 0;

/** Gives every open series of the request its ref, or refuses it. ERR_PROTOBUF: a label is malformed. */
export function resolve(scratch: usize, version: u32, dryRun: bool): i32 {
  dry = dryRun;
  if (version == 1) {
    lookUpInBatches(scratch);
    for (let i: u32 = 0; i < openCount; i++) {
      const open = scratch + R_OPEN + i * OPEN_BYTES;
      // all are checked before the first is created: a malformed request leaves nothing behind
      const at = <usize>load<u32>(open, OPEN_AT);
      if (at && !gatherLabels(scratch, at, at + load<u32>(open, OPEN_LEN))) return ERR_PROTOBUF;
    }
  }
  for (let i: u32 = 0; i < openCount; i++) {
    const open = scratch + R_OPEN + i * OPEN_BYTES;
    if (load<u32>(open, OPEN_AT)) settle(scratch, open, version);
  }
  return 0;
}

/** Looks up the raw spelling of every open series; a found one gets its ref and OPEN_AT = 0. */
function lookUpInBatches(scratch: usize): void {
  const table = atomic.load<u64>(CTRL, C_TABLE);
  const mask = <u32>(table >>> 32);
  const batch = scratch + R_BATCH;
  let previous: u32 = NONE;
  for (let from: u32 = 0; from < openCount; from += BATCH) {
    const n = min<u32>(BATCH, openCount - from);
    const open = scratch + R_OPEN + from * OPEN_BYTES;
    for (let i: u32 = 0; i < n; i++) {
      const o = open + i * OPEN_BYTES;
      store<u32>(batch + (i << 3), tagOf(load<u32>(o, OPEN_AT), load<u32>(o, OPEN_LEN)));
    }
    for (let i: u32 = 0; i < n; i++) {
      // only to have the lines on their way; the values are not used
      store<u32>(batch + (i << 3), load<u32>(<usize>(<u32>table) + ((load<u32>(batch + (i << 3)) & mask) << 3)), 4);
    }
    let touched: u32 = 0;
    for (let i: u32 = 0; i < n; i++) {
      const what = load<u32>(batch + (i << 3), 4);
      if (what && !(what >>> 31)) touched += load<u8>(load<u32>(seriesAt(what - 1), S_LABELS));
    }
    store<u32>(batch, touched, 0x400); // keeps the loop above
    for (let i: u32 = 0; i < n; i++) {
      const o = open + i * OPEN_BYTES;
      if (load<u32>(o, OPEN_COLD_END) & OPEN_SCATTERED) continue;
      const ref = findUnderRules(load<u32>(o, OPEN_AT), load<u32>(o, OPEN_LEN), load<u32>(batch + (i << 3)));
      if (ref == NONE) continue;
      if (ref == DROPPED || ruledSource) {
        conclude(scratch, o, ref, ruledSource);
        continue;
      }
      if (previous != NONE) store<u32>(seriesAt(previous), ref, S_NEXT);
      previous = ref;
      assign(scratch, o, ref);
    }
  }
}

/** Writes `ref` to all that the open series owns. */
function assign(scratch: usize, open: usize, ref: u32): void {
  store<u32>(open, 0, OPEN_AT);
  const sampleEnd = load<u32>(open, OPEN_SAMPLE_END);
  for (let i = load<u32>(open, OPEN_SAMPLE); i < sampleEnd; i++) store<u32>(scratch + (i << 2), ref, R_REF);
  const coldEnd = load<u32>(open, OPEN_COLD_END) & ~OPEN_SCATTERED;
  for (let i = load<u32>(open, OPEN_COLD); i < coldEnd; i++) {
    const cold = scratch + R_COLD + i * COLD_BYTES;
    store<u32>(cold, ref, COLD_REF);
    if (ref == NONE) store<u32>(cold, 0, COLD_KIND);
  }
}

function settle(scratch: usize, open: usize, version: u32): void {
  const at = <usize>load<u32>(open, OPEN_AT);
  const length = load<u32>(open, OPEN_LEN);
  const scattered = (load<u32>(open, OPEN_COLD_END) & OPEN_SCATTERED) != 0;
  let why: u32 = 0;
  if (version == 1) gatherLabels(scratch, at, at + length);
  else if (scattered) why = gatherAllRefs(scratch, at, at + length);
  else {
    beginLabels();
    why = gatherRefs(scratch, at, at + length);
  }
  if (!why) why = canonicalise(scratch);
  if (why) return drop(scratch, open, why, culprit, culpritBytes);
  const labels = scratch + R_CANON;
  const spelled = version == 1 && !scattered && (length != canonicalBytes || !equalBytes(at, labels, length));
  const ref = ruled() ? settleUnderRules(scratch, labels, canonicalBytes) : settled(labels, canonicalBytes);
  if (ref == NONE) return drop(scratch, open, settledWhy, labels, canonicalBytes);
  if (spelled && ref != WOULD_BE_NEW && !dry) {
    if (ref != DROPPED && approved(ref) && !settledSource) addAlias(at, length, ref);
    else addSpelling(at, length, ref, settledSource);
  }
  conclude(scratch, open, ref, settledSource);
}

/** The ref of a canonical label set, made where it is new. NONE: refused, see settledWhy. */
function settled(labels: usize, length: u32): u32 {
  settledSource = 0;
  if (dry) {
    const known = findSeries(labels, length, tagOf(labels, length));
    if (known != NONE) return known;
    settledWhy = admit(labels, length);
    return settledWhy ? NONE : WOULD_BE_NEW;
  }
  const ref = findOrCreate(labels, length, true);
  settledWhy = createWhy;
  return ref;
}

/** As `settled`, of what the rules make of the label set; DROPPED too. */
function settleUnderRules(scratch: usize, labels: usize, length: u32): u32 {
  const known = findUnderRules(labels, length, tagOf(labels, length));
  settledSource = ruledSource;
  if (known != NONE) return known;
  const verdict = judge(scratch, length);
  if (verdict == JUDGED_SAME) {
    const ref = settled(labels, length);
    if (ref < WOULD_BE_NEW) approve(ref);
    return ref;
  }
  let ref = DROPPED;
  let source: u32 = 0;
  if (verdict > 0) {
    ref = settled(scratch + R_CLOSED, <u32>verdict);
    source = load<u32>(scratch, R_SOURCE);
  } else if (verdict != JUDGED_DROP) {
    settledWhy = <u32>-verdict;
    return NONE;
  }
  if (ref == NONE) return NONE;
  settledSource = source;
  if (!dry) addSpelling(labels, length, ref, source);
  return ref;
}

/** What became of an open series: samples for its ref, for the merge table, or dropped. */
function conclude(scratch: usize, open: usize, ref: u32, source: u32): void {
  const first = load<u32>(open, OPEN_SAMPLE), end = load<u32>(open, OPEN_SAMPLE_END);
  if (ref == DROPPED) {
    store<u32>(scratch, load<u32>(scratch, RES_DROPPED) + end - first, RES_DROPPED);
    return assign(scratch, open, NONE);
  }
  assign(scratch, open, ref);
  if (!source || dry) return;
  for (let i = first; i < end; i++) {
    store<u32>(scratch + (i << 2), NONE, R_REF);
    // `gatherMerges` puts the sample's address in the place of its index
    if (!addCold(scratch, COLD_MERGE, ref, i, source - 1)) refuse(scratch, WHY_MEMORY, 1, load<i64>(scratch + (i << 3), R_T), ref, 0, 0);
  }
}

/** Refuses a series with everything in it. */
function drop(scratch: usize, open: usize, why: u32, at: usize, length: u32): void {
  const first = load<u32>(open, OPEN_SAMPLE);
  let count = load<u32>(open, OPEN_SAMPLE_END) - first;
  const t = count ? load<i64>(scratch + (first << 3), R_T) : 0;
  const coldEnd = load<u32>(open, OPEN_COLD_END) & ~OPEN_SCATTERED;
  for (let i = load<u32>(open, OPEN_COLD); i < coldEnd; i++) {
    if (load<u32>(scratch + R_COLD + i * COLD_BYTES, COLD_KIND) == COLD_HISTOGRAM) count++;
  }
  // The labels as sent, for the answer: OPEN_AT is overwritten by `assign`.
  refuse(scratch, why, max<u32>(count, 1), t, NONE, load<u32>(open, OPEN_AT), load<u32>(open, OPEN_LEN));
  assign(scratch, open, NONE);
}
