/** Float chunks that left memory: what they hold is read back from the log, for late samples only. */
import { CorruptionError } from "../base/errors.js";
import { decodeChunk } from "../chunk/chunk.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import { ChunkEncoding } from "../storage/chunk-series.js";
import { SampleColumns } from "../storage/columns.js";

/** Reads a chunk's bytes back from the log. */
export type ReadLogChunk = (segment: number, offset: number) => Uint8Array;

/** As chunk-read.ts numbers them. */
const FOUND_NOTHING = 0;
const FOUND_SAME = 1;
const FOUND_OTHER = 2;

/**
 * A chunk's bytes, null where the log is damaged there: counted, and what was in the chunk is lost until a restart
 * finds its samples in other records.
 */
export function readLogChunkOrNull(
  kernel: Kernel,
  readLogChunk: ReadLogChunk,
  segment: number,
  offset: number,
): Uint8Array | null {
  try {
    return readLogChunk(segment, offset);
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    Atomics.add(kernel.u32(), (L.CTRL + L.C_DAMAGED_CHUNKS) >>> 2, 1);
    return null;
  }
}

export class LoggedChunks {
  private readonly kernel: Kernel;
  private readonly readLogChunk: ReadLogChunk;
  /** The last chunk that was read: a late sender's samples fall into the same one again and again. */
  private readonly columns = new SampleColumns(256);
  private segment = 0;
  private offset = 0;

  constructor(kernel: Kernel, readLogChunk: ReadLogChunk) {
    this.kernel = kernel;
    this.readLogChunk = readLogChunk;
  }

  /** Whether a chunk of `ref` that lies only in the log holds the sample at `entry`; the stripe is locked. */
  find(ref: number, entry: number): number {
    const { kernel } = this;
    const t = kernel.i64(entry + 8);
    const words = kernel.u32();
    const ext = words[(kernel.seriesAt(ref) + L.S_EXT) >>> 2];
    let node = ext === 0 ? 0 : words[(ext + L.X_CHUNKS) >>> 2];
    for (; node !== 0; node = words[(node + L.N_NEXT) >>> 2]) {
      if (words[(node + L.N_DATA) >>> 2] !== 0 || kernel.u8()[node + L.N_ENC] !== ChunkEncoding.XOR) continue;
      if (kernel.i64(node + L.N_MINT) > t || kernel.i64(node + L.N_MAXT) < t) continue;
      this.load(words[(node + L.N_SEGMENT) >>> 2], words[(node + L.N_OFFSET) >>> 2]);
      const found = this.look(t, words[entry >>> 2], words[(entry + 4) >>> 2]);
      if (found !== FOUND_NOTHING) return found;
    }
    return FOUND_NOTHING;
  }

  private load(segment: number, offset: number): void {
    if (segment === this.segment && offset === this.offset) return;
    this.segment = 0;
    this.columns.clear();
    const bytes = readLogChunkOrNull(this.kernel, this.readLogChunk, segment, offset);
    // A sample of a chunk that nobody can read is as good as not there.
    if (bytes !== null) decodeChunk(bytes, ChunkEncoding.XOR, this.columns);
    this.segment = segment;
    this.offset = offset;
  }

  private look(t: number, low: number, high: number): number {
    const { timestamps, valueWords, count } = this.columns;
    let from = 0;
    let end = count;
    while (from < end) {
      const middle = (from + end) >>> 1;
      if (timestamps[middle] < t) from = middle + 1;
      else end = middle;
    }
    if (from === count || timestamps[from] !== t) return FOUND_NOTHING;
    return valueWords[2 * from] === low && valueWords[2 * from + 1] === high ? FOUND_SAME : FOUND_OTHER;
  }
}
