/** The parts of a request that the kernel leaves to JavaScript: native histograms, exemplars and metadata. */
import { assert } from "../base/assert.js";
import type { HeadWriter } from "../head/head-writer.js";
import * as L from "../kernel/assembly/layout.js";
import type { Exemplar } from "../model/exemplar.js";
import type { Histogram } from "../model/histogram.js";
import { METRIC_NAME } from "../model/labels.js";
import type { MetricMetadata } from "../model/metadata.js";
import {
  type ExemplarEntry,
  encodeExemplars,
  encodeHistograms,
  encodeMetadata,
  type HistogramEntry,
} from "../wal/cold-records.js";
import { encodeRecord, RecordType } from "../wal/record-format.js";
import {
  decodeExemplarV1,
  decodeExemplarV2,
  decodeMetadataV1,
  decodeMetadataV2,
  decodeUtf8OrNull,
  type SymbolLookup,
} from "../wire/remote-write-cold.js";
import { decodeHistogram, staleHistogram } from "../wire/remote-write-histogram.js";
import { MergePath } from "./merge-path.js";
import { EXEMPLARS_MAX } from "./side-stores.js";

export interface ColdOutcome {
  histograms: number;
  exemplars: number;
  duplicates: number;
  /** Float stale markers that became histogram markers: they count as samples. */
  staleMarkers: number;
  /** Samples of merged series that were taken, and samples that were appended for them. */
  merged: number;
  mergedAppended: number;
  /** What was wrong with the first refused histogram or exemplar; "" where none was. */
  detail: string;
  /** Newest histogram's time. */
  newestMs: number;
  /** Log records, null where there is nothing to log. */
  records: Uint8Array | null;
}

export class ColdPath {
  private readonly writer: HeadWriter;
  private readonly merges: MergePath;
  private version = 1;
  private oldestMs = 0;
  private newestMs = 0;
  private histograms: HistogramEntry[] = [];
  private exemplars: ExemplarEntry[] = [];
  private metadata: MetricMetadata[] = [];
  private outcome: ColdOutcome = emptyOutcome();

  constructor(writer: HeadWriter) {
    this.writer = writer;
    this.merges = new MergePath(writer);
  }

  run(version: number, oldestMs: number, newestMs: number): ColdOutcome {
    this.version = version;
    this.oldestMs = oldestMs;
    this.newestMs = newestMs;
    this.histograms = [];
    this.exemplars = [];
    this.metadata = [];
    this.outcome = emptyOutcome();
    this.merges.begin();
    this.writer.eachCold((kind, ref, at, length) => {
      if (kind === L.COLD_HISTOGRAM) this.histogram(ref, at, length);
      else if (kind === L.COLD_EXEMPLAR) this.exemplar(ref, at, length);
      else if (kind === L.COLD_METADATA) this.describe(ref, at, length);
      else if (kind === L.COLD_LATE) this.writer.addLate(ref, at);
      else if (kind === L.COLD_MERGE) this.merges.add(ref, at, length);
      else this.staleMarker(ref, (length | 0) * 2 ** 32 + (at >>> 0));
    });
    this.merge();
    return { ...this.outcome, records: this.records() };
  }

  private merge(): void {
    const { samples, duplicates, appended, newestMs } = this.merges.run(this.oldestMs, this.newestMs);
    this.outcome.merged = samples;
    this.outcome.mergedAppended = appended;
    this.outcome.duplicates += duplicates;
    this.outcome.newestMs = Math.max(this.outcome.newestMs, newestMs);
  }

  private readonly symbol: SymbolLookup = (index) => {
    const place = this.writer.symbol(index);
    return place === null
      ? null
      : decodeUtf8OrNull(this.writer.kernel.u8(), place.at, place.at + place.bytes);
  };

  private histogram(ref: number, at: number, length: number): void {
    const decoded = decodeHistogram(this.writer.kernel.u8(), at, at + length);
    if (typeof decoded === "string") return this.refuse(L.WHY_HISTOGRAM, ref, decoded);
    const { timestampMs, histogram } = decoded;
    if (timestampMs > this.newestMs) return this.writer.refuse(L.WHY_TOO_FAR, ref, timestampMs);
    if (timestampMs < this.oldestMs) return this.writer.refuse(L.WHY_TOO_OLD, ref, timestampMs);
    if (this.keep(ref, timestampMs, histogram)) this.outcome.histograms++;
  }

  private staleMarker(ref: number, timestampMs: number): void {
    if (this.keep(ref, timestampMs, staleHistogram(false))) this.outcome.staleMarkers++;
  }

  private keep(ref: number, timestampMs: number, histogram: Histogram): boolean {
    const kept = this.writer.addHistogram(ref, timestampMs, histogram);
    if (kept === "refused") return false;
    if (kept === "same") this.outcome.duplicates++;
    this.outcome.newestMs = Math.max(this.outcome.newestMs, timestampMs);
    this.histograms.push({ ref, timestampMs, histogram }); // a duplicate is logged again, as samples are
    return true;
  }

  private exemplar(ref: number, at: number, length: number): void {
    if (this.exemplars.length === EXEMPLARS_MAX) {
      this.refuse(L.WHY_EXEMPLAR, ref, `more than ${EXEMPLARS_MAX} exemplars in one request`);
      return;
    }
    const bytes = this.writer.kernel.u8();
    const decoded: Exemplar | string =
      this.version === 1
        ? decodeExemplarV1(bytes, at, at + length)
        : decodeExemplarV2(bytes, at, at + length, this.symbol);
    if (typeof decoded === "string") return this.refuse(L.WHY_EXEMPLAR, ref, decoded);
    this.exemplars.push({ ref, ...decoded });
    this.outcome.exemplars++;
  }

  private refuse(why: number, ref: number, detail: string): void {
    if (this.outcome.detail === "") this.outcome.detail = detail;
    this.writer.refuse(why, ref, 0);
  }

  private describe(ref: number, at: number, length: number): void {
    const bytes = this.writer.kernel.u8();
    const decoded: MetricMetadata | string =
      this.version === 1
        ? decodeMetadataV1(bytes, at, at + length)
        : decodeMetadataV2(bytes, at, at + length, this.writer.labels(ref).get(METRIC_NAME), this.symbol);
    // A wrong help text is no reason to refuse the samples beside it.
    if (typeof decoded !== "string") this.metadata.push(decoded);
  }

  private records(): Uint8Array | null {
    const records: Uint8Array[] = this.merges.records();
    if (this.histograms.length > 0)
      records.push(encodeRecord(RecordType.HISTOGRAMS, encodeHistograms(this.histograms)));
    if (this.exemplars.length > 0)
      records.push(encodeRecord(RecordType.EXEMPLARS, encodeExemplars(this.exemplars)));
    if (this.metadata.length > 0)
      records.push(encodeRecord(RecordType.METADATA, encodeMetadata(this.metadata)));
    if (records.length === 0) return null;
    const joined = new Uint8Array(records.reduce((sum, record) => sum + record.length, 0));
    let at = 0;
    for (const record of records) {
      assert(at % 8 === 0, "records are padded to 8 bytes");
      joined.set(record, at);
      at += record.length;
    }
    return joined;
  }
}

function emptyOutcome(): ColdOutcome {
  return {
    histograms: 0,
    exemplars: 0,
    duplicates: 0,
    staleMarkers: 0,
    merged: 0,
    mergedAppended: 0,
    detail: "",
    newestMs: Number.NEGATIVE_INFINITY,
    records: null,
  };
}
