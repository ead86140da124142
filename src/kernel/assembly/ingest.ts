// One request from compressed bytes to appended samples, in one call; `finish` then writes its log records.
import {
  COLD_BYTES, COLD_LATE, COLD_MERGE, COLD_STALE_HISTOGRAM, CTRL, C_MEMORY_LIMIT, ERR_MEMORY, NONE, REQUEST_BYTES_MAX, RES_COLD, RES_CREATED, RES_DUPLICATES,
  RES_FIRST, RES_MAXT, RES_MINT, RES_OUT_OF_ORDER, RES_SAMPLES, RES_TOTAL, R_COLD, R_OPEN, R_RAW, R_REF, R_T, R_V, S_EXT, S_T, S_V,
  WHY_DUPLICATE, WHY_MEMORY, WHY_TOO_FAR, WHY_TOO_OLD, WOULD_BE_NEW, X_HIST_T,
} from "./layout";
import { appendInOrder, resetClosed } from "./chunk-append";
import { encodeRecords } from "./log-record";
import { lockStripe, liveBytes, settleLiveBytes, stripeOf, unlockStripe } from "./memory";
import { FOUND_OTHER, FOUND_SAME } from "./chunk-read";
import { appendOutOfOrder, findOutOfOrder, OOO_LOOK, OOO_NEW, OOO_SAME } from "./out-of-order";
import { scanVersion1 } from "./remote-write-1";
import { scanVersion2 } from "./remote-write-2";
import { addCold, COLD_AT, COLD_KIND, coldCount, resetRequest, sampleCount } from "./request";
import { dropKnownMetadata } from "./metadata";
import { refuse, resolve } from "./resolve";
import { created, resetCreated, seriesAt } from "./series";
import { snappyDecode } from "./snappy";
import { sortLongRuns } from "./sort-samples";

const STALE_BITS: u64 = 0x7ff0000000000002;
/** A request may still need this much when the limit is reached: open chunks grow, indexes double. */
const MEMORY_SLACK: i64 = 64 << 20;

/** Columns that were accepted; they are the first ones. */
let accepted: u32 = 0;

/**
 * Decodes, scans, resolves and appends. Timestamps outside [oldest, newest] are refused. `slot` 0: the message lies
 * unpacked at R_RAW. 0, or ERR_*: then nothing was appended. The result block tells the rest; `finish` must follow a 0.
 */
export function ingest(scratch: usize, slot: usize, length: u32, version: u32, oldest: f64, newest: f64): i32 {
  const failure = read(scratch, slot, length, version, false);
  if (failure) return failure;
  dropKnownMetadata(scratch, version);
  // The sort works where the merges are gathered.
  sortLongRuns(scratch, sampleCount);
  gatherMerges(scratch);
  appendColumns(scratch, sampleCount, <i64>oldest, <i64>newest, false);
  store<u32>(scratch, created, RES_CREATED);
  store<u32>(scratch, coldCount, RES_COLD);
  return 0;
}

/**
 * What `ingest` would do, as far as it can be told without doing it: the result block has the refusals, and counts
 * samples of known series as accepted. `judge` and `admit` hear of each series; nothing is made or remembered.
 */
export function probe(scratch: usize, slot: usize, length: u32, version: u32, oldest: f64, newest: f64): i32 {
  const failure = read(scratch, slot, length, version, true);
  if (failure) return failure;
  for (let i: u32 = 0; i < sampleCount; i++) {
    const ref = load<u32>(scratch + (i << 2), R_REF);
    if (ref == NONE) continue;
    const t = load<i64>(scratch + (i << 3), R_T);
    let why: u32 = t > <i64>newest ? WHY_TOO_FAR : t < <i64>oldest ? WHY_TOO_OLD : 0;
    if (!why && ref != WOULD_BE_NEW && t <= load<i64>(seriesAt(ref), S_T)) {
      lockStripe(stripeOf(ref));
      why = findOutOfOrder(scratch, seriesAt(ref), t, load<u64>(scratch + (i << 3), R_V));
      unlockStripe(stripeOf(ref));
      if (why == OOO_SAME) store<u32>(scratch, load<u32>(scratch, RES_DUPLICATES) + 1, RES_DUPLICATES);
      if (why == OOO_SAME || why == OOO_LOOK) why = 0;
    }
    if (why) refuse(scratch, why, 1, t, ref == WOULD_BE_NEW ? NONE : ref, 0, 0);
    else store<u32>(scratch, load<u32>(scratch, RES_SAMPLES) + 1, RES_SAMPLES);
  }
  store<u32>(scratch, coldCount, RES_COLD);
  return 0;
}

