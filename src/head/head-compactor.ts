/**
 * The head as a source of blocks, on the maintenance thread. For a border in time: `seal` turns all that is older
 * into closed chunks, `firstRange` tells where they begin, `source` hands a range's samples to the block
 * writer, and `drop` takes exactly what was handed over out of memory.
 *
 * Floats are coded anew on the way, as small as they get, once in their life: 0.1 bytes a sample less than the
 * chunks they arrive in, for 35 ns.
 */
import { assert } from "../base/assert.js";
import { FLOAT_SAMPLES_MAX } from "../chunk/encode-columns.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { SharedMemory } from "../kernel/shared-memory.js";
import { compareUtf8, type Labels } from "../model/labels.js";
import {
  ChunkEncoding,
  type ChunkSeries,
  type ChunkSeriesSource,
  type EncodedChunk,
} from "../storage/chunk-series.js";
import { HeadWriter } from "./head-writer.js";
import { decodeLabels } from "./label-bytes.js";
import { type ReadLogChunk, readLogChunkOrNull } from "./logged-chunks.js";
import { eachDescriptor, fillFromLog } from "./snapshot.js";

/** Work between two calls of the checkpoint. */
const REFS_PER_CHECKPOINT = 32;

export class HeadCompactor {
  readonly kernel: Kernel;
  /**
   * True once a chunk could not be read back from the log, and its samples are in no block. The log may have them in
   * other records still, which the next replay takes: nothing of it may be cut away or passed over.
   */
  lacksChunks = false;
  private readonly scratch: number;
  private readonly writer: HeadWriter;
  private readonly readLogChunk: ReadLogChunk;
  private readonly rangeMs: number;
  private readonly checkpoint: () => void;

  /** Uses the last ingest scratch and the last query scratch, which no other thread may have. */
  constructor(shared: SharedMemory, rangeMs: number, readLogChunk: ReadLogChunk, checkpoint: () => void) {
    const scratch = shared.queryScratch.at(-1);
    assert(scratch !== undefined, "a query scratch for maintenance");
    this.scratch = scratch;
    this.writer = new HeadWriter(shared, shared.ingestScratch.length - 1, readLogChunk, true);
    this.kernel = this.writer.kernel;
    this.readLogChunk = readLogChunk;
    this.rangeMs = rangeMs;
    this.checkpoint = checkpoint;
  }

  /** The ingest scratch that is this thread's alone. */
  get ingestScratch(): number {
    return this.writer.scratch;
  }

  private eachRef(visit: (ref: number) => void): void {
    const count = this.kernel.seriesCount();
    for (let ref = 0; ref < count; ref++) {
      if (ref % REFS_PER_CHECKPOINT === 0) this.checkpoint();
      visit(ref);
    }
  }

  /** Closes what is older than `endMs`. False: memory is short; what could not be closed stays open. */
  seal(endMs: number): boolean {
    let ok = true;
    this.eachRef((ref) => {
      if (this.kernel.exports.sealSeries(this.writer.scratch, ref, endMs) === 0) ok = false;
      if (!this.writer.sealHistograms(ref, endMs, this.rangeMs)) ok = false;
    });
    return ok;
  }

  /** Start of the first block range that holds closed chunks older than `endMs`; +Infinity where there is none. */
  firstRange(endMs: number): number {
    let oldest = Number.POSITIVE_INFINITY;
    this.eachRef((ref) => {
      oldest = Math.min(oldest, this.kernel.exports.oldestChunk(ref, endMs));
    });
    return Math.floor(oldest / this.rangeMs) * this.rangeMs;
  }

  /** What the closed chunks in [startMs, startMs + range) hold: they are marked as collected while they are read. */
  source(startMs: number): ChunkSeriesSource {
    const refs = this.refsIn(startMs);
    return {
      symbols: () => this.symbols(refs),
      series: () => this.series(refs, startMs),
    };
  }

