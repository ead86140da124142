/** A small life of the log: groups of several submissions, a prologue, new segments, retries after refusals. */
import { GroupCommit, type Prologue } from "../../dist/wal/group-commit.js";
import { encodeRecord, RecordType } from "../../dist/wal/record-format.js";
import type { LogPlace } from "../../dist/wal/segments.js";
import { FakeClock } from "./fake-clock.js";
import type { FaultFileSystem } from "./fault-file-system.js";
import { LOG_DIR } from "./log.js";

export interface Acknowledged {
  readonly payload: string;
  readonly place: LogPlace;
}

export interface WorkloadOptions {
  readonly submissions: number;
  readonly inFlight: number;
  /** A submission is given up after so many refusals. */
  readonly attempts?: number;
}

const text = new TextEncoder();
const RETRY_INTERVAL_MS = 10;

/** Keeps `series` records back until it hears that they are durable, as the head does by watermark. */
class SeriesPrologue implements Prologue {
  /** Series that exist; the log has those below `durableSeries`. */
  series = 0;
  durableSeries = 0;
  private taken = 0;

  take(): Uint8Array[] {
    this.taken = this.series;
    const records: Uint8Array[] = [];
    for (let i = this.durableSeries; i < this.taken; i++) {
      records.push(encodeRecord(RecordType.SERIES, text.encode(`series ${i}`)));
    }
    return records;
  }

  durable(): void {
    this.durableSeries = this.taken;
  }

  failed(): void {
    this.taken = this.durableSeries;
  }
}

export class LogWorkload {
  /** Told "durable", with their places. */
  readonly acknowledged: Acknowledged[] = [];
  /** Every payload that was ever handed to the log. */
  readonly submitted = new Set<string>();
  readonly refusals: Error[] = [];
  readonly log: GroupCommit;
  private readonly clock = new FakeClock();
  private readonly prologue = new SeriesPrologue();

  constructor(fs: FaultFileSystem) {
    this.log = new GroupCommit(fs, LOG_DIR, {
      durability: "fsync",
      clock: this.clock,
      prologue: this.prologue,
      segmentBytesMax: 1200,
      retryIntervalMs: RETRY_INTERVAL_MS,
    });
  }

  /** Every submission creates a series and refers to it: both must be there once it is acknowledged. */
  async run(name: string, options: WorkloadOptions): Promise<void> {
    let next = 0;
    const submitter = async (): Promise<void> => {
      while (next < options.submissions) {
        const payload = `${name} ${next++} of series ${this.prologue.series++} ${"x".repeat((next * 37) % 300)}`;
        await this.submitUntilDone(payload, options.attempts ?? 10);
      }
    };
    await Promise.all(Array.from({ length: options.inFlight }, submitter));
    await this.log.close();
  }

  private async submitUntilDone(payload: string, attempts: number): Promise<void> {
    this.submitted.add(payload);
    const record = encodeRecord(RecordType.SAMPLES, text.encode(payload));
    for (let attempt = 0; attempt < attempts; attempt++) {
      const error = await new Promise<Error | null>((resolve) =>
        this.log.submit([record], (place, refusal) => {
          if (place !== null) this.acknowledged.push({ payload, place });
          resolve(refusal);
        }),
      );
      if (error === null) return;
      this.refusals.push(error);
      // A sender's backoff: long enough for somebody else's probe to end.
      for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(RETRY_INTERVAL_MS);
    }
  }
}
