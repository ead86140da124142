/** One request, from the bytes in its slot to log records, on an ingest thread. */
import type { Clock } from "../base/clock.js";
import { ERR_ZSTD, HeadWriter } from "../head/head-writer.js";
import type { ReadLogChunk } from "../head/logged-chunks.js";
import * as L from "../kernel/assembly/layout.js";
import type { SharedMemory } from "../kernel/shared-memory.js";
import { ColdPath } from "./cold-path.js";
import { type DryRunAnswer, describeProbe } from "./dry-run.js";
import { bareOutcome, budgetTexts, type IngestOutcome, refusalMessage } from "./outcome.js";

const FUTURE_MS_MAX: number = 10 * 60 * 1000;

export interface IngestThreadOptions {
  readonly clock: Clock;
  /** Older samples are refused as too old. */
  readonly retentionMs: number;
  readonly readLogChunk: ReadLogChunk;
}

export class IngestThread {
  private readonly writer: HeadWriter;
  private readonly cold: ColdPath;
  private readonly options: IngestThreadOptions;

  constructor(shared: SharedMemory, index: number, options: IngestThreadOptions) {
    this.writer = new HeadWriter(shared, index, options.readLogChunk);
    this.cold = new ColdPath(this.writer);
    this.options = options;
  }

  /** `slotBytes`: the room of the slot, which the log records may overwrite. `zstd`: the body is no snappy block. */
  ingest(slot: number, length: number, slotBytes: number, version: number, zstd = false): IngestOutcome {
    const now = this.options.clock.nowMs();
    const oldest = Math.max(0, now - this.options.retentionMs);
    const bytes = zstd ? this.writer.unpackZstd(slot, length) : length;
    if (bytes < 0) return failedOutcome(bytes);
    const failure = this.writer.begin(zstd ? 0 : slot, bytes, version, oldest, now + FUTURE_MS_MAX);
    if (failure < 0) return failedOutcome(failure);
    const { writer } = this;
    const cold = writer.result(L.RES_COLD) === 0 ? null : this.cold.run(version, oldest, now + FUTURE_MS_MAX);
    if (!writer.finish(slot, slotBytes)) {
      writer.kernel.exports.forgetMetadata();
      return bareOutcome(503, "the head's memory is full");
    }
    const refused = writer.result(L.RES_REFUSED);
    const merged = (cold?.merged ?? 0) - (cold?.mergedAppended ?? 0);
    const samples = writer.result(L.RES_SAMPLES) + (cold?.staleMarkers ?? 0) + merged;
    const histograms = cold?.histograms ?? 0;
    const reasons = refused === 0 ? null : this.reasons();
    const budgets = reasons?.[L.WHY_BUDGET] ? writer.policy.exceededBudgets(now) : [];
    const texts = budgetTexts(budgets);
    const refusals = refused === 0 ? [] : writer.refusals(texts);
    return {
      status: refused === 0 ? 204 : 400,
      message:
        reasons === null
          ? ""
          : refusalMessage(reasons, texts, refused, samples + histograms + refused, refusals[0]) +
            (cold === null || cold.detail === "" ? "" : `: ${cold.detail}`),
      samples,
      histograms,
      exemplars: cold?.exemplars ?? 0,
      duplicates: writer.result(L.RES_DUPLICATES) + (cold?.duplicates ?? 0),
      outOfOrder: writer.result(L.RES_OUT_OF_ORDER),
      created: writer.result(L.RES_CREATED),
      dropped: writer.result(L.RES_DROPPED),
      newestMs: this.newestLogged(cold?.newestMs ?? Number.NEGATIVE_INFINITY),
      recordAt: writer.result(L.RES_RECORD),
      recordBytes: writer.result(L.RES_RECORD_BYTES),
      recordCap: writer.result(L.RES_RECORD_CAP),
      closedChunks: writer.result(L.RES_CLOSED),
      cold: cold?.records ?? null,
      reasons,
      refusals,
      budgets,
    };
  }

  /** What `ingest` would do: nothing is made or stored. The status and message alone where the body is no request. */
  probe(
    slot: number,
    length: number,
    version: number,
    zstd = false,
  ): DryRunAnswer | { status: number; message: string } {
    const now = this.options.clock.nowMs();
    const oldest = Math.max(0, now - this.options.retentionMs);
    const bytes = zstd ? this.writer.unpackZstd(slot, length) : length;
    const failure =
      bytes < 0 ? bytes : this.writer.probe(zstd ? 0 : slot, bytes, version, oldest, now + FUTURE_MS_MAX);
    if (failure === 0) return describeProbe(this.writer, now);
    this.writer.policy.dry = null;
    const { status, message } = failedOutcome(failure);
    return { status, message };
  }

  /** Of everything that the records hold: a late sample may close a chunk whose newest sample came before it. */
  private newestLogged(coldNewestMs: number): number {
    const { writer } = this;
    const { kernel } = writer;
    let newest = coldNewestMs;
    if (writer.result(L.RES_SAMPLES) > 0) newest = Math.max(newest, kernel.i64(writer.scratch + L.RES_MAXT));
    const pairs = (writer.result(L.RES_RECORD) + writer.result(L.RES_RECORD_BYTES)) >>> 2;
    for (let i = 0; i < writer.result(L.RES_CLOSED); i++) {
      newest = Math.max(newest, kernel.i64(kernel.u32()[pairs + 2 * i] + L.N_MAXT));
    }
    return newest;
  }

  private reasons(): number[] {
    return Array.from({ length: L.WHY_COUNT }, (_, why) => this.writer.result(L.RES_REASONS + 4 * why));
  }
}

function failedOutcome(failure: number): IngestOutcome {
  switch (failure) {
    case L.ERR_SNAPPY:
      return bareOutcome(400, "the body is not a snappy block");
    case ERR_ZSTD:
      return bareOutcome(400, `the body is not a zstd frame of at most ${L.REQUEST_BYTES_MAX} bytes`);
    case L.ERR_TOO_LARGE:
      return bareOutcome(400, `the body declares more than ${L.REQUEST_BYTES_MAX} uncompressed bytes`);
    case L.ERR_PROTOBUF:
      return bareOutcome(400, "the body is not a well-formed Remote Write message");
    case L.ERR_TOO_MANY:
      return bareOutcome(
        400,
        `the request has more than ${L.SAMPLES_MAX} samples or ${L.SERIES_PER_REQUEST_MAX} series`,
      );
    case L.ERR_SYMBOLS:
      return bareOutcome(400, "the first symbol of a 2.0 request must be the empty string");
    default:
      return bareOutcome(503, "the head's memory is full");
  }
}
