// Many samples of one series in one request, in no order: each would be searched for in all that came before. Sorted
// by time first they are appended one behind the other. Of equal times the first in the request stays the first.
import { NONE, R_OPEN, R_REF, R_T, R_V, SERIES_PER_REQUEST_MAX } from "./layout";

/** Looking at every 128th sample finds each run of this length. */
const RUN_MIN: u32 = 256;
const STRIDE: u32 = 128;
/** A run that goes back in time less often is left as it is. */
const DESCENTS_MIN: u32 = 16;
/** {i64 t, u64 v} of a piece and of its merged copy have room where unresolved series were listed. */
const PIECE_MAX: u32 = 24 * SERIES_PER_REQUEST_MAX / 32;

/** Sorts the long disordered runs of one series among the first `count` columns. */
export function sortLongRuns(scratch: usize, count: u32): void {
  for (let i: u32 = 0; i + STRIDE <= count; ) {
    const ref = load<u32>(scratch + (i << 2), R_REF);
    if (load<u32>(scratch + ((i + STRIDE - 1) << 2), R_REF) != ref) {
      i += STRIDE;
      continue;
    }
    let start = i, end = i + 1;
    while (start && load<u32>(scratch + ((start - 1) << 2), R_REF) == ref) start--;
    while (end < count && load<u32>(scratch + (end << 2), R_REF) == ref) end++;
    // Columns without a series are of many: refused, or for the merge table, which knows them by their place.
    if (ref != NONE && end - start >= RUN_MIN && goesBack(scratch, start, end)) {
      for (let at = start; at < end; at += PIECE_MAX) sortPiece(scratch, at, min(end - at, PIECE_MAX));
    }
    i = (end + STRIDE - 1) / STRIDE * STRIDE;
  }
}

function goesBack(scratch: usize, start: u32, end: u32): bool {
  let descents: u32 = 0;
  for (let i = start + 1; i < end && descents < DESCENTS_MIN; i++) {
    if (load<i64>(scratch + (i << 3), R_T) < load<i64>(scratch + ((i - 1) << 3), R_T)) descents++;
  }
  return descents == DESCENTS_MIN;
}

/** A bottom-up merge sort of `n` columns from `start` on. */
function sortPiece(scratch: usize, start: u32, n: u32): void {
  const t = scratch + R_T + (start << 3), v = scratch + R_V + (start << 3);
  let from = scratch + R_OPEN, to = from + (n << 4);
  for (let i: u32 = 0; i < n; i++) {
    store<i64>(from + (i << 4), load<i64>(t + (i << 3)));
    store<u64>(from + (i << 4), load<u64>(v + (i << 3)), 8);
  }
  for (let width: u32 = 1; width < n; width <<= 1) {
    for (let left: u32 = 0; left < n; left += width << 1) {
      let i = left, j = min(left + width, n);
      const iEnd = j, jEnd = min(left + (width << 1), n);
      for (let k = left; k < jEnd; k++) {
        const first = i < iEnd && (j >= jEnd || load<i64>(from + (i << 4)) <= load<i64>(from + (j << 4)));
        v128.store(to + (k << 4), v128.load(from + ((first ? i : j) << 4)));
        if (first) i++;
        else j++;
      }
    }
    const swap = from;
    from = to;
    to = swap;
  }
  for (let i: u32 = 0; i < n; i++) {
    store<i64>(t + (i << 3), load<i64>(from + (i << 4)));
    store<u64>(v + (i << 3), load<u64>(from + (i << 4), 8));
  }
}
