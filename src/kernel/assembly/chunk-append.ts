// The open chunk of a series: Gorilla (XOR) compression in Prometheus' chunk encoding 1
// (prometheus tsdb/docs/format/chunks.md; Pelkonen et al., "Gorilla", VLDB 2015).
// The newest bits wait in S_ACC, left-aligned; whole words go to the open chunk's bytes at S_WP.
// Every function here needs the lock of the series' stripe.
import {
  CTRL, C_CHUNK_SAMPLES, C_RANGE_SECONDS, EXT_BYTES, NODE_BYTES, N_DATA, N_ENC, N_LEN, N_MAXT, N_MINT, N_NEXT, N_NUM, N_OOO, N_REF,
  R_CLOSED, R_CLOSED_MAX, S_ACC, S_CAP, S_CHUNK, S_DELTA, S_END_SECONDS, S_EXT, S_LEAD, S_NB, S_NUM, S_T, S_TRAIL, S_V, S_WP,
  X_CHUNKS, X_CHUNKS_LAST, X_HIST_T,
} from "./layout";
import { readVarint, storeBE, unzigzag, writeVarint, zigzag } from "./bytes";
import { alloc, free } from "./memory";
import { seriesAt } from "./series";

export const ENC_XOR: u8 = 1;
/** A chunk is closed before its bytes outgrow S_CAP's range. */
const CHUNK_BYTES_MAX: u32 = 7900;

/** Chunks that this request closed; their nodes are listed at R_CLOSED for the log record. */
export let closedCount: u32 = 0;
export function resetClosed(): void {
  closedCount = 0;
}

/** The extension of a series, made where there is none. 0: the heap is full. */
export function extensionOf(series: usize): usize {
  const known = load<u32>(series, S_EXT);
  if (known) return known;
  const ext = alloc(EXT_BYTES);
  if (!ext) return 0;
  memory.fill(ext, 0, EXT_BYTES);
  store<i64>(ext, i64.MIN_VALUE, X_HIST_T);
  store<u32>(series, <u32>ext, S_EXT);
  return ext;
}

/** Completes the open chunk's bytes in place and returns how many they are. Appending may go on afterwards. */
export function finishOpenChunk(series: usize): u32 {
  const bytes = <usize>load<u32>(series, S_CHUNK);
  const stored = <u32>load<u16>(series, S_WP);
  storeBE(bytes + stored, load<u64>(series, S_ACC));
  store<u16>(bytes, bswap<u16>(load<u16>(series, S_NUM)));
  return stored + ((<u32>load<u8>(series, S_NB) + 7) >>> 3);
}

export function openChunkMint(series: usize): i64 {
  return unzigzag(readVarint(<usize>load<u32>(series, S_CHUNK) + 2, <usize>load<u32>(series, S_CHUNK) + 12));
}

/** Links `node` behind the newest chunk of the series that owns `ext`. */
export function linkNode(ext: usize, node: usize): void {
  const last = load<u32>(ext, X_CHUNKS_LAST);
  if (last) store<u32>(last, <u32>node, N_NEXT);
  else store<u32>(ext, <u32>node, X_CHUNKS);
  store<u32>(ext, <u32>node, X_CHUNKS_LAST);
}

/** A node with a copy of `bytes`; 0: the heap is full. */
export function newNode(ref: u32, encoding: u8, outOfOrder: bool, samples: u32, mint: i64, maxt: i64, bytes: usize, length: u32): usize {
  const node = alloc(NODE_BYTES);
  if (!node) return 0;
  const data = alloc(length);
  if (!data) {
    free(node, NODE_BYTES);
    return 0;
  }
  memory.copy(data, bytes, length);
  memory.fill(node, 0, NODE_BYTES);
  store<u32>(node, <u32>data, N_DATA);
  store<u32>(node, length, N_LEN);
  store<u8>(node, encoding, N_ENC);
  store<u8>(node, outOfOrder ? 1 : 0, N_OOO);
  store<u16>(node, samples, N_NUM);
  store<i64>(node, mint, N_MINT);
  store<i64>(node, maxt, N_MAXT);
  store<u32>(node, ref, N_REF);
  return node;
}

/** Lists a new node for the request's log records. False: the list is full. */
export function addClosed(scratch: usize, node: usize): bool {
  if (closedCount >= R_CLOSED_MAX) return false;
  store<u32>(scratch + (closedCount++ << 2), <u32>node, R_CLOSED);
  return true;
}

/** Turns the open chunk in `series` into a chunk of series `ref` (another one for R_SPARE). False: the heap is full. */
export function closeChunk(scratch: usize, ref: u32, series: usize, outOfOrder: bool): bool {
  if (closedCount >= R_CLOSED_MAX) return false;
  const ext = extensionOf(seriesAt(ref));
  if (!ext) return false;
  const length = finishOpenChunk(series);
  const node = newNode(ref, ENC_XOR, outOfOrder, load<u16>(series, S_NUM), openChunkMint(series), load<i64>(series, S_T), load<u32>(series, S_CHUNK), length);
  if (!node) return false;
  linkNode(ext, node);
  addClosed(scratch, node);
  store<u16>(series, 0, S_NUM);
  return true;
}