/** From the bytes in the slot to columns and refs. */
function read(scratch: usize, slot: usize, length: u32, version: u32, dry: bool): i32 {
  memory.fill(scratch, 0, RES_FIRST);
  accepted = 0;
  if (liveBytes() > load<i64>(CTRL, C_MEMORY_LIMIT) + MEMORY_SLACK) return ERR_MEMORY;
  const raw = scratch + R_RAW;
  const bytes = slot ? snappyDecode(slot, length, raw, REQUEST_BYTES_MAX) : <i32>length;
  if (bytes < 0) return bytes;
  resetRequest();
  resetClosed();
  resetCreated();
  deferred = 0;
  const failure = version == 2 ? scanVersion2(scratch, raw, raw + bytes) : scanVersion1(scratch, raw, raw + bytes);
  if (failure) return failure;
  store<u32>(scratch, sampleCount, RES_TOTAL);
  return resolve(scratch, version, dry);
}

/** Puts samples for the merge table where `appendColumns` does not overwrite them. */
function gatherMerges(scratch: usize): void {
  for (let i: u32 = 0; i < coldCount; i++) {
    const cold = scratch + R_COLD + i * COLD_BYTES;
    if (load<u32>(cold, COLD_KIND) != COLD_MERGE) continue;
    const sample = scratch + (load<u32>(cold, COLD_AT) << 3);
    const entry = scratch + R_OPEN + (deferred++ << 4);
    store<u64>(entry, load<u64>(sample, R_V));
    store<i64>(entry, load<i64>(sample, R_T), 8);
    store<u32>(cold, <u32>entry, COLD_AT);
  }
}

/** Appends the first `count` columns; the accepted ones are moved to the front, duplicates among them. */
function appendColumns(scratch: usize, count: u32, oldest: i64, newest: i64, replay: bool): void {
  let lock: usize = 0;
  let kept: u32 = 0, duplicates: u32 = 0, late: u32 = 0;
  let mint = i64.MAX_VALUE, maxt = i64.MIN_VALUE;
  for (let i: u32 = 0; i < count; i++) {
    const ref = load<u32>(scratch + (i << 2), R_REF);
    if (ref == NONE) continue; // its series was refused and counted
    const t = load<i64>(scratch + (i << 3), R_T);
    const v = load<u64>(scratch + (i << 3), R_V);
    if (t > newest || t < oldest) {
      refuse(scratch, t > newest ? WHY_TOO_FAR : WHY_TOO_OLD, 1, t, ref, 0, 0);
      continue;
    }
    const stripe = stripeOf(ref);
    if (stripe != lock) {
      if (lock) unlockStripe(lock);
      lockStripe(stripe);
      lock = stripe;
    }
    const series = seriesAt(ref);
    if (v == STALE_BITS && !replay && histogramLast(series)) {
      // a stale marker means what the series is: JavaScript makes it a histogram's
      if (addCold(scratch, COLD_STALE_HISTOGRAM, ref, <u32>t, <u32>(t >>> 32))) continue;
    }
    if (t > load<i64>(series, S_T)) {
      if (!appendInOrder(scratch, ref, series, t, v, false)) {
        refuse(scratch, WHY_MEMORY, 1, t, ref, 0, 0);
        continue;
      }
    } else {
      const outcome = appendOutOfOrder(scratch, ref, series, t, v, replay, replay);
      if (outcome == OOO_SAME) duplicates++;
      else if (outcome == OOO_NEW) late++;
      else {
        if (outcome == OOO_LOOK) {
          if (!deferLate(scratch, ref, t, v)) refuse(scratch, WHY_MEMORY, 1, t, ref, 0, 0);
        } else refuse(scratch, outcome, 1, t, ref, 0, 0);
        continue;
      }
    }
    // A duplicate is logged again: the record that holds its first copy may still be on its way to the disk.
    store<u32>(scratch + (kept << 2), ref, R_REF);
    store<i64>(scratch + (kept << 3), t, R_T);
    store<u64>(scratch + (kept << 3), v, R_V);
    kept++;
    if (t < mint) mint = t;
    if (t > maxt) maxt = t;
  }
  if (lock) unlockStripe(lock);
  accepted = kept;
  store<u32>(scratch, kept, RES_SAMPLES);
  store<u32>(scratch, duplicates, RES_DUPLICATES);
  store<u32>(scratch, late, RES_OUT_OF_ORDER);
  store<i64>(scratch, mint, RES_MINT);
  store<i64>(scratch, maxt, RES_MAXT);
}

