// Many series in one call: for queries over more of them than anybody keeps decoded. The refs lie at Q_ROW_REFS, at
// most CELL_ROWS_MAX of them; what is found out about each at Q_ROW_RESULTS.
import {
  CELLS_MAX, N_ENC, N_MAXT, N_NEXT, Q_CELLS, Q_CELL_KINDS, Q_HISTOGRAMS, Q_MISSING, Q_ROW_REFS, Q_ROW_RESULTS, Q_T, Q_TMP, Q_V,
  S_EXT, S_LABELS, S_LABELS_LEN, S_NUM, S_T, S_V, X_CHUNKS, X_HIST,
} from "./layout";
import { equalBytes, hashBytes, readVarint, varintEnd } from "./bytes";
import { ENC_XOR } from "./chunk-append";
import { stripeOf } from "./memory";
import { decodeFloats, snapshot } from "./read";
import { seriesAt } from "./series";

/** Prometheus' stale marker. */
const STALE: u64 = 0x7ff0000000000002;
const TRIES_MAX = 20;
/** One call ends behind about so many decoded samples: a query must hear in time that nobody waits for it. */
const DECODED_MAX: u32 = 1 << 18;
/** Chunks of a series that are looked at before it is decoded like any other. */
const NODES_MAX: u32 = 64;
/** What a series costs beside its samples, in samples; about a full chunk must be decoded for few of them. */
const SERIES_COST: u32 = 240;

/** Results: the row is to be read by other means. */
const READ_IT: i32 = -1;

let newest: i64 = 0;
let newestBits: u64 = 0;

/**
 * For each of `n` series and each step s of `steps` the newest float in (at - lookback, at], at = first + s * stride:
 * its value in a row of cells at Q_CELLS, 1 in one at Q_CELL_KINDS; 0 where there is none or it is a stale marker.
 * Results: cells filled, or READ_IT. Returns how many series were done, at least one; n * steps is at most CELLS_MAX.
 */
export function fillCells(scratch: usize, n: u32, first: f64, stride: f64, steps: u32, lookback: f64): u32 {
  const last = first + <f64>(steps - 1) * stride;
  memory.fill(scratch + Q_CELL_KINDS, 0, n * steps);
  let cost: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    if (cost > DECODED_MAX) return i;
    const ref = load<u32>(scratch + Q_ROW_REFS + (i << 2));
    const values = scratch + Q_CELLS + ((i * steps) << 3);
    const kinds = scratch + Q_CELL_KINDS + i * steps;
    let filled: i32 = 0;
    if (load<u32>(seriesAt(ref), S_LABELS_LEN)) {
      if (steps == 1 && readNewest(ref) && <f64>newest <= first) {
        if (<f64>newest > first - lookback && newestBits != STALE) {
          store<u64>(values, newestBits);
          store<u8>(kinds, 1);
          filled = 1;
        }
      } else {
        cost += SERIES_COST;
        filled = fillDecoded(scratch, ref, first, stride, steps, lookback, last, values, kinds);
        if (filled > 0) cost += <u32>filled;
      }
    }
    store<i32>(scratch + Q_ROW_RESULTS + (i << 2), filled);
  }
  return n;
}

/** Puts the newest sample into `newest` and `newestBits`; false where it may be a histogram or a writer is in the way. */
function readNewest(ref: u32): bool {
  const series = seriesAt(ref);
  const stripe = stripeOf(ref);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const seen = atomic.load<u32>(stripe);
    if (seen & 1) continue;
    newest = load<i64>(series, S_T);
    newestBits = load<u64>(series, S_V);
    const ok = load<u16>(series, S_NUM) != 0 && hasFloatsLast(load<u32>(series, S_EXT));
    if (atomic.load<u32>(stripe) == seen) return ok;
  }
  return false;
}

/** Whether nothing in the extension is a histogram of `newest` or later. Pointers may be torn by a writer. */
function hasFloatsLast(ext: usize): bool {
  if (!ext) return true;
  const end = <u64>(<u32>memory.size()) << 16;
  if (<u64>ext + 64 > end || load<u32>(ext, X_HIST)) return false;
  let node = <usize>load<u32>(ext, X_CHUNKS);
  for (let steps: u32 = 0; node; node = load<u32>(node, N_NEXT)) {
    if (<u64>node + 64 > end || ++steps > NODES_MAX) return false;
    if (load<u8>(node, N_ENC) != ENC_XOR && load<i64>(node, N_MAXT) >= newest) return false;
  }
  return true;
}

function fillDecoded(
  scratch: usize, ref: u32, first: f64, stride: f64, steps: u32, lookback: f64, last: f64, values: usize, kinds: usize,
): i32 {
  const mint = first - lookback + 1;
  if (snapshot(scratch, ref, mint, last)) return READ_IT;
  if (load<u32>(scratch, Q_MISSING) || load<u32>(scratch, Q_HISTOGRAMS)) return READ_IT;
  const count = decodeFloats(scratch, mint, last);
  if (count < 0) return READ_IT;
  const t = scratch + Q_T;
  let at: i32 = -1;
  let filled: i32 = 0;
  for (let s: u32 = 0; s < steps; s++) {
    const time = first + <f64>s * stride;
    while (at + 1 < count && load<f64>(t + ((at + 1) << 3)) <= time) at++;
    if (at < 0 || load<f64>(t + (at << 3)) <= time - lookback) continue;
    const bits = load<u64>(scratch + Q_V + (at << 3));
    if (bits == STALE) continue;
    store<u64>(values + (s << 3), bits);
    store<u8>(kinds + s, 1);
    filled++;
  }
  return filled;
}

