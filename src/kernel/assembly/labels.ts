// Canonical label sets. Their bytes are those of a Remote Write 1.0 series: for each label, sorted by name,
// `0a len { 0a len name 12 len value }` with shortest varints. Most senders send exactly that.
import {
  CANON_BYTES_MAX, CTRL, C_LABELS_MAX, C_NAME_MAX, C_VALUE_MAX, LABELS_PER_SERIES_HARD_MAX, R_CANON, R_LABELS,
  WHY_EMPTY_LABEL_NAME, WHY_LABELS_LIMIT, WHY_NAME_LENGTH, WHY_NO_NAME, WHY_REPEATED_LABEL, WHY_UTF8, WHY_VALUE_LENGTH,
} from "./layout";
import { compareBytes, readVarint, validUtf8, varintEnd, writeVarint } from "./bytes";
import { skipField } from "./protobuf";

/** Labels gathered so far; the array lies at R_LABELS. */
let count: u32 = 0;
/** More labels were sent than are ever looked at. */
let overflow: bool = false;
/** Bytes of the canonical form that `canonicalise` left at R_CANON. */
export let canonicalBytes: u32 = 0;
/** The label that made `canonicalise` refuse: address and length of its name. */
export let culprit: usize = 0;
export let culpritBytes: u32 = 0;

export function beginLabels(): void {
  count = 0;
  overflow = false;
}

export function addLabel(scratch: usize, name: usize, nameBytes: u32, value: usize, valueBytes: u32): void {
  if (count >= LABELS_PER_SERIES_HARD_MAX) {
    overflow = true;
    return;
  }
  const at = scratch + R_LABELS + (count++ << 4);
  store<u32>(at, <u32>name);
  store<u32>(at, nameBytes, 4);
  store<u32>(at, <u32>value, 8);
  store<u32>(at, valueBytes, 12);
}

/** Adds the Label message at [at, end). False: not a protobuf message. */
export function addLabelMessage(scratch: usize, at: usize, end: usize): bool {
  let name: usize = at, value: usize = at;
  let nameBytes: u32 = 0, valueBytes: u32 = 0;
  while (at < end) {
    const tag = <u32>load<u8>(at);
    if (tag == 0x0a || tag == 0x12) {
      const length = readVarint(at + 1, end);
      if (!varintEnd || length > <u64>(end - varintEnd)) return false;
      if (tag == 0x0a) {
        name = varintEnd;
        nameBytes = <u32>length;
      } else {
        value = varintEnd;
        valueBytes = <u32>length;
      }
      at = varintEnd + <usize>length;
    } else {
      at = skipField(at, end);
      if (!at) return false;
    }
  }
  addLabel(scratch, name, nameBytes, value, valueBytes);
  return true;
}

/** Gathers the labels of a 1.0 series from all its fields in [at, end), wherever they stand. */
export function gatherLabels(scratch: usize, at: usize, end: usize): bool {
  beginLabels();
  while (at < end) {
    if (load<u8>(at) != 0x0a) {
      at = skipField(at, end);
      if (!at) return false;
      continue;
    }
    const length = readVarint(at + 1, end);
    if (!varintEnd || length > <u64>(end - varintEnd)) return false;
    const body = varintEnd;
    if (!addLabelMessage(scratch, body, body + <usize>length)) return false;
    at = body + <usize>length;
  }
  return true;
}

function refuse(why: u32, label: usize): u32 {
  culprit = load<u32>(label);
  culpritBytes = load<u32>(label, 4);
  return why;
}

/** Writes the gathered labels' canonical form to R_CANON. 0, or the reason why they are no label set. */
export function canonicalise(scratch: usize): u32 {
  const labels = scratch + R_LABELS;
  culprit = 0;
  culpritBytes = 0;
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const label = labels + (i << 4);
    if (load<u32>(label, 4) == 0) return refuse(WHY_EMPTY_LABEL_NAME, label);
    if (!validUtf8(load<u32>(label), load<u32>(label, 4)) || !validUtf8(load<u32>(label, 8), load<u32>(label, 12))) return refuse(WHY_UTF8, label);
    if (load<u32>(label, 4) > load<u32>(CTRL, C_NAME_MAX)) return refuse(WHY_NAME_LENGTH, label);
    if (load<u32>(label, 12) > load<u32>(CTRL, C_VALUE_MAX)) return refuse(WHY_VALUE_LENGTH, label);
    // An empty value means that the label is absent; its name may still not be repeated.
    v128.store(labels + (kept++ << 4), v128.load(label));
  }
  if (overflow || kept > load<u32>(CTRL, C_LABELS_MAX)) return refuse(WHY_LABELS_LIMIT, labels + ((kept - 1) << 4));
  sortLabels(labels, kept);
  return writeCanonical(scratch, labels, kept);
}

/** Insertion sort: the labels are nearly always sorted, and C_LABELS_MAX bounds them. */
function sortLabels(labels: usize, kept: u32): void {
  for (let i: u32 = 1; i < kept; i++) {
    const label = v128.load(labels + (i << 4));
    const name = <usize>v128.extract_lane<u32>(label, 0);
    const bytes = v128.extract_lane<u32>(label, 1);
    let j = i;
    while (j > 0) {
      const before = labels + ((j - 1) << 4);
      if (compareBytes(load<u32>(before), load<u32>(before, 4), name, bytes) <= 0) break;
      v128.store(labels + (j << 4), v128.load(before));
      j--;
    }
    v128.store(labels + (j << 4), label);
  }
}

// @ts-ignore: decorator
@inline
function varintBytes(value: u32): u32 {
  return value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5;
}

function writeCanonical(scratch: usize, labels: usize, kept: u32): u32 {
  const start = scratch + R_CANON;
  let at = start;
  let named = false;
  for (let i: u32 = 0; i < kept; i++) {
    const label = labels + (i << 4);
    const name = <usize>load<u32>(label), nameBytes = load<u32>(label, 4);
    const value = <usize>load<u32>(label, 8), valueBytes = load<u32>(label, 12);
    if (i + 1 < kept && compareBytes(name, nameBytes, load<u32>(label, 16), load<u32>(label, 20)) == 0) return refuse(WHY_REPEATED_LABEL, label);
    if (valueBytes == 0) continue;
    // "__name__": eight bytes, compared as one word
    if (nameBytes == 8 && load<u64>(name) == 0x5f5f656d616e5f5f) named = true;
    const body = 2 + varintBytes(nameBytes) + nameBytes + varintBytes(valueBytes) + valueBytes;
    if (<u32>(at - start) + body + 16 > CANON_BYTES_MAX) return refuse(WHY_VALUE_LENGTH, label);
    store<u8>(at++, 0x0a);
    at = writeVarint(at, body);
    store<u8>(at++, 0x0a);
    at = writeVarint(at, nameBytes);
    memory.copy(at, name, nameBytes);
    at += nameBytes;
    store<u8>(at++, 0x12);
    at = writeVarint(at, valueBytes);
    memory.copy(at, value, valueBytes);
    at += valueBytes;
  }
  if (!named) return WHY_NO_NAME;
  canonicalBytes = <u32>(at - start);
  return 0;
}
