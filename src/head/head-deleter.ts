/**
 * Deletes samples from the head for good: what overlaps the deleted range is written anew without it. For the
 * maintenance thread while no request is under way, and for replay.
 */
import { assert } from "../base/assert.js";
import { decodeChunk } from "../chunk/chunk.js";
import { encodeHistogramChunks } from "../chunk/histogram-chunk.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { Histogram } from "../model/histogram.js";
import { ChunkEncoding } from "../storage/chunk-series.js";
import { SampleColumns } from "../storage/columns.js";
import type { TombstoneEntry } from "../wal/cold-records.js";
import { type ReadLogChunk, readLogChunkOrNull } from "./logged-chunks.js";

/** As delete.ts numbers them. */
const DELETE_LOOK = 1;
const DELETE_NEWEST = 2;

/** What a run of deletions leaves for the log: CHUNK records, in the heap, of chunks that were written anew. */
export interface RewrittenChunks {
  readonly recordAt: number;
  readonly recordBytes: number;
  /** Heap bytes to give back after the commit; 0: there are none. */
  readonly recordCap: number;
  readonly closedChunks: number;
  /** Newest sample in them, -Infinity where there are none. */
  readonly newestMs: number;
}

export class HeadDeleter {
  private readonly kernel: Kernel;
  private readonly scratch: number;
  private readonly readLogChunk: ReadLogChunk;
  private readonly columns = new SampleColumns(256);

  /** `scratch`: of an ingest thread, and the kernel's instance that owns it. */
  constructor(kernel: Kernel, scratch: number, readLogChunk: ReadLogChunk) {
    this.kernel = kernel;
    this.scratch = scratch;
    this.readLogChunk = readLogChunk;
  }

  /** Deletes all of `entries`. False: the heap is full, and some of it is not done. */
  run(entries: readonly TombstoneEntry[]): boolean {
    const { exports } = this.kernel;
    exports.beginDeletion();
    let done = true;
    for (const { ref, mint, maxt } of entries) {
      exports.lockRef(ref);
      try {
        if (!this.deleteFrom(ref, mint, maxt)) done = false;
      } finally {
        exports.unlockRef(ref);
      }
    }
    exports.settleLiveBytes();
    return done;
  }

  /** Writes the log records of what the last `run` wrote anew. Null: the heap is full; nothing is lost by it. */
  finish(): RewrittenChunks | null {
    const { kernel, scratch } = this;
    if (kernel.exports.finishDeletion(scratch) === 0) return null;
    const result = (offset: number): number => kernel.u32()[(scratch + offset) >>> 2];
    const recordAt = result(L.RES_RECORD);
    const recordBytes = result(L.RES_RECORD_BYTES);
    const closedChunks = result(L.RES_CLOSED);
    let newestMs = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < closedChunks; i++) {
      const node = kernel.u32()[((recordAt + recordBytes) >>> 2) + 2 * i];
      newestMs = Math.max(newestMs, kernel.i64(node + L.N_MAXT));
    }
    return { recordAt, recordBytes, recordCap: result(L.RES_RECORD_CAP), closedChunks, newestMs };
  }

  private deleteFrom(ref: number, mint: number, maxt: number): boolean {
    const { exports } = this.kernel;
    const result = exports.deleteSamples(this.scratch, ref, mint, maxt);
    if (result < 0) return false;
    let done = true;
    if ((result & DELETE_LOOK) !== 0) {
      for (const node of this.overlapping(ref, mint, maxt)) {
        if (!this.deleteFromChunk(ref, node, mint, maxt)) done = false;
      }
    }
    if ((result & DELETE_NEWEST) !== 0) this.settleNewest(ref);
    exports.settleHistograms(ref, mint, maxt);
    return done;
  }

  /** Addresses of the chunk nodes that overlap the range. */
  private overlapping(ref: number, mint: number, maxt: number): number[] {
    const { kernel } = this;
    const words = kernel.u32();
    const nodes: number[] = [];
    const ext = words[(kernel.seriesAt(ref) + L.S_EXT) >>> 2];
    let node = ext === 0 ? 0 : words[(ext + L.X_CHUNKS) >>> 2];
    for (; node !== 0; node = words[(node + L.N_NEXT) >>> 2]) {
      if (kernel.i64(node + L.N_MINT) <= maxt && kernel.i64(node + L.N_MAXT) >= mint) nodes.push(node);
    }
    return nodes;
  }

  private deleteFromChunk(ref: number, node: number, mint: number, maxt: number): boolean {
    const { kernel } = this;
    const bytes = this.bytesOf(node);
    if (bytes === null) kernel.exports.removeChunk(ref, node);
    else if (kernel.u8()[node + L.N_ENC] !== ChunkEncoding.XOR)
      return this.cutHistograms(ref, node, bytes, mint, maxt);
    else {
      const at = this.scratch + L.R_CANON;
      kernel.u8().set(bytes, at);
      const { exports } = kernel;
      return exports.deleteFromChunk(this.scratch, ref, node, at, bytes.length, mint, maxt) !== 0;
    }
    return true;
  }

  /** A copy of the chunk's bytes; null where the log, which alone has them, is damaged there. */
  private bytesOf(node: number): Uint8Array | null {
    const words = this.kernel.u32();
    const data = words[(node + L.N_DATA) >>> 2];
    if (data !== 0) return this.kernel.u8().slice(data, data + words[(node + L.N_LEN) >>> 2]);
    const [segment, offset] = [words[(node + L.N_SEGMENT) >>> 2], words[(node + L.N_OFFSET) >>> 2]];
    return readLogChunkOrNull(this.kernel, this.readLogChunk, segment, offset);
  }

  private cutHistograms(ref: number, node: number, bytes: Uint8Array, mint: number, maxt: number): boolean {
    const { kernel, columns, scratch } = this;
    columns.clear();
    decodeChunk(bytes, kernel.u8()[node + L.N_ENC] as ChunkEncoding, columns);
    const times: number[] = [];
    const histograms: Histogram[] = [];
    for (let i = 0; i < columns.count; i++) {
      const histogram = columns.histograms?.[i];
      const t = columns.timestamps[i];
      if (histogram === undefined || (t >= mint && t <= maxt)) continue;
      times.push(t);
      histograms.push(histogram);
    }
    if (times.length === columns.count) return true;
    const at = scratch + L.R_CANON;
    for (const chunk of encodeHistogramChunks(times, histograms)) {
      const samples = (chunk.bytes[0] << 8) | chunk.bytes[1];
      kernel.u8().set(chunk.bytes, at);
      const { encoding, mint: first, maxt: last } = chunk;
      const length = chunk.bytes.length;
      assert(length <= L.CANON_BYTES_MAX, "a part of a chunk is no longer than the chunk");
      if (!kernel.exports.addHistogramChunk(scratch, ref, encoding, samples, first, last, at, length))
        return false;
    }
    kernel.exports.removeChunk(ref, node);
    return true;
  }

  private settleNewest(ref: number): void {
    const { kernel, scratch } = this;
    const node = kernel.exports.settleNewest(scratch, ref) >>> 0;
    if (node === 0) return;
    const bytes = this.bytesOf(node);
    if (bytes === null) return;
    const at = scratch + L.R_CANON;
    kernel.u8().set(bytes, at);
    kernel.exports.settleNewestFrom(scratch, ref, at, bytes.length);
  }
}
