/**
 * One ingest thread's hold on the head. For each request: `begin`, then `eachCold` and what it calls for, then
 * `finish`; the kernel's result block tells what happened in between.
 */
import { assert } from "../base/assert.js";
import { decodeChunk } from "../chunk/chunk.js";
import { encodeHistogramChunks } from "../chunk/histogram-chunk.js";
import { zstdUncompressOrNull } from "../encoding/zstd.js";
import * as L from "../kernel/assembly/layout.js";
import { Kernel } from "../kernel/kernel.js";
import type { SharedMemory } from "../kernel/shared-memory.js";
import type { Histogram } from "../model/histogram.js";
import type { Labels } from "../model/labels.js";
import { SampleColumns } from "../storage/columns.js";
import { encodeHistograms } from "../wal/cold-records.js";
import { histogramChunksOf, type TimedHistogram, waitingHistograms } from "./histogram-chunks.js";
import { IngestPolicy } from "./ingest-policy.js";
import { decodeLabels } from "./label-bytes.js";
import { LoggedChunks, type ReadLogChunk, readLogChunkOrNull } from "./logged-chunks.js";
import { REASON_LIMITS, REASON_TEXTS } from "./reasons.js";
import { printRawSeries, printSeries } from "./refused-series.js";

const HISTOGRAMS_PER_CHUNK = 120;
const HISTOGRAM_BYTES_MAX: number = L.CANON_BYTES_MAX;
const OOO_NEW = 0;
const OOO_SAME = 100;
const HISTOGRAM_LOOK = 101;
/** Beside the kernel's ERR_*. */
export const ERR_ZSTD = -100;

/** A sample, histogram or series that was refused. */
export interface Refusal {
  readonly why: number;
  /** The reason, the label it is about and the limit, in words. */
  readonly reason: string;
  /** As Prometheus prints a series; "" where the labels cannot be read. */
  readonly series: string;
  readonly timestampMs: number;
}

export class HeadWriter {
  readonly kernel: Kernel;
  readonly scratch: number;
  /** Rules and budgets; it is asked in the middle of a request. */
  readonly policy: IngestPolicy;
  private readonly readLogChunk: ReadLogChunk;
  private readonly loggedChunks: LoggedChunks;
  private readonly blockRangeMs: number;
  private version = 1;

  /** `sharesFrees`: this thread frees more than it allocates. */
  constructor(shared: SharedMemory, index: number, readLogChunk: ReadLogChunk, sharesFrees = false) {
    const scratch = shared.ingestScratch[index];
    assert(scratch !== undefined, "an ingest thread for each scratch");
    this.scratch = scratch;
    this.kernel = Kernel.openIngest(shared, scratch, sharesFrees);
    this.policy = new IngestPolicy(this.kernel, scratch, shared.merges);
    this.kernel.hooks = this.policy;
    this.blockRangeMs = 1000 * this.kernel.u32()[(L.CTRL + L.C_RANGE_SECONDS) >>> 2];
    this.readLogChunk = readLogChunk;
    this.loggedChunks = new LoggedChunks(this.kernel, readLogChunk);
  }

  /** 0, or a negative ERR_* and nothing was appended. Times in milliseconds, inclusive. */
  begin(slot: number, length: number, version: number, oldestMs: number, newestMs: number): number {
    this.version = version;
    this.policy.begin();
    return this.kernel.exports.ingest(this.scratch, slot, length, version, oldestMs, newestMs);
  }

  /** Unpacks a body to where the kernel looks for a message in slot 0. Its length, or ERR_ZSTD. */
  unpackZstd(slot: number, length: number): number {
    const bytes = this.kernel.u8();
    const message = zstdUncompressOrNull(bytes.subarray(slot, slot + length), L.REQUEST_BYTES_MAX);
    if (message === null) return ERR_ZSTD;
    bytes.set(message, this.scratch + L.R_RAW);
    return message.length;
  }

  /** As `begin`, but nothing is made or appended: what would be new is in `policy.dry`. No `finish` follows. */
  probe(slot: number, length: number, version: number, oldestMs: number, newestMs: number): number {
    this.version = version;
    this.policy.begin();
    this.policy.dry = { newSeries: [], admitted: [] };
    return this.kernel.exports.probe(this.scratch, slot, length, version, oldestMs, newestMs);
  }