/** Empties the table that `groupRows` and `countDistinct` fill over several calls. */
export function beginRows(scratch: usize): void {
  memory.fill(scratch + Q_CELLS, 0, <usize>CELLS_MAX << 3);
}

const TABLE_ROOM: u32 = CELLS_MAX - (CELLS_MAX >>> 2);

/**
 * Results: for each series the number of its value of the label whose name's key (`0a length name`) is the `keyBytes`
 * at Q_TMP; 0 where it has none. Numbers go up from 1 as values are met, `used` of them are taken. Returns how many are
 * taken then, -1: too many for the table.
 */
export function groupRows(scratch: usize, n: u32, keyBytes: u32, used: u32): i32 {
  const table = scratch + Q_CELLS;
  const mask = CELLS_MAX - 1;
  let lastBody: usize = 0;
  let lastBytes: u32 = 0;
  let lastId: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const series = seriesAt(load<u32>(scratch + Q_ROW_REFS + (i << 2)));
    const bytes = labelOf(series, scratch + Q_TMP, keyBytes);
    let id: u32 = 0;
    if (bytes) {
      if (bytes == lastBytes && equalBytes(found, lastBody, bytes)) id = lastId;
      else {
        let slot = <u32>(hashBytes(found, bytes) >>> 32) & mask;
        while (true) {
          const entry = table + (slot << 3);
          const body = <usize>load<u32>(entry);
          if (!body) {
            if (used >= TABLE_ROOM) return -1;
            id = ++used;
            store<u32>(entry, <u32>found);
            store<u32>(entry, id, 4);
            break;
          }
          if (bodyBytes(body, keyBytes) == bytes && equalBytes(body, found, bytes)) {
            id = load<u32>(entry, 4);
            break;
          }
          slot = (slot + 1) & mask;
        }
        lastBody = found;
        lastBytes = bytes;
        lastId = id;
      }
    }
    store<u32>(scratch + Q_ROW_RESULTS + (i << 2), id);
  }
  return <i32>used;
}

/** Where `labelOf` found the label. */
let found: usize = 0;

/** Puts the body of the series' label with this name's key into `found` and returns its length, 0: it has none. */
function labelOf(series: usize, key: usize, keyBytes: u32): u32 {
  let at = <usize>load<u32>(series, S_LABELS);
  const end = at + load<u32>(series, S_LABELS_LEN);
  while (at < end) {
    const body = <u32>readVarint(at + 1, end);
    found = varintEnd;
    if (body > keyBytes && equalBytes(found, key, keyBytes)) return body;
    at = found + body;
  }
  return 0;
}

/** Length of a label's body, whose name's key is as long as this. */
function bodyBytes(body: usize, keyBytes: u32): u32 {
  const value = body + keyBytes + 1;
  const bytes = <u32>readVarint(value, value + 5);
  return <u32>(varintEnd - body) + bytes;
}

/**
 * Enters the hashes of the series' label sets without name, type and unit into the table, of which `used` entries are
 * taken. Returns how many are taken then; -1: two are equal, or nearly so, or the table is too small.
 */
export function countDistinct(scratch: usize, n: u32, used: u32): i32 {
  const table = scratch + Q_CELLS;
  const mask = CELLS_MAX - 1;
  for (let i: u32 = 0; i < n; i++) {
    const series = seriesAt(load<u32>(scratch + Q_ROW_REFS + (i << 2)));
    const hash = hashWithoutMetadata(series);
    let slot = <u32>(hash >>> 32) & mask;
    while (true) {
      const entry = table + (slot << 3);
      const there = load<u64>(entry);
      if (there == hash) return -1;
      if (!there) {
        if (used++ >= TABLE_ROOM) return -1;
        store<u64>(entry, hash);
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
  return <i32>used;
}

/** Never 0. */
function hashWithoutMetadata(series: usize): u64 {
  let at = <usize>load<u32>(series, S_LABELS);
  const end = at + load<u32>(series, S_LABELS_LEN);
  let hash: u64 = 0x9e3779b97f4a7c15;
  while (at < end) {
    const body = <u32>readVarint(at + 1, end);
    const label = varintEnd;
    at = label + body;
    if (isMetadata(label, body)) continue;
    hash = (hash ^ hashBytes(label, body)) * 0xff51afd7ed558ccd;
    hash ^= hash >>> 33;
  }
  return hash ? hash : 1;
}

/** __name__, __type__, __unit__: eight bytes each, behind `0a 08`. */
function isMetadata(label: usize, body: u32): bool {
  if (body < 10 || load<u16>(label) != 0x080a) return false;
  const name = load<u64>(label, 2);
  return name == 0x5f5f656d616e5f5f || name == 0x5f5f657079745f5f || name == 0x5f5f74696e755f5f;
}