  private refsIn(startMs: number): Uint32Array {
    const endMs = startMs + this.rangeMs;
    const found: number[] = [];
    this.eachRef((ref) => {
      if (this.kernel.exports.oldestChunk(ref, endMs) >= startMs + this.rangeMs) return;
      found.push(ref);
    });
    const at = this.scratch + L.Q_TMP;
    const spare = at + 8 * L.Q_SAMPLES_MAX;
    assert(4 * found.length <= 8 * L.Q_SAMPLES_MAX, "the scratch has room for the refs");
    this.kernel.u32().set(found, at >>> 2);
    this.kernel.exports.sortRefs(at, found.length, spare);
    return this.kernel.u32().slice(at >>> 2, (at >>> 2) + found.length);
  }

  private symbols(refs: Uint32Array): Iterable<string> {
    const all = new Set<string>();
    for (const ref of refs) for (const text of this.labels(ref).pairs) all.add(text);
    return [...all].sort(compareUtf8);
  }

  private *series(refs: Uint32Array, startMs: number): IterableIterator<ChunkSeries> {
    for (const ref of refs) {
      const chunks = this.collect(ref, startMs);
      if (chunks.length > 0) yield { labels: this.labels(ref), chunks };
    }
  }

  private collect(ref: number, startMs: number): EncodedChunk[] {
    const { kernel, scratch } = this;
    const endMs = startMs + this.rangeMs - 1;
    const outcome = kernel.exports.collectChunks(scratch, ref, startMs, endMs);
    assert(outcome === 0, "the chunks of one series and one range fit into the scratch");
    const whole = fillFromLog(kernel, scratch, (segment, offset) =>
      readLogChunkOrNull(kernel, this.readLogChunk, segment, offset),
    );
    if (!whole) this.lacksChunks = true;
    if (!whole || kernel.u32()[(scratch + L.Q_HISTOGRAMS) >>> 2] !== 0) return this.collected();
    const samples = kernel.exports.decodeFloats(scratch, startMs, endMs);
    return samples < 0 ? this.collected() : this.encoded(samples);
  }

  /** The collected chunks as they are, by time. They may overlap. */
  private collected(): EncodedChunk[] {
    const { kernel, scratch } = this;
    const words = kernel.u32();
    const chunks: EncodedChunk[] = [];
    eachDescriptor(kernel, scratch, (desc) => {
      const data = words[(desc + L.N_DATA) >>> 2];
      if (data === 0) return;
      chunks.push({
        mint: kernel.i64(desc + L.N_MINT),
        maxt: kernel.i64(desc + L.N_MAXT),
        encoding: kernel.u8()[desc + L.N_ENC] as ChunkEncoding,
        bytes: kernel.u8().slice(data, data + words[(desc + L.N_LEN) >>> 2]),
      });
    });
    return chunks.sort((a, b) => a.mint - b.mint || a.maxt - b.maxt);
  }

  /** The floats that the scratch holds, in even pieces. */
  private encoded(samples: number): EncodedChunk[] {
    const { kernel, scratch } = this;
    const times = (scratch + L.Q_T) >>> 3;
    const data = scratch + L.Q_DATA;
    const chunks: EncodedChunk[] = [];
    const pieces = Math.ceil(samples / FLOAT_SAMPLES_MAX);
    for (let i = 0; i < pieces; i++) {
      const from = Math.floor((samples * i) / pieces);
      const end = Math.floor((samples * (i + 1)) / pieces);
      const bytes = kernel.exports.encodeTightly(scratch, from, end);
      chunks.push({
        mint: kernel.f64()[times + from],
        maxt: kernel.f64()[times + end - 1],
        encoding: ChunkEncoding.XOR,
        bytes: kernel.u8().slice(data, data + bytes),
      });
    }
    return chunks;
  }

  private labels(ref: number): Labels {
    const words = this.kernel.u32();
    const series = this.kernel.seriesAt(ref) >>> 2;
    const bytes = words[series + (L.S_LABELS_LEN >>> 2)];
    return decodeLabels(this.kernel.u8(), words[series + (L.S_LABELS >>> 2)], bytes);
  }

  /** Takes the collected chunks out of memory. The blocks that hold them must be durable and known to every reader. */
  drop(): void {
    this.eachRef((ref) => this.kernel.exports.dropCollected(ref, 0));
  }

  /** After a failure: the chunks stay, as if nothing had been collected. */
  forget(): void {
    const count = this.kernel.seriesCount();
    for (let ref = 0; ref < count; ref++) this.kernel.exports.dropCollected(ref, 1);
  }
}
