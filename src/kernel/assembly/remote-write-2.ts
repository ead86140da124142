// The scan of a Remote Write 2.0 request. Labels are references into the request's symbol table, so the same
// series looks different in each request; it is compared label by label with the predicted series.
//   Request { 4 string symbols*, 5 TimeSeries* }
//   TimeSeries { 1 uint32 labels_refs*, 2 Sample*, 3 Histogram*, 4 Exemplar*, 5 Metadata }
import {
  COLD_EXEMPLAR, COLD_HISTOGRAM, COLD_METADATA, CTRL, C_SERIES_COUNT, ERR_PROTOBUF, ERR_SYMBOLS, ERR_TOO_MANY, NONE, R_CANON,
  R_SYMBOLS, SYMBOLS_MAX, S_LABELS, S_LABELS_LEN, S_NEXT, WHY_SYMBOL,
} from "./layout";
import { equalBytes, readVarint, varintEnd } from "./bytes";
import { parseSample, sampleT, sampleV, sixBytes, skipField } from "./protobuf";
import { addLabel, beginLabels, canonicalBytes, canonicalise } from "./labels";
import { approved } from "./rules";
import { findSeries, seriesAt, tagOf } from "./series";
import { addCold, addOpen, addSample, coldCount, sampleCount } from "./request";

let scratch: usize = 0;
let previous: u32 = NONE;
export let symbolCount: u32 = 0;

export function scanVersion2(threadScratch: usize, at: usize, end: usize): i32 {
  scratch = threadScratch;
  previous = NONE;
  const failure = scanSymbols(at, end);
  if (failure) return failure;
  while (at < end) {
    if (load<u8>(at) == 0x2a) {
      const length = readVarint(at + 1, end);
      const body = varintEnd;
      const failure = scanSeries(body, body + <usize>length);
      if (failure) return failure;
      at = body + <usize>length;
    } else at = skipField(at, end);
  }
  return 0;
}

/** Fills the symbol table and checks the outer message: the second pass may trust its lengths. */
function scanSymbols(at: usize, end: usize): i32 {
  symbolCount = 0;
  while (at < end) {
    const tag = load<u8>(at);
    if (tag == 0x22) {
      const length = readVarint(at + 1, end);
      if (!varintEnd || length > <u64>(end - varintEnd)) return ERR_PROTOBUF;
      if (symbolCount >= SYMBOLS_MAX) return ERR_TOO_MANY;
      const entry = scratch + R_SYMBOLS + (symbolCount++ << 3);
      store<u32>(entry, <u32>varintEnd);
      store<u32>(entry, <u32>length, 4);
      at = varintEnd + <usize>length;
    } else {
      at = skipField(at, end);
      if (!at) return ERR_PROTOBUF;
    }
  }
  return symbolCount && load<u32>(scratch + R_SYMBOLS, 4) ? ERR_SYMBOLS : 0;
}

// @ts-ignore: decorator
@inline
function symbolEquals(symbol: u32, at: usize, length: u32): bool {
  if (symbol >= symbolCount) return false;
  const entry = scratch + R_SYMBOLS + (symbol << 3);
  return load<u32>(entry, 4) == length && equalBytes(load<u32>(entry), at, length);
}

/** Whether the references in [at, end) spell the canonical labels of `ref`. */
function refsSpell(at: usize, end: usize, ref: u32): bool {
  const series = seriesAt(ref);
  let label = <usize>load<u32>(series, S_LABELS);
  const labelsEnd = label + load<u32>(series, S_LABELS_LEN);
  while (at < end) {
    if (label >= labelsEnd) return false;
    readVarint(label + 1, labelsEnd);
    label = varintEnd + 1;
    for (let part = 0; part < 2; part++) {
      const length = <u32>readVarint(label, labelsEnd);
      const text = varintEnd;
      const symbol = readVarint(at, end);
      if (!varintEnd || symbol >= <u64>symbolCount || !symbolEquals(<u32>symbol, text, length)) return false;
      at = varintEnd;
      label = text + length + (part == 0 ? 1 : 0);
    }
  }
  return label == labelsEnd;
}