  /** Writes the log records over the slot or into the heap. False: no memory; nothing may be acknowledged. */
  finish(slot: number, slotBytes: number): boolean {
    return this.kernel.exports.finish(this.scratch, slot, slotBytes) === 0;
  }

  /** A word of the result block. */
  result(offset: number): number {
    return this.kernel.u32()[(this.scratch + offset) >>> 2];
  }

  /** Calls `visit` for each part of the request that the kernel left: addresses are good until `finish`. */
  eachCold(visit: (kind: number, ref: number, at: number, length: number) => void): void {
    const count = this.result(L.RES_COLD);
    for (let i = 0; i < count; i++) {
      const words = this.kernel.u32();
      const entry = (this.scratch + L.R_COLD + i * L.COLD_BYTES) >>> 2;
      if (words[entry] !== 0) visit(words[entry], words[entry + 1], words[entry + 2], words[entry + 3]);
    }
  }

  /** Symbol `index` of a 2.0 request as {address, bytes}, null where there is none. */
  symbol(index: number): { at: number; bytes: number } | null {
    if (this.version !== 2 || index >= L.SYMBOLS_MAX) return null;
    const words = this.kernel.u32();
    const entry = (this.scratch + L.R_SYMBOLS + index * 8) >>> 2;
    return { at: words[entry], bytes: words[entry + 1] };
  }

  labels(ref: number): Labels {
    const words = this.kernel.u32();
    const series = this.kernel.seriesAt(ref) >>> 2;
    return decodeLabels(
      this.kernel.u8(),
      words[series + (L.S_LABELS >>> 2)],
      words[series + (L.S_LABELS_LEN >>> 2)],
    );
  }

  /** Counts one refused histogram, exemplar or metadata of series `ref` (NONE where there is none). */
  refuse(why: number, ref: number, timestampMs: number): void {
    this.kernel.exports.refuse(this.scratch, why, 1, BigInt(Math.trunc(timestampMs)), ref, 0, 0);
  }

  /** Appends a native histogram: "new", "same" (it was there), or the reason of its refusal, already counted. */
  addHistogram(ref: number, timestampMs: number, histogram: Histogram): "new" | "same" | "refused" {
    const bytes = encodeHistograms([{ ref: 0, timestampMs: 0, histogram }]);
    if (bytes.length > HISTOGRAM_BYTES_MAX) {
      this.refuse(L.WHY_HISTOGRAM, ref, timestampMs);
      return "refused";
    }
    const { exports } = this.kernel;
    const at = this.scratch + L.R_CANON;
    this.kernel.u8().set(bytes, at);
    exports.lockRef(ref);
    let outcome: number;
    try {
      outcome = exports.addHistogram(ref, timestampMs, at, bytes.length, 0);
      if (outcome === HISTOGRAM_LOOK) {
        outcome = this.lookInChunks(ref, timestampMs, histogram, () =>
          exports.addHistogram(ref, timestampMs, at, bytes.length, 1),
        );
      }
      if (outcome === OOO_NEW && exports.waitingHistograms(ref) >= HISTOGRAMS_PER_CHUNK)
        this.closeHistograms(ref, this.blockRangeMs);
    } finally {
      exports.unlockRef(ref);
    }
    if (outcome === OOO_NEW) return "new";
    if (outcome === OOO_SAME) return "same";
    this.refuse(outcome, ref, timestampMs);
    return "refused";
  }

  private lookInChunks(ref: number, timestampMs: number, histogram: Histogram, add: () => number): number {
    const columns = new SampleColumns(256);
    for (const chunk of histogramChunksOf(this.kernel, ref, timestampMs, timestampMs)) {
      const { segment, offset } = chunk;
      const bytes = chunk.bytes ?? readLogChunkOrNull(this.kernel, this.readLogChunk, segment, offset);
      if (bytes === null) continue;
      columns.clear();
      decodeChunk(bytes, chunk.encoding, columns, timestampMs, timestampMs);
      const there = columns.histograms?.[0];
      if (there !== undefined) return sameHistogram(there, histogram) ? OOO_SAME : L.WHY_DUPLICATE;
    }
    return add();
  }

