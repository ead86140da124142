// What the head holds, counted: chunks and the span of their samples.
import {
  N_MAXT, N_MINT, N_NEXT, S_CHUNK, S_EXT, S_LABELS_LEN, S_NUM, S_T, X_CHUNKS, X_HIST, X_HIST_T, X_OOO, X_OOO_COUNT, H_NEXT, H_T,
} from "./layout";
import { readVarint, unzigzag } from "./bytes";
import { lockStripe, stripeOf, unlockStripe } from "./memory";
import { seriesAt } from "./series";

/**
 * Adds the series [from, end) to three f64 at `out`: chunks (the open one counts), oldest and newest timestamp.
 * Takes the lock of one stripe at a time.
 */
export function measureSeries(from: u32, end: u32, out: usize): void {
  for (let ref = from; ref < end; ref++) {
    const series = seriesAt(ref);
    if (!load<u32>(series, S_LABELS_LEN)) continue;
    const stripe = stripeOf(ref);
    lockStripe(stripe);
    const ext = <usize>load<u32>(series, S_EXT);
    if (ext) measureExtension(ext, out);
    if (load<u16>(series, S_NUM)) {
      const bytes = <usize>load<u32>(series, S_CHUNK);
      count(out, unzigzag(readVarint(bytes + 2, bytes + 12)), load<i64>(series, S_T));
    }
    unlockStripe(stripe);
  }
}

function measureExtension(ext: usize, out: usize): void {
  for (let node = <usize>load<u32>(ext, X_CHUNKS); node; node = load<u32>(node, N_NEXT)) {
    count(out, load<i64>(node, N_MINT), load<i64>(node, N_MAXT));
  }
  const buffered = <u32>load<u16>(ext, X_OOO_COUNT);
  if (buffered) {
    const buffer = <usize>load<u32>(ext, X_OOO);
    count(out, load<i64>(buffer), load<i64>(buffer + ((buffered - 1) << 4)));
  }
  const waiting = <usize>load<u32>(ext, X_HIST);
  if (!waiting) return;
  let oldest = load<i64>(waiting, H_T);
  for (let h = waiting; h; h = load<u32>(h, H_NEXT)) oldest = min(oldest, load<i64>(h, H_T));
  count(out, oldest, load<i64>(ext, X_HIST_T));
}

// @ts-ignore: decorator
@inline
function count(out: usize, mint: i64, maxt: i64): void {
  store<f64>(out, load<f64>(out) + 1);
  store<f64>(out + 8, min(load<f64>(out + 8), <f64>mint));
  store<f64>(out + 16, max(load<f64>(out + 16), <f64>maxt));
}