/** Gathers the labels that references in [at, end) name. 0, or the reason why they name none. */
export function gatherRefs(threadScratch: usize, at: usize, end: usize): u32 {
  while (at < end) {
    const name = readVarint(at, end);
    if (!varintEnd) return WHY_SYMBOL;
    const value = readVarint(varintEnd, end);
    if (!varintEnd || name >= <u64>symbolCount || value >= <u64>symbolCount) return WHY_SYMBOL;
    at = varintEnd;
    addSymbols(threadScratch, <u32>name, <u32>value);
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function addSymbols(threadScratch: usize, name: u32, value: u32): void {
  const n = threadScratch + R_SYMBOLS + (<usize>name << 3);
  const v = threadScratch + R_SYMBOLS + (<usize>value << 3);
  addLabel(threadScratch, load<u32>(n), load<u32>(n, 4), load<u32>(v), load<u32>(v, 4));
}

/** Gathers the references of a whole series message, packed or not, wherever they stand; pairs may span fields. */
export function gatherAllRefs(threadScratch: usize, at: usize, end: usize): u32 {
  beginLabels();
  let name = NONE; // the first of a pair
  while (at < end) {
    const tag = load<u8>(at);
    let refsEnd: usize;
    if (tag == 0x0a) {
      const length = <usize>readVarint(at + 1, end);
      at = varintEnd;
      refsEnd = at + length;
    } else {
      refsEnd = skipField(at, end);
      if (tag == 0x08) at++;
      else at = refsEnd;
    }
    while (at < refsEnd) {
      const symbol = readVarint(at, refsEnd);
      if (!varintEnd || symbol >= <u64>symbolCount) return WHY_SYMBOL;
      at = varintEnd;
      if (name == NONE) name = <u32>symbol;
      else {
        addSymbols(threadScratch, name, <u32>symbol);
        name = NONE;
      }
    }
  }
  return name == NONE ? 0 : WHY_SYMBOL;
}

function lookUp(at: usize, end: usize): u32 {
  if (previous != NONE) {
    const candidate = load<u32>(seriesAt(previous), S_NEXT);
    if (candidate < atomic.load<u32>(CTRL, C_SERIES_COUNT) && load<u32>(seriesAt(candidate), S_LABELS_LEN) && refsSpell(at, end, candidate) && approved(candidate)) {
      previous = candidate;
      return candidate;
    }
  }
  beginLabels();
  if (gatherRefs(scratch, at, end) || canonicalise(scratch)) return NONE;
  const labels = scratch + R_CANON;
  const ref = findSeries(labels, canonicalBytes, tagOf(labels, canonicalBytes));
  if (ref != NONE && !approved(ref)) return NONE; // `resolve` knows what the rules make of it
  if (ref != NONE) {
    if (previous != NONE) store<u32>(seriesAt(previous), ref, S_NEXT);
    previous = ref;
  }
  return ref;
}

function scanSeries(at: usize, end: usize): i32 {
  const start = at;
  const firstSample = sampleCount;
  const firstCold = coldCount;
  let refsAt = at, refsEnd = at;
  let ref = NONE;
  let scattered = false;
  if (at < end && load<u8>(at) == 0x0a) {
    const length = readVarint(at + 1, end);
    if (!varintEnd || length > <u64>(end - varintEnd)) return ERR_PROTOBUF;
    refsAt = varintEnd;
    refsEnd = refsAt + <usize>length;
    at = refsEnd;
    // references elsewhere in the message change the label set: look before anything is looked up
    scattered = hasMoreRefs(at, end);
    if (!scattered) ref = lookUp(refsAt, refsEnd);
  } else scattered = true;
  const failure = scanValues(at, end, ref);
  if (failure) return failure;
  if (ref != NONE) return 0;
  const ok = scattered
    ? addOpen(scratch, start, <u32>(end - start), firstSample, firstCold, true)
    : addOpen(scratch, refsAt, <u32>(refsEnd - refsAt), firstSample, firstCold, false);
  return ok ? 0 : ERR_TOO_MANY;
}

/** Senders write fields in order, so a first value field means that no reference follows: one byte decides. */
function hasMoreRefs(at: usize, end: usize): bool {
  while (at < end) {
    const tag = load<u8>(at);
    if (tag == 0x0a || tag == 0x08) return true;
    at = skipField(at, end);
    if (!at) return false; // malformed: scanValues will say so
  }
  return false;
}

function scanValues(at: usize, end: usize, ref: u32): i32 {
  while (at < end) {
    const tag = load<u8>(at);
    if (tag == 0x12) {
      if (load<u8>(at, 1) == 16 && at + 18 <= end && load<u8>(at, 2) == 0x09 && load<u8>(at, 11) == 0x10) {
        const word = load<u64>(at, 12);
        if ((word & 0x0000808080808080) == 0x0000008080808080) {
          if (!addSample(scratch, ref, sixBytes(word), load<u64>(at, 3))) return ERR_TOO_MANY;
          at += 18;
          continue;
        }
      }
      at = parseSample(at, end);
      if (!at) return ERR_PROTOBUF;
      if (!addSample(scratch, ref, sampleT, sampleV)) return ERR_TOO_MANY;
    } else if (tag == 0x1a || tag == 0x22 || tag == 0x2a) {
      const length = readVarint(at + 1, end);
      if (!varintEnd || length > <u64>(end - varintEnd)) return ERR_PROTOBUF;
      const kind = tag == 0x1a ? COLD_HISTOGRAM : tag == 0x22 ? COLD_EXEMPLAR : COLD_METADATA;
      if (!addCold(scratch, kind, ref, varintEnd, <u32>length)) return ERR_TOO_MANY;
      at = varintEnd + <usize>length;
    } else {
      at = skipField(at, end);
      if (!at) return ERR_PROTOBUF;
    }
  }
  return 0;
}
