/** Rebuilds the head from the log. Runs on one thread, before anybody else writes. */
import { decodeChunk } from "../chunk/chunk.js";
import type { FileSystem } from "../io/file-system.js";
import * as L from "../kernel/assembly/layout.js";
import { Kernel } from "../kernel/kernel.js";
import type { SharedMemory } from "../kernel/shared-memory.js";
import type { Histogram } from "../model/histogram.js";
import type { MetricMetadata } from "../model/metadata.js";
import { ChunkEncoding } from "../storage/chunk-series.js";
import { SampleColumns } from "../storage/columns.js";
import {
  decodeDeletion,
  decodeExemplars,
  decodeHistograms,
  decodeMetadata,
  decodeTombstones,
  type ExemplarEntry,
  encodeHistograms,
  type TombstoneEntry,
  withoutDeleted,
} from "../wal/cold-records.js";
import { decodeMerges } from "../wal/merge-record.js";
import {
  CHUNK_ENCODING_OFFSET,
  CHUNK_MAXT_OFFSET,
  CHUNK_PREFIX_BYTES,
  RecordType,
} from "../wal/record-format.js";
import { type LogDamage, type LogRecord, readLog } from "../wal/segment-reader.js";
import { type LogPlace, RecordReader } from "../wal/segments.js";
import { HeadDeleter } from "./head-deleter.js";
import { waitingHistograms } from "./histogram-chunks.js";
import { MergeTable } from "./merge-table.js";
import { selectRefs } from "./select-refs.js";

/** Share of the memory limit up to which chunks that lie in the log are kept in memory, too. */
const KEEP_CHUNKS_SHARE = 0.5;
const BUFFER_BYTES: number = 16 << 20;

export interface ReplaySummary {
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  readonly samples: number;
  readonly series: number;
  readonly chunks: number;
  /** Records that were intact but could not be used: a bug, or a full memory. */
  readonly unusable: number;
  readonly damages: readonly LogDamage[];
  /** In the order of the log: later ones replace earlier ones. */
  /** Newest timestamp of each segment. */
  readonly segmentNewestMs: readonly (readonly [segment: number, newestMs: number])[];
  readonly metadata: readonly MetricMetadata[];
  readonly exemplars: readonly ExemplarEntry[];
}

export interface ReplayOptions {
  readonly fs: FileSystem;
  readonly dir: string;
  /** What stands for the segments up to `last`: read first. */
  readonly checkpoint: { readonly dir: string; readonly last: number } | null;
  /** Samples before `place` that are older than `endMs` are in blocks. */
  readonly compacted?: { readonly endMs: number; readonly place: LogPlace } | null;
  /** False: nothing is changed on disk. Default true. */
  readonly repair?: boolean;
  readonly progress?: (bytesDone: number, bytesTotal: number) => void;
}

export function replayLog(shared: SharedMemory, options: ReplayOptions): ReplaySummary {
  return new Replay(shared, options).run();
}

class Replay {
  private readonly kernel: Kernel;
  private readonly scratch: number;
  private readonly queryScratch: number;
  private readonly options: ReplayOptions;
  private readonly memoryLimitBytes: number;
  private readonly merges: MergeTable;
  private samples = 0;
  private series = 0;
  private chunks = 0;
  private unusable = 0;
  private inLog = false;
  private readonly segmentNewestMs = new Map<number, number>();
  private readonly metadata = new Map<string, MetricMetadata>();
  private exemplars: ExemplarEntry[] = [];
  private readonly chunkRecords: RecordReader;
  private readonly deleter: HeadDeleter;

  constructor(shared: SharedMemory, options: ReplayOptions) {
    const [scratch] = shared.ingestScratch;
    const [queryScratch] = shared.queryScratch;
    this.scratch = scratch;
    this.queryScratch = queryScratch;
    this.kernel = Kernel.openIngest(shared, scratch);
    this.options = options;
    this.memoryLimitBytes = shared.memoryLimitBytes;
    this.chunkRecords = new RecordReader(options.fs, options.dir);
    this.deleter = new HeadDeleter(this.kernel, scratch, (segment, offset) =>
      this.chunkRecords.readRecord(segment, offset, RecordType.CHUNK).subarray(CHUNK_PREFIX_BYTES),
    );
    this.merges = new MergeTable(shared.merges);
  }

