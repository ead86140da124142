/** Takes over what a Prometheus data folder holds: its blocks as they are, its log by way of the spool. */
import { CorruptionError } from "../base/errors.js";
import { listBlocks, supersededBlocks } from "../block/block-folder.js";
import type { BlockMeta } from "../block/block-meta.js";
import { verifyBlock } from "../block/verify-block.js";
import type { FileSystem } from "../io/file-system.js";
import type { Labels } from "../model/labels.js";
import { decodeWalRecord, type WalRecordVisitor } from "./prometheus-record.js";
import { readPrometheusWal, type WalDamage } from "./prometheus-wal.js";
import type { SampleSink } from "./sample-sink.js";

const OUT_OF_ORDER_HINT = "from-out-of-order";
const COPY_BYTES: number = 4 * 1024 * 1024;

export interface SkippedBlock {
  readonly ulid: string;
  readonly reason: string;
}

/** The blocks of `dir` that are to be taken over, and those that cannot be. */
export function importableBlocks(
  fs: FileSystem,
  dir: string,
): { readonly metas: readonly BlockMeta[]; readonly damaged: readonly SkippedBlock[] } {
  const { metas, damaged } = listBlocks(fs, dir);
  const replaced = new Set(supersededBlocks(metas).map((meta) => meta.ulid));
  return { metas: metas.filter((meta) => !replaced.has(meta.ulid)), damaged };
}

/**
 * Copies a block into `target` by way of `work`, a folder on the same disk, and reads every byte of the copy before it
 * gets its name. Durable on return. Null, or why the block was not taken over.
 */
export function copyBlock(
  fs: FileSystem,
  source: string,
  ulid: string,
  work: string,
  target: string,
): SkippedBlock | null {
  const draft = `${work}/${ulid}`;
  fs.removeTree(draft);
  try {
    copyTree(fs, `${source}/${ulid}`, draft);
    const [problem] = verifyBlock(fs, draft).problems;
    if (problem !== undefined) {
      fs.removeTree(draft);
      const file = problem.file.replace(draft, `${source}/${ulid}`);
      return { ulid, reason: `${file} at ${problem.offset}: ${problem.reason}` };
    }
    fs.rename(draft, `${target}/${ulid}`);
    fs.fsyncDirectory(target);
    return null;
  } catch (error) {
    fs.removeTree(draft);
    if (error instanceof CorruptionError) return { ulid, reason: error.message };
    throw error;
  }
}

function copyTree(fs: FileSystem, from: string, to: string): void {
  if (fs.stat(from).directory) {
    fs.mkdir(to);
    for (const name of fs.list(from)) copyTree(fs, `${from}/${name}`, `${to}/${name}`);
    fs.fsyncDirectory(to);
    return;
  }
  const source = fs.open(from, "r");
  try {
    const target = fs.open(to, "w");
    try {
      const buffer = new Uint8Array(COPY_BYTES);
      for (let at = 0; ; ) {
        const read = fs.read(source, buffer, 0, buffer.length, at);
        if (read === 0) break;
        fs.write(target, buffer.subarray(0, read), at);
        at += read;
      }
      fs.fsync(target);
    } finally {
      fs.close(target);
    }
  } finally {
    fs.close(source);
  }
}

/** Where the samples of a log go. */
export interface LogSink<Series> extends SampleSink<Series> {
  /** True: what it holds must be taken out before more is added. */
  readonly full: boolean;
  /** Deletes what has come of a series in [mint, maxt], both inclusive. */
  remove(labels: Labels, mint: number, maxt: number): void;
}

/** What a log held, and what of it did not get into the sink. */
export interface WalSummary {
  readonly samples: number;
  readonly series: number;
  /** Samples that blocks of the folder hold. */
  readonly inBlocks: number;
  /** Samples of series that no record names. */
  readonly orphans: number;
  /** Records of each kind that have no place in blocks. */
  readonly left: Readonly<Record<string, number>>;
  readonly damages: readonly WalDamage[];
}

/** The end (exclusive) of what the blocks of a folder hold in order: the log repeats some of it. */
export function blocksEnd(metas: readonly BlockMeta[]): number {
  const inOrder = metas.filter((meta) => !meta.compaction.hints.includes(OUT_OF_ORDER_HINT));
  return Math.max(Number.NEGATIVE_INFINITY, ...inOrder.map((meta) => meta.maxTime));
}

/**
 * Reads `wal` and then `wbl` (samples out of order) of a Prometheus data folder. Of the first, samples before
 * `endMs` are in blocks. `spill` is called when the sink is full; `progress` with each file.
 */
export function readPrometheusLogs<Series>(
  fs: FileSystem,
  dir: string,
  endMs: number,
  sink: LogSink<Series>,
  spill: () => void,
  progress: (file: string, index: number, count: number) => void,
): WalSummary {
  const reader = new LogReader(sink, spill);
  for (const [folder, fromMs] of [
    ["wal", endMs],
    ["wbl", Number.NEGATIVE_INFINITY],
  ] as const) {
    reader.fromMs = fromMs;
    readPrometheusWal(fs, `${dir}/${folder}`, {
      record: (bytes) => decodeWalRecord(bytes, reader),
      damage: (damage) => reader.damages.push(damage),
      file: progress,
    });
  }
  const { samples, inBlocks, orphans, left, damages } = reader;
  return { samples, series: reader.seriesCount, inBlocks, orphans, left, damages };
}

class LogReader<Series> implements WalRecordVisitor {
  samples = 0;
  inBlocks = 0;
  orphans = 0;
  fromMs = Number.NEGATIVE_INFINITY;
  readonly left: Record<string, number> = {};
  readonly damages: WalDamage[] = [];
  private readonly labels = new Map<number, Labels>();
  private readonly sink: LogSink<Series>;
  private readonly spill: () => void;

  constructor(sink: LogSink<Series>, spill: () => void) {
    this.sink = sink;
    this.spill = spill;
  }

  get seriesCount(): number {
    return new Set([...this.labels.values()].map((labels) => labels.key)).size;
  }

  series(ref: number, labels: Labels): void {
    this.labels.set(ref, labels);
  }

  sample(ref: number, timestampMs: number, low: number, high: number): void {
    const labels = this.admit(ref, timestampMs);
    if (labels !== null) this.sink.floatWords(this.sink.series(labels), timestampMs, low, high);
  }

  histogram(ref: number, timestampMs: number, histogram: Parameters<WalRecordVisitor["histogram"]>[2]): void {
    const labels = this.admit(ref, timestampMs);
    if (labels !== null) this.sink.histogram(this.sink.series(labels), timestampMs, histogram);
  }

  tombstone(ref: number, mint: number, maxt: number): void {
    const labels = this.labels.get(ref);
    if (labels !== undefined) this.sink.remove(labels, mint, maxt);
  }

  other(kind: string): void {
    if (kind !== "marks") this.left[kind] = (this.left[kind] ?? 0) + 1;
  }

  unknown(type: number): void {
    this.other(`records of the unknown type ${type}`);
  }

  /** The labels of a sample that is to be kept. */
  private admit(ref: number, timestampMs: number): Labels | null {
    const labels = this.labels.get(ref);
    if (labels === undefined) this.orphans++;
    else if (timestampMs < this.fromMs) this.inBlocks++;
    else {
      this.samples++;
      if (this.sink.full) this.spill();
      return labels;
    }
    return null;
  }
}
