/** Samples of series that rules made one, on an ingest thread: the values of the sources go in, one sample a target comes out. */
import { MERGE_ENTRIES_PER_RECORD } from "../base/limits.js";
import type { HeadWriter } from "../head/head-writer.js";
import type { MergeTable } from "../head/merge-table.js";
import * as L from "../kernel/assembly/layout.js";
import { encodeMerges, type MergeEntry } from "../wal/merge-record.js";
import { encodeRecord, RecordType } from "../wal/record-format.js";

export interface MergeOutcomes {
  /** Samples of sources that were taken, repeated ones included. */
  samples: number;
  duplicates: number;
  /** Samples of targets that were appended for them. */
  appended: number;
  newestMs: number;
}

interface Sample {
  readonly ref: number;
  readonly source: number;
  readonly timestampMs: number;
  readonly value: number;
}

interface Touched {
  ref: number;
  /** A source had a new value; else what is there is only logged again. */
  fresh: boolean;
}

export class MergePath {
  private readonly writer: HeadWriter;
  private readonly merges: MergeTable;
  private samples: Sample[] = [];
  private entries: MergeEntry[] = [];
  private outcome = emptyOutcome();

  constructor(writer: HeadWriter) {
    this.writer = writer;
    this.merges = writer.policy.merges;
  }

  begin(): void {
    this.samples = [];
    this.entries = [];
    this.outcome = emptyOutcome();
  }

  /** A sample {value, timestamp} at address `at`, for series `ref` by way of `source`. */
  add(ref: number, at: number, source: number): void {
    const { kernel } = this.writer;
    this.samples.push({ ref, source, timestampMs: kernel.i64(at + 8), value: kernel.f64()[at >>> 3] });
  }

  /** Takes all that was added; times in milliseconds, inclusive. */
  run(oldestMs: number, newestMs: number): MergeOutcomes {
    const { samples } = this;
    if (samples.some(({ timestampMs }) => timestampMs !== samples[0].timestampMs)) {
      samples.sort((a, b) => a.timestampMs - b.timestampMs);
    }
    for (let start = 0; start < samples.length; ) {
      const { timestampMs } = samples[start];
      let end = start + 1;
      while (end < samples.length && samples[end].timestampMs === timestampMs) end++;
      const why = timestampMs > newestMs ? L.WHY_TOO_FAR : timestampMs < oldestMs ? L.WHY_TOO_OLD : 0;
      if (why === 0) this.merges.lock(() => this.takeOneTime(start, end));
      else for (let i = start; i < end; i++) this.writer.refuse(why, samples[i].ref, timestampMs);
      start = end;
    }
    return this.outcome;
  }

  /** Samples [start, end) have one timestamp: a target gets one sample for all of them. */
  private takeOneTime(start: number, end: number): void {
    const touched = new Map<number, Touched>();
    const { timestampMs } = this.samples[start];
    for (let i = start; i < end; i++) this.takeOne(this.samples[i], touched);
    for (const [target, { ref, fresh }] of touched) {
      const value = this.merges.value(target);
      const why = this.writer.kernel.exports.appendMerged(
        this.writer.scratch,
        ref,
        timestampMs,
        value,
        fresh ? 0 : 1,
      );
      if (why === 0) this.outcome.appended++;
      else this.writer.refuse(why, ref, timestampMs);
    }
    if (touched.size > 0) this.outcome.newestMs = timestampMs;
  }

  private takeOne({ ref, source, timestampMs, value }: Sample, touched: Map<number, Touched>): void {
    // A source that ends keeps its last value, and what is not a number has no sum.
    if (Number.isNaN(value)) {
      this.outcome.samples++;
      return;
    }
    const outcome = this.merges.update(source, timestampMs, value);
    if (outcome === "duplicate") return this.writer.refuse(L.WHY_DUPLICATE, ref, timestampMs);
    if (outcome === "old") return this.writer.refuse(L.WHY_TOO_OLD, ref, timestampMs);
    this.outcome.samples++;
    if (outcome === "same") this.outcome.duplicates++;
    // What was there is logged again, as samples are: its first record may still be on its way to the disk.
    this.entries.push(this.merges.entry(source));
    const target = this.merges.targetOf(source);
    const known = touched.get(target);
    if (known === undefined) touched.set(target, { ref, fresh: outcome === "new" });
    else known.fresh ||= outcome === "new";
  }

  /** Log records of what was taken. */
  records(): Uint8Array[] {
    return mergeRecords(this.entries);
  }
}

export function mergeRecords(entries: readonly MergeEntry[]): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < entries.length; at += MERGE_ENTRIES_PER_RECORD) {
    const part = entries.slice(at, at + MERGE_ENTRIES_PER_RECORD);
    records.push(encodeRecord(RecordType.MERGES, encodeMerges(part)));
  }
  return records;
}

function emptyOutcome(): MergeOutcomes {
  return { samples: 0, duplicates: 0, appended: 0, newestMs: Number.NEGATIVE_INFINITY };
}
