/** What became of one request, as plain data: it crosses from an ingest thread to the main thread. */
import type { Refusal } from "../head/head-writer.js";
import type { ExceededBudget } from "../head/ingest-policy.js";
import { REASON_TEXTS } from "../head/reasons.js";
import * as L from "../kernel/assembly/layout.js";

export interface IngestOutcome {
  /** 204 once the records are durable; else the answer at once: nothing of the request is to be logged … */
  readonly status: number;
  /** … but with 400 and records: the good part is logged first. */
  readonly message: string;
  readonly samples: number;
  readonly histograms: number;
  readonly exemplars: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly created: number;
  /** Samples that relabelling rules dropped: on purpose, so they count as written. */
  readonly dropped: number;
  /** Newest accepted timestamp in milliseconds, -Infinity where there is none. */
  readonly newestMs: number;
  /** Log records in the shared memory; 0 bytes: none. */
  readonly recordAt: number;
  readonly recordBytes: number;
  /** Heap bytes to give back after the commit; 0: the records lie in the slot. */
  readonly recordCap: number;
  /** Chunks closed: {node, offset} pairs behind the records. */
  readonly closedChunks: number;
  /** Whole records of histograms, exemplars and metadata. */
  readonly cold: Uint8Array | null;
  /** Refusals by reason (index: WHY_*), null where there are none; and the first of them. */
  readonly reasons: readonly number[] | null;
  readonly refusals: readonly Refusal[];
  /** Budgets that refused new series, with the labels that explode. */
  readonly budgets: readonly ExceededBudget[];
}

/** An answer without anything to log. */
export function bareOutcome(status: number, message: string): IngestOutcome {
  return {
    status,
    message,
    samples: 0,
    histograms: 0,
    exemplars: 0,
    duplicates: 0,
    outOfOrder: 0,
    created: 0,
    dropped: 0,
    newestMs: Number.NEGATIVE_INFINITY,
    recordAt: 0,
    recordBytes: 0,
    recordCap: 0,
    closedChunks: 0,
    cold: null,
    reasons: null,
    refusals: [],
    budgets: [],
  };
}

/** Budgets that a refusal names at most. */
const BUDGETS_NAMED_MAX = 3;

/**
 * What the reasons of one request say beyond `REASON_TEXTS`:
 * `over series budget http_requests_total=1000 (label "url" explodes)`.
 */
export function budgetTexts(budgets: readonly ExceededBudget[]): Readonly<Record<number, string>> {
  return budgets.length === 0 ? {} : { [L.WHY_BUDGET]: budgetText(budgets) };
}

function budgetText(budgets: readonly ExceededBudget[]): string {
  const parts = budgets.slice(0, BUDGETS_NAMED_MAX).map(({ match, most, labels }) => {
    const [first] = labels;
    return `${match}=${most}${first === undefined ? "" : ` (label ${JSON.stringify(first.label)} explodes)`}`;
  });
  const more = budgets.length > BUDGETS_NAMED_MAX ? ` and ${budgets.length - BUDGETS_NAMED_MAX} more` : "";
  return `over series budget ${parts.join(", ")}${more}`;
}

/** `refused 12 of 5000 samples: 10 duplicate timestamp, 2 too old; first: series at time`. */
export function refusalMessage(
  reasons: readonly number[],
  texts: Readonly<Record<number, string>>,
  refused: number,
  total: number,
  first: Refusal | undefined,
): string {
  const counts = reasons
    .map((count, why) => ({ count, text: texts[why] ?? REASON_TEXTS[why] ?? `reason ${why}` }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .map(({ count, text }) => `${count} ${text}`);
  const head = `refused ${refused} of ${total} samples: ${counts.join(", ")}`;
  if (first === undefined) return head;
  const what = first.series === "" ? first.reason : `${first.series}`;
  const when = first.timestampMs === 0 ? "" : ` at ${printTime(first.timestampMs)}`;
  const limit = first.reason.includes("(limit") ? `, ${first.reason}` : "";
  return `${head}; first: ${what}${when}${limit}`;
}

/** Beyond the years that a Date knows, the number itself. */
function printTime(timestampMs: number): string {
  return Math.abs(timestampMs) <= 8.64e15 ? new Date(timestampMs).toISOString() : `${timestampMs} ms`;
}