  run(): ReplaySummary {
    const { fs, dir, checkpoint, progress } = this.options;
    const { exports } = this.kernel;
    const damages: LogDamage[] = [];
    const at = this.scratch + L.R_RAW; // 32 MiB that only requests use
    const common = {
      buffer: this.kernel.u8().subarray(at, at + BUFFER_BYTES),
      grow: (bytes: number) => this.grow(bytes),
      crc: (bytes: Uint8Array, start: number, end: number, seed?: number) =>
        exports.crc32c(bytes.byteOffset + start, end - start, seed ?? 0) >>> 0,
      visit: (record: LogRecord) => this.visit(record),
      report: (damage: LogDamage) => void damages.push(damage),
    };
    if (checkpoint !== null) readLog(fs, checkpoint.dir, { ...common, repair: false });
    this.inLog = true;
    const summary = readLog(fs, dir, {
      ...common,
      firstSegment: (checkpoint?.last ?? 0) + 1,
      repair: this.options.repair ?? true,
      ...(progress === undefined ? {} : { progress }),
    });
    this.chunkRecords.close();
    exports.settleLiveBytes();
    return {
      segments: summary.segments,
      records: summary.records,
      bytes: summary.bytes,
      samples: this.samples,
      series: this.series,
      chunks: this.chunks,
      unusable: this.unusable,
      damages,
      segmentNewestMs: [...this.segmentNewestMs],
      metadata: [...this.metadata.values()],
      exemplars: this.exemplars,
    };
  }

  private grow(bytes: number): Uint8Array {
    const at = this.kernel.exports.alloc(bytes) >>> 0;
    if (at === 0) throw new RangeError(`no heap memory for a log record of ${bytes} bytes`);
    return this.kernel.u8().subarray(at, at + bytes);
  }

  private visit(record: LogRecord): void {
    const { exports } = this.kernel;
    const at = record.buffer.byteOffset + record.payload;
    const bytes = record.payloadBytes;
    let outcome = 0;
    if (record.type === RecordType.SERIES) {
      outcome = exports.replaySeries(at, bytes);
      this.series += Math.max(outcome, 0);
    } else if (record.type === RecordType.SAMPLES) {
      outcome = exports.replaySamples(this.scratch, at, bytes, this.oldestWanted(record));
      this.samples += Math.max(outcome, 0);
      this.saw(record.segment, this.kernel.i64(this.scratch + L.RES_MAXT));
    } else if (record.type === RecordType.CHUNK && chunkMaxt(record) < this.oldestWanted(record)) {
      this.saw(record.segment, chunkMaxt(record));
    } else if (record.type === RecordType.CHUNK) {
      const keep = this.kernel.liveBytes() < this.memoryLimitBytes * KEEP_CHUNKS_SHARE ? 1 : 0;
      outcome = exports.replayChunk(this.scratch, at, bytes, record.segment, record.offset, keep);
      this.chunks += Math.max(outcome, 0);
      this.saw(record.segment, chunkMaxt(record));
      if (outcome > 0 && record.buffer[record.payload + CHUNK_ENCODING_OFFSET] !== ChunkEncoding.XOR)
        this.dropWaiting(record);
    } else this.visitCold(record);
    if (outcome < 0) this.unusable++;
  }

  /** What is older in this record lies in blocks. */
  private oldestWanted({ segment, offset }: LogRecord): number {
    const { compacted } = this.options;
    if (compacted === undefined || compacted === null) return Number.NEGATIVE_INFINITY;
    const { endMs, place } = compacted;
    const covered = segment < place.segment || (segment === place.segment && offset < place.offset);
    return covered ? endMs : Number.NEGATIVE_INFINITY;
  }

