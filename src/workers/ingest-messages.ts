/**
 * What the main thread and an ingest thread tell each other. A structured clone of objects costs more than the
 * decoding of a small request, so the usual case, a request without refusals and cold parts, is a row of numbers.
 */
import type { DryRunAnswer } from "../db/dry-run.js";
import { bareOutcome, type IngestOutcome } from "../db/outcome.js";

/** Rows of {slot, length, slotBytes, version}; to the version of a zstd body ZSTD_BODY is added. */
export type IngestTask = readonly number[];
export const TASK_WORDS = 4;
export const ZSTD_BODY = 256;

/** What an ingest thread is asked: usually to ingest. */
export type IngestRequest =
  | IngestTask
  /** A dry run of the body in a slot. */
  | { readonly probe: IngestTask };

export type IngestReply = IngestTaskResult | DryRunAnswer | ProbeFailure;

/** A dry run of a body that is refused as a whole. */
export interface ProbeFailure {
  readonly status: number;
  readonly message: string;
}

export interface IngestTaskResult {
  /** Rows of ROW_WORDS numbers; a row that begins with -1 is the next of `others`. */
  readonly rows: readonly number[];
  readonly others: readonly IngestOutcome[] | null;
}

const ROW_WORDS = 9;
const OTHER = -1;

export function packOutcomes(outcomes: readonly IngestOutcome[]): IngestTaskResult {
  const rows: number[] = [];
  let others: IngestOutcome[] | null = null;
  for (const outcome of outcomes) {
    if (outcome.status !== 204 || outcome.cold !== null || outcome.dropped > 0) {
      others ??= [];
      others.push(outcome);
      rows.push(OTHER, 0, 0, 0, 0, 0, 0, 0, 0);
      continue;
    }
    const {
      samples,
      duplicates,
      outOfOrder,
      created,
      recordAt,
      recordBytes,
      recordCap,
      closedChunks,
      newestMs,
    } = outcome;
    rows.push(
      samples,
      duplicates,
      outOfOrder,
      created,
      recordAt,
      recordBytes,
      recordCap,
      closedChunks,
      newestMs,
    );
  }
  return { rows, others };
}

export function unpackOutcomes({ rows, others }: IngestTaskResult): IngestOutcome[] {
  const outcomes: IngestOutcome[] = [];
  let next = 0;
  for (let i = 0; i < rows.length; i += ROW_WORDS) {
    const [samples = 0, duplicates = 0, outOfOrder = 0, created = 0] = rows.slice(i, i + 4);
    const other = samples === OTHER ? others?.[next++] : undefined;
    if (other !== undefined) outcomes.push(other);
    else {
      outcomes.push({
        ...bareOutcome(204, ""),
        samples,
        duplicates,
        outOfOrder,
        created,
        recordAt: rows[i + 4] ?? 0,
        recordBytes: rows[i + 5] ?? 0,
        recordCap: rows[i + 6] ?? 0,
        closedChunks: rows[i + 7] ?? 0,
        newestMs: rows[i + 8] ?? Number.NEGATIVE_INFINITY,
      });
    }
  }
  return outcomes;
}