function startChunk(series: usize, t: i64, v: u64): bool {
  let bytes = <usize>load<u32>(series, S_CHUNK);
  if (!bytes) {
    bytes = alloc(64);
    if (!bytes) return false;
    store<u32>(series, <u32>bytes, S_CHUNK);
    store<u8>(series, 2, S_CAP);
  }
  const at = writeVarint(bytes + 2, zigzag(t));
  storeBE(at, v);
  store<u16>(series, <u16>(at + 8 - bytes), S_WP);
  store<u64>(series, 0, S_ACC);
  store<u8>(series, 0, S_NB);
  store<u8>(series, 0xff, S_LEAD);
  store<u8>(series, 0, S_TRAIL);
  store<u16>(series, 1, S_NUM);
  const range = load<u32>(CTRL, C_RANGE_SECONDS);
  store<u32>(series, (<u32>(t / 1000) / range + 1) * range, S_END_SECONDS);
  store<i64>(series, t, S_T);
  store<u64>(series, v, S_V);
  return true;
}

/** Room for at least `room` more bytes behind S_WP. */
function growChunk(series: usize, room: u32): bool {
  const cap = <u32>load<u8>(series, S_CAP) << 5;
  const need = <u32>load<u16>(series, S_WP) + room;
  if (need <= cap) return true;
  const grown = min<u32>((max<u32>(need, cap + (cap >>> 1)) + 31) & ~31, 8160);
  const bytes = alloc(grown);
  if (!bytes) return false;
  memory.copy(bytes, load<u32>(series, S_CHUNK), load<u16>(series, S_WP));
  free(load<u32>(series, S_CHUNK), cap);
  store<u32>(series, <u32>bytes, S_CHUNK);
  store<u8>(series, <u8>(grown >>> 5), S_CAP);
  return true;
}

/** Appends the low `n` bits (1 … 64) of `bits`, whose other bits are zero. There is room for a word. */
// @ts-ignore: decorator
@inline
function put(series: usize, bits: u64, n: u32): void {
  const nb = <u32>load<u8>(series, S_NB);
  const acc = load<u64>(series, S_ACC);
  const room: u32 = 64 - nb;
  if (n < room) {
    store<u64>(series, acc | (bits << (room - n)), S_ACC);
    store<u8>(series, <u8>(nb + n), S_NB);
    return;
  }
  const at = <u32>load<u16>(series, S_WP);
  storeBE(<usize>load<u32>(series, S_CHUNK) + at, acc | (bits >>> (n - room)));
  store<u16>(series, <u16>(at + 8), S_WP);
  const left = n - room;
  store<u64>(series, left ? bits << (64 - left) : 0, S_ACC);
  store<u8>(series, <u8>left, S_NB);
}

/**
 * Appends a sample that is newer than all in the open chunk. False: the heap is full, nothing changed.
 * A window of significant bits is left for a narrower one as soon as that saves bits for this value:
 * any decoder reads it, and real data gets smaller than with Prometheus' rule of keeping what still fits.
 */
export function appendInOrder(scratch: usize, ref: u32, series: usize, t: i64, v: u64, outOfOrder: bool): bool {
  const samples = <u32>load<u16>(series, S_NUM);
  if (samples == 0) return startChunk(series, t, v);
  if (samples >= load<u32>(CTRL, C_CHUNK_SAMPLES) || t >= <i64>load<u32>(series, S_END_SECONDS) * 1000 || <u32>load<u16>(series, S_WP) > CHUNK_BYTES_MAX) {
    return closeChunk(scratch, ref, series, outOfOrder) && startChunk(series, t, v);
  }
  if (<u32>load<u16>(series, S_WP) + 40 > <u32>load<u8>(series, S_CAP) << 5 && !growChunk(series, 40)) return false;
  const delta = t - load<i64>(series, S_T);
  let bits: u64 = 0; // what one word can take at once: the timestamp's code and the value's control bits
  let n: u32 = 0;
  if (samples == 1) {
    const bytes = <usize>load<u32>(series, S_CHUNK);
    store<u16>(series, <u16>(writeVarint(bytes + load<u16>(series, S_WP), <u64>delta) - bytes), S_WP);
    store<i64>(series, delta, S_DELTA);
  } else {
    const dod = delta - load<i64>(series, S_DELTA);
    if (dod == 0) n = 1;
    else {
      store<i64>(series, delta, S_DELTA);
      if (dod >= -8191 && dod <= 8192) {
        bits = 0x8000 | (<u64>dod & 0x3fff);
        n = 16;
      } else if (dod >= -65535 && dod <= 65536) {
        bits = 0xc0000 | (<u64>dod & 0x1ffff);
        n = 20;
      } else if (dod >= -524287 && dod <= 524288) {
        bits = 0xe00000 | (<u64>dod & 0xfffff);
        n = 24;
      } else {
        put(series, 15, 4);
        put(series, <u64>dod, 64);
      }
    }
  }
  store<i64>(series, t, S_T);
  store<u16>(series, <u16>(samples + 1), S_NUM);
  const x = v ^ load<u64>(series, S_V);
  if (x == 0) {
    put(series, bits << 1, n + 1);
    return true;
  }
  store<u64>(series, v, S_V);
  const lead = min<u32>(<u32>clz(x), 31);
  const trail = <u32>ctz(x);
  const oldLead = <u32>load<u8>(series, S_LEAD);
  const oldTrail = <u32>load<u8>(series, S_TRAIL);
  const width = 64 - lead - trail;
  if (oldLead != 0xff && lead >= oldLead && trail >= oldTrail && 64 - oldLead - oldTrail <= width + 11) {
    put(series, (bits << 2) | 2, n + 2);
    put(series, x >>> oldTrail, 64 - oldLead - oldTrail);
  } else {
    store<u8>(series, <u8>lead, S_LEAD);
    store<u8>(series, <u8>trail, S_TRAIL);
    put(series, (bits << 13) | (3 << 11) | (lead << 6) | (width & 63), n + 13);
    put(series, x >>> trail, width);
  }
  return true;
}
