import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { Histogram } from "../model/histogram.js";
import type { ChunkEncoding } from "../storage/chunk-series.js";
import { decodeHistograms } from "../wal/cold-records.js";

/** A histogram chunk of the head; `bytes` is null where it lies only in the log. */
export interface HeadChunk {
  readonly encoding: ChunkEncoding;
  readonly bytes: Uint8Array | null;
  readonly segment: number;
  readonly offset: number;
}

export interface TimedHistogram {
  readonly timestampMs: number;
  readonly histogram: Histogram;
}

const ENC_XOR = 1;

/** Histogram chunks of `ref` that overlap [mint, maxt]; the stripe is locked by the caller. */
export function histogramChunksOf(kernel: Kernel, ref: number, mint: number, maxt: number): HeadChunk[] {
  const chunks: HeadChunk[] = [];
  const words = kernel.u32();
  const ext = words[(kernel.seriesAt(ref) + L.S_EXT) >>> 2];
  if (ext === 0) return chunks;
  for (let node = words[(ext + L.X_CHUNKS) >>> 2]; node !== 0; node = words[(node + L.N_NEXT) >>> 2]) {
    const encoding = kernel.u8()[node + L.N_ENC];
    if (encoding === ENC_XOR || kernel.i64(node + L.N_MINT) > maxt || kernel.i64(node + L.N_MAXT) < mint)
      continue;
    const data = words[(node + L.N_DATA) >>> 2];
    const bytes = words[(node + L.N_LEN) >>> 2];
    chunks.push({
      encoding: encoding as ChunkEncoding,
      bytes: data === 0 ? null : kernel.u8().slice(data, data + bytes),
      segment: words[(node + L.N_SEGMENT) >>> 2],
      offset: words[(node + L.N_OFFSET) >>> 2],
    });
  }
  return chunks;
}

/** The waiting histograms of a locked series in order of time. */
export function waitingHistograms(kernel: Kernel, ref: number): TimedHistogram[] {
  const list: TimedHistogram[] = [];
  for (
    let at = kernel.exports.firstHistogram(ref) >>> 0;
    at !== 0;
    at = kernel.u32()[(at + L.H_NEXT) >>> 2]
  ) {
    const bytes = kernel.u32()[(at + L.H_LEN) >>> 2];
    const [entry] = decodeHistograms(kernel.u8().slice(at + L.H_BYTES, at + L.H_BYTES + bytes));
    if (entry !== undefined) list.push({ timestampMs: kernel.i64(at + L.H_T), histogram: entry.histogram });
  }
  return list.sort((a, b) => a.timestampMs - b.timestampMs);
}