/** Late samples left to JavaScript; {value, timestamp} of each lies where the open series lay. */
let deferred: u32 = 0;

function deferLate(scratch: usize, ref: u32, t: i64, v: u64): bool {
  const entry = scratch + R_OPEN + (deferred << 4);
  if (!addCold(scratch, COLD_LATE, ref, entry, 16)) return false;
  store<u64>(entry, v);
  store<i64>(entry, t, 8);
  deferred++;
  return true;
}

/**
 * Accounts for the late sample at `entry` (see COLD_LATE) now that JavaScript has looked into the chunks that lie
 * only in the log: FOUND_NOTHING, FOUND_SAME or FOUND_OTHER. The stripe's lock is held.
 */
export function settleLate(scratch: usize, ref: u32, entry: usize, found: u32): void {
  const v = load<u64>(entry), t = load<i64>(entry, 8);
  let outcome = found == FOUND_SAME ? OOO_SAME : WHY_DUPLICATE;
  if (found != FOUND_SAME && found != FOUND_OTHER) outcome = appendOutOfOrder(scratch, ref, seriesAt(ref), t, v, false, true);
  if (outcome == OOO_SAME) store<u32>(scratch, load<u32>(scratch, RES_DUPLICATES) + 1, RES_DUPLICATES);
  else if (outcome == OOO_NEW) store<u32>(scratch, load<u32>(scratch, RES_OUT_OF_ORDER) + 1, RES_OUT_OF_ORDER);
  else {
    refuse(scratch, outcome, 1, t, ref, 0, 0);
    return;
  }
  accept(scratch, ref, t, v);
}

/**
 * Appends a merged series' value `v` at `t`, or just behind its newest sample where that is not older; with `again`
 * its newest sample as it is. Adds it to what is logged. 0, or why it is refused, not counted yet.
 */
export function appendMerged(scratch: usize, ref: u32, t: f64, v: f64, again: bool): u32 {
  const series = seriesAt(ref);
  const stripe = stripeOf(ref);
  lockStripe(stripe);
  let at = <i64>t;
  let bits = reinterpret<u64>(v);
  const newest = load<i64>(series, S_T);
  if (again && newest != i64.MIN_VALUE) {
    at = newest;
    bits = load<u64>(series, S_V);
  } else {
    if (at <= newest) at = newest + 1;
    if (!appendInOrder(scratch, ref, series, at, bits, false)) {
      unlockStripe(stripe);
      return WHY_MEMORY;
    }
  }
  unlockStripe(stripe);
  accept(scratch, ref, at, bits);
  return 0;
}

/** Adds one sample to the columns that are logged. */
function accept(scratch: usize, ref: u32, t: i64, v: u64): void {
  store<u32>(scratch + (accepted << 2), ref, R_REF);
  store<i64>(scratch + (accepted << 3), t, R_T);
  store<u64>(scratch + (accepted << 3), v, R_V);
  accepted++;
  store<u32>(scratch, accepted, RES_SAMPLES);
  if (t < load<i64>(scratch, RES_MINT)) store<i64>(scratch, t, RES_MINT);
  if (t > load<i64>(scratch, RES_MAXT)) store<i64>(scratch, t, RES_MAXT);
}

/** Whether the newest sample of the series is a histogram. */
function histogramLast(series: usize): bool {
  const ext = load<u32>(series, S_EXT);
  if (!ext || load<i64>(ext, X_HIST_T) == i64.MIN_VALUE) return false;
  return load<i64>(ext, X_HIST_T) >= load<i64>(series, S_T);
}

/** Writes the log records of the request (see `encodeRecords`). ERR_MEMORY: the heap is full. */
export function finish(scratch: usize, slot: usize, slotBytes: u32): i32 {
  const ok = encodeRecords(scratch, slot, slotBytes, accepted);
  settleLiveBytes();
  return ok ? 0 : ERR_MEMORY;
}

/** Appends columns that a log record brought; nothing is refused for its time. For `replay`. */
export function appendReplayed(scratch: usize, count: u32): void {
  memory.fill(scratch, 0, RES_FIRST);
  appendColumns(scratch, count, 0, i64.MAX_VALUE, true);
}
