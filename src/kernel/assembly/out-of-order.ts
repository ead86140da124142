// Samples older than the newest of their series: found, refused, or kept in a small sorted buffer that
// becomes a chunk of its own when it is full. Needs the lock of the series' stripe.
import {
  CTRL, C_WINDOW_MS, N_DATA, N_ENC, N_LEN, N_MAXT, N_MINT, N_NEXT, R_SPARE, S_CHUNK, S_EXT, S_NUM, S_T, S_V,
  WHY_DUPLICATE, WHY_MEMORY, WHY_TOO_OLD, X_CHUNKS, X_OOO, X_OOO_CAP, X_OOO_COUNT,
} from "./layout";
import { alloc, free } from "./memory";
import { appendInOrder, closeChunk, ENC_XOR, extensionOf, finishOpenChunk, openChunkMint } from "./chunk-append";
import { FOUND_NOTHING, FOUND_SAME, searchChunk } from "./chunk-read";

/** Samples of the buffer; a full one becomes a chunk. */
const BUFFER_MAX: u32 = 64;
export const OOO_NEW: u32 = 0;
export const OOO_SAME: u32 = 100;
/** A chunk that lies only in the log may hold the timestamp: JavaScript looks, then asks again with `sure`. */
export const OOO_LOOK: u32 = 101;

/**
 * OOO_NEW: kept. OOO_SAME: it was there. OOO_LOOK, or the reason of the refusal. Replay is always `sure` and
 * knows no window: readers drop what a chunk holds as well.
 */
export function appendOutOfOrder(scratch: usize, ref: u32, series: usize, t: i64, v: u64, replay: bool, sure: bool): u32 {
  const newest = load<i64>(series, S_T);
  if (t == newest) return v == load<u64>(series, S_V) ? OOO_SAME : WHY_DUPLICATE;
  if (!replay && t < newest - load<i64>(CTRL, C_WINDOW_MS)) return WHY_TOO_OLD;
  const ext = extensionOf(series);
  if (!ext) return WHY_MEMORY;
  const found = searchChunks(scratch, series, ext, t, v);
  if (found == OOO_LOOK ? !sure : found != OOO_NEW) return found;
  return insert(scratch, ref, ext, t, v);
}

/** What `appendOutOfOrder` would say to a sample that is not newer than the newest, without keeping it. */
export function findOutOfOrder(scratch: usize, series: usize, t: i64, v: u64): u32 {
  const newest = load<i64>(series, S_T);
  if (t == newest) return v == load<u64>(series, S_V) ? OOO_SAME : WHY_DUPLICATE;
  if (t < newest - load<i64>(CTRL, C_WINDOW_MS)) return WHY_TOO_OLD;
  const ext = load<u32>(series, S_EXT);
  const found = searchChunks(scratch, series, ext, t, v);
  if (found != OOO_NEW || !ext) return found;
  const buffer: usize = load<u32>(ext, X_OOO);
  for (let i: u32 = 0; i < <u32>load<u16>(ext, X_OOO_COUNT); i++) {
    if (load<i64>(buffer + (i << 4)) == t) return load<u64>(buffer + (i << 4), 8) == v ? OOO_SAME : WHY_DUPLICATE;
  }
  return OOO_NEW;
}

/** Looks for `t` in the chunks of a series. OOO_NEW: none in memory has it; OOO_LOOK: one in the log may. */
function searchChunks(scratch: usize, series: usize, ext: usize, t: i64, v: u64): u32 {
  let look = false;
  let found = FOUND_NOTHING;
  if (load<u16>(series, S_NUM) && t >= openChunkMint(series)) {
    found = searchChunk(scratch, load<u32>(series, S_CHUNK), finishOpenChunk(series), t, v);
  }
  for (let node: usize = ext ? load<u32>(ext, X_CHUNKS) : 0; node && found == FOUND_NOTHING; node = load<u32>(node, N_NEXT)) {
    if (t < load<i64>(node, N_MINT) || t > load<i64>(node, N_MAXT) || load<u8>(node, N_ENC) != ENC_XOR) continue;
    if (load<u32>(node, N_DATA)) found = searchChunk(scratch, load<u32>(node, N_DATA), load<u32>(node, N_LEN), t, v);
    else look = true;
  }
  if (found != FOUND_NOTHING) return found == FOUND_SAME ? OOO_SAME : WHY_DUPLICATE;
  return look ? OOO_LOOK : OOO_NEW;
}

function insert(scratch: usize, ref: u32, ext: usize, t: i64, v: u64): u32 {
  let count = <u32>load<u16>(ext, X_OOO_COUNT);
  let buffer: usize = load<u32>(ext, X_OOO);
  let i = count;
  while (i > 0 && load<i64>(buffer + ((i - 1) << 4)) >= t) i--;
  if (i < count && load<i64>(buffer + (i << 4)) == t) return load<u64>(buffer + (i << 4), 8) == v ? OOO_SAME : WHY_DUPLICATE;
  if (count == BUFFER_MAX) {
    if (!flushBuffer(scratch, ref, ext)) return WHY_MEMORY;
    count = 0;
    i = 0;
  }
  if (count == load<u16>(ext, X_OOO_CAP)) {
    const cap = count ? count << 1 : 4;
    const grown = alloc(cap << 4);
    if (!grown) return WHY_MEMORY;
    if (count) {
      memory.copy(grown, buffer, count << 4);
      free(buffer, count << 4);
    }
    buffer = grown;
    store<u32>(ext, <u32>buffer, X_OOO);
    store<u16>(ext, <u16>cap, X_OOO_CAP);
  }
  memory.copy(buffer + ((i + 1) << 4), buffer + (i << 4), (count - i) << 4);
  store<i64>(buffer + (i << 4), t);
  store<u64>(buffer + (i << 4), v, 8);
  store<u16>(ext, <u16>(count + 1), X_OOO_COUNT);
  return OOO_NEW;
}

/** Makes chunks of the out-of-order buffer. False: the heap is full; the buffer stays. */
export function flushBuffer(scratch: usize, ref: u32, ext: usize): bool {
  const buffer: usize = load<u32>(ext, X_OOO);
  const count = <u32>load<u16>(ext, X_OOO_COUNT);
  if (!count) return true;
  const spare = scratch + R_SPARE;
  store<u16>(spare, 0, S_NUM);
  for (let i: u32 = 0; i < count; i++) {
    // A failure in the middle leaves samples both in a chunk and in the buffer: readers drop the second.
    if (!appendInOrder(scratch, ref, spare, load<i64>(buffer + (i << 4)), load<u64>(buffer + (i << 4), 8), true)) return false;
  }
  if (!closeChunk(scratch, ref, spare, true)) return false;
  store<u16>(ext, 0, X_OOO_COUNT);
  return true;
}