  /** Settles the late sample at `entry` (see COLD_LATE) by what the chunks in the log hold. */
  addLate(ref: number, entry: number): void {
    const { exports } = this.kernel;
    exports.lockRef(ref);
    try {
      exports.settleLate(this.scratch, ref, entry, this.loggedChunks.find(ref, entry));
    } finally {
      exports.unlockRef(ref);
    }
  }

  /**
   * Makes chunks of the waiting histograms of `ref` if any is older than `endMs`; none crosses a block range.
   * False: memory is short, and they wait on.
   */
  sealHistograms(ref: number, endMs: number, rangeMs: number): boolean {
    const { exports } = this.kernel;
    if (exports.waitingHistograms(ref) === 0) return true;
    exports.lockRef(ref);
    try {
      const due = waitingHistograms(this.kernel, ref).some(({ timestampMs }) => timestampMs < endMs);
      return !due || this.closeHistograms(ref, rangeMs);
    } finally {
      exports.unlockRef(ref);
      exports.settleLiveBytes();
    }
  }

  /** Makes chunks of the waiting histograms of `ref`; its stripe is locked. Where memory is short they wait on. */
  private closeHistograms(ref: number, rangeMs: number): boolean {
    const waiting = waitingHistograms(this.kernel, ref);
    let start = 0;
    while (start < waiting.length) {
      const range = Math.floor(waiting[start].timestampMs / rangeMs);
      let end = start + 1;
      while (end < waiting.length && Math.floor(waiting[end].timestampMs / rangeMs) === range) end++;
      if (!this.addHistogramChunks(ref, waiting.slice(start, end))) return false;
      start = end;
    }
    this.kernel.exports.dropHistograms(ref);
    return true;
  }

  private addHistogramChunks(ref: number, waiting: readonly TimedHistogram[]): boolean {
    const { kernel, scratch } = this;
    const chunks = encodeHistogramChunks(
      waiting.map(({ timestampMs }) => timestampMs),
      waiting.map(({ histogram }) => histogram),
    );
    for (const { encoding, mint, maxt, bytes } of chunks) {
      if (bytes.length > HISTOGRAM_BYTES_MAX) return false;
      const samples = (bytes[0] << 8) | bytes[1];
      const at = scratch + L.R_CANON;
      kernel.u8().set(bytes, at);
      if (!kernel.exports.addHistogramChunk(scratch, ref, encoding, samples, mint, maxt, at, bytes.length)) {
        return false;
      }
    }
    return true;
  }

  /** The first few refusals of the request, for its answer and the ledger. `texts`: of some reasons, other words. */
  refusals(texts: Readonly<Record<number, string>> = {}): Refusal[] {
    const list: Refusal[] = [];
    const count = this.result(L.RES_FIRST_COUNT);
    for (let i = 0; i < count; i++) {
      const at = this.scratch + L.RES_FIRST + i * L.RES_FIRST_BYTES;
      const words = this.kernel.u32();
      const [, , why, ref, labelsAt, labelsBytes] = words.subarray(at >>> 2, (at >>> 2) + 6);
      list.push({
        why,
        reason: texts[why] ?? this.reasonText(why),
        series: ref !== L.NONE ? printSeries(this.labels(ref)) : this.rawSeries(labelsAt, labelsBytes),
        timestampMs: this.kernel.i64(at),
      });
    }
    return list;
  }

  private reasonText(why: number): string {
    const limit = REASON_LIMITS[why];
    const text = REASON_TEXTS[why] ?? `reason ${why}`;
    return limit === undefined ? text : `${text} (limit ${this.kernel.u32()[(L.CTRL + limit) >>> 2]})`;
  }

  /** Labels as a 1.0 request spelled them; those of a 2.0 request are references and not worth the space. */
  private rawSeries(at: number, length: number): string {
    if (this.version !== 1 || length === 0) return "";
    return printRawSeries(this.kernel.u8(), at, length);
  }
}

/** Equal but for the reset hint, which chunks keep only in part. */
function sameHistogram(a: Histogram, b: Histogram): boolean {
  const plain = (h: Histogram): string =>
    JSON.stringify([
      h.float,
      h.schema,
      h.zeroThreshold,
      h.zeroCount,
      h.count,
      String(h.sum),
      [...Array.from(h.positiveBuckets)].filter((n) => n !== 0),
      [...Array.from(h.negativeBuckets)].filter((n) => n !== 0),
      Array.from(h.customValues),
    ]);
  return plain(a) === plain(b);
}