  /** Takes the histograms that a chunk record holds off the waiting list. */
  private dropWaiting({ buffer, payload, payloadBytes }: LogRecord): void {
    const { exports } = this.kernel;
    const bytes = buffer.slice(payload, payload + payloadBytes);
    const logged = bytes[0] + bytes[1] * 0x100 + bytes[2] * 0x10000 + bytes[3] * 0x1000000;
    const ref = exports.mapRef(logged) >>> 0;
    const waiting = waitingHistograms(this.kernel, ref);
    if (waiting.length === 0) return;
    const columns = new SampleColumns(256);
    decodeChunk(bytes.subarray(CHUNK_PREFIX_BYTES), bytes[CHUNK_ENCODING_OFFSET], columns);
    const held = new Set(columns.timestamps.subarray(0, columns.count));
    exports.dropHistograms(ref);
    for (const { timestampMs, histogram } of waiting) {
      if (!held.has(timestampMs)) this.addHistogram(ref, timestampMs, histogram);
    }
  }

  private saw(segment: number, newestMs: number): void {
    if (!this.inLog) return;
    const known = this.segmentNewestMs.get(segment) ?? Number.NEGATIVE_INFINITY;
    if (newestMs > known) this.segmentNewestMs.set(segment, newestMs);
  }

  private visitCold(record: LogRecord): void {
    const payload = record.buffer.slice(record.payload, record.payload + record.payloadBytes);
    try {
      if (record.type === RecordType.METADATA) {
        for (const entry of decodeMetadata(payload)) this.metadata.set(entry.metricName, entry);
      } else if (record.type === RecordType.EXEMPLARS) this.exemplars.push(...decodeExemplars(payload));
      else if (record.type === RecordType.HISTOGRAMS) this.replayHistograms(record, payload);
      else if (record.type === RecordType.TOMBSTONE) this.delete(decodeTombstones(payload));
      else if (record.type === RecordType.DELETION) this.deleteMatching(payload);
      else if (record.type === RecordType.MERGES) {
        for (const entry of decodeMerges(payload)) this.merges.restore(entry);
      }
    } catch {
      this.unusable++;
    }
  }

  /** Histograms wait as they did before; those that a chunk of the log holds are dropped by readers as equal. */
  private replayHistograms(record: LogRecord, payload: Uint8Array): void {
    const { exports } = this.kernel;
    const oldest = this.oldestWanted(record);
    for (const { ref, timestampMs, histogram } of decodeHistograms(payload)) {
      const current = exports.mapRef(ref) >>> 0;
      if (current === L.NONE) continue;
      if (timestampMs >= oldest) this.addHistogram(current, timestampMs, histogram);
      this.saw(record.segment, timestampMs);
      this.samples++;
    }
  }

  /** Takes away what the records before this one brought; what comes behind it was written after the deletion. */
  private delete(entries: readonly TombstoneEntry[]): void {
    const known = entries.flatMap(({ ref, mint, maxt }) => {
      const current = this.kernel.exports.mapRef(ref) >>> 0;
      return current === L.NONE ? [] : [{ ref: current, mint, maxt }];
    });
    if (!this.deleter.run(known)) this.unusable++;
    this.exemplars = withoutDeleted(this.exemplars, entries);
  }

  private deleteMatching(payload: Uint8Array): void {
    const { sets, mint, maxt } = decodeDeletion(payload);
    const refs = selectRefs(this.kernel, this.queryScratch, sets);
    this.delete(Array.from(refs, (ref) => ({ ref, mint, maxt })));
  }

  private addHistogram(ref: number, timestampMs: number, histogram: Histogram): void {
    const bytes = encodeHistograms([{ ref: 0, timestampMs: 0, histogram }]);
    const at = this.scratch + L.R_CANON;
    this.kernel.u8().set(bytes, at);
    this.kernel.exports.addHistogram(ref, timestampMs, at, bytes.length, 1);
  }
}

/** The newest timestamp that a CHUNK record names: a signed 64-bit integer behind ref, flags and mint. */
function chunkMaxt({ buffer, payload }: LogRecord): number {
  const view = new DataView(buffer.buffer, buffer.byteOffset + payload, CHUNK_PREFIX_BYTES);
  return Number(view.getBigInt64(CHUNK_MAXT_OFFSET, true));
}
