// What a request writes to the log: one SAMPLES record, then one CHUNK record for each chunk it closed.
// docs/format/wal.md has the drawings; src/wal/record-format.ts the same numbers.
import {
  NF_OUT_OF_ORDER, N_DATA, N_ENC, N_LEN, N_MAXT, N_MINT, N_NUM, N_OOO, N_REF, RES_CLOSED, RES_RECORD, RES_RECORD_BYTES, RES_RECORD_CAP,
  R_CLOSED, R_REF, R_T, R_V,
} from "./layout";
import { writeVarint, zigzag } from "./bytes";
import { crc32c } from "./crc32c";
import { alloc } from "./memory";
import { closedCount } from "./chunk-append";

const MAGIC: u32 = 0x56524543;
export const RECORD_HEADER: u32 = 16;
export const TYPE_SERIES: u32 = 1;
export const TYPE_SAMPLES: u32 = 2;
export const TYPE_CHUNK: u32 = 3;
/** ref u32, encoding u8, flags u8 (1: out of order), samples u16, mint i64, maxt i64; then the chunk's bytes. */
export const CHUNK_HEADER: u32 = 24;

/** Puts the header before a payload that is there already, pads to 8; the address behind. */
export function sealRecord(at: usize, type: u32, payloadEnd: usize): usize {
  const bytes = <u32>(payloadEnd - at) - RECORD_HEADER;
  store<u32>(at, MAGIC);
  store<u32>(at, type, 4);
  store<u32>(at, bytes, 8);
  store<u32>(at, crc32c(at + RECORD_HEADER, bytes, crc32c(at + 4, 8, 0)), 12);
  store<u64>(payloadEnd, 0);
  return (payloadEnd + 7) & ~7;
}

/** An upper bound of the SAMPLES record's bytes for the first `count` columns. */
function samplesBytesMax(scratch: usize, count: u32): u32 {
  let runs: u32 = 0;
  let expected: u32 = 0xffffffff;
  let t: i64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const ref = load<u32>(scratch + (i << 2), R_REF);
    const at = load<i64>(scratch + (i << 3), R_T);
    runs += <u32>(ref != expected) + <u32>(at != t);
    expected = ref + 1;
    t = at;
  }
  return RECORD_HEADER + 16 + (runs + 2) * 15 + (count << 3) + 16;
}

/**
 * count; runs of refs {delta to the end of the run before, length}; runs of timestamps {delta, length}; values.
 * Stands on its own: any order of replay gives the same samples.
 */
function encodeSamples(scratch: usize, record: usize, count: u32): usize {
  let at = writeVarint(record + RECORD_HEADER, count);
  let i: u32 = 0;
  let last: i64 = 0;
  while (i < count) {
    const ref = load<u32>(scratch + (i << 2), R_REF);
    let end = i + 1;
    while (end < count && load<u32>(scratch + (end << 2), R_REF) == ref + (end - i)) end++;
    at = writeVarint(at, zigzag(<i64>ref - last));
    at = writeVarint(at, end - i);
    last = <i64>ref + (end - i);
    i = end;
  }
  i = 0;
  last = 0;
  while (i < count) {
    const t = load<i64>(scratch + (i << 3), R_T);
    let end = i + 1;
    while (end < count && load<i64>(scratch + (end << 3), R_T) == t) end++;
    at = writeVarint(at, zigzag(t - last));
    at = writeVarint(at, end - i);
    last = t;
    i = end;
  }
  memory.copy(at, scratch + R_V, count << 3);
  return sealRecord(record, TYPE_SAMPLES, at + (count << 3));
}

function encodeChunk(record: usize, node: usize): usize {
  const payload = record + RECORD_HEADER;
  const length = load<u32>(node, N_LEN);
  store<u32>(payload, load<u32>(node, N_REF));
  store<u8>(payload, load<u8>(node, N_ENC), 4);
  store<u8>(payload, load<u8>(node, N_OOO) & NF_OUT_OF_ORDER, 5);
  store<u16>(payload, load<u16>(node, N_NUM), 6);
  store<i64>(payload, load<i64>(node, N_MINT), 8);
  store<i64>(payload, load<i64>(node, N_MAXT), 16);
  memory.copy(payload + CHUNK_HEADER, load<u32>(node, N_DATA), length);
  return sealRecord(record, TYPE_CHUNK, payload + CHUNK_HEADER + length);
}

/**
 * Writes the records over the request's own bytes where they fit into `slotBytes`, else into a heap block
 * that the main thread gives back. Behind them, not for the disk, stand {node, offset in the records} pairs.
 * False: the heap is full.
 */
export function encodeRecords(scratch: usize, slot: usize, slotBytes: u32, count: u32): bool {
  store<u32>(scratch, 0, RES_RECORD);
  store<u32>(scratch, 0, RES_RECORD_BYTES);
  store<u32>(scratch, 0, RES_RECORD_CAP);
  store<u32>(scratch, closedCount, RES_CLOSED);
  if (!count && !closedCount) return true;
  let need = count ? samplesBytesMax(scratch, count) : 0;
  for (let i: u32 = 0; i < closedCount; i++) {
    need += load<u32>(load<u32>(scratch + (i << 2), R_CLOSED), N_LEN) + RECORD_HEADER + CHUNK_HEADER + 8 + 8;
  }
  need += 64;
  let target = slot;
  if (need > slotBytes) {
    target = alloc(need);
    if (!target) return false;
    store<u32>(scratch, need, RES_RECORD_CAP);
  }
  let at = target;
  if (count) at = encodeSamples(scratch, at, count);
  const chunksAt = at;
  for (let i: u32 = 0; i < closedCount; i++) at = encodeChunk(at, load<u32>(scratch + (i << 2), R_CLOSED));
  let pair = at;
  let offset = chunksAt;
  for (let i: u32 = 0; i < closedCount; i++) {
    const node = load<u32>(scratch + (i << 2), R_CLOSED);
    store<u32>(pair, node);
    store<u32>(pair, <u32>(offset - target), 4);
    pair += 8;
    offset += (RECORD_HEADER + CHUNK_HEADER + load<u32>(node, N_LEN) + 7) & ~7;
  }
  store<u32>(scratch, <u32>target, RES_RECORD);
  store<u32>(scratch, <u32>(at - target), RES_RECORD_BYTES);
  return true;
}
