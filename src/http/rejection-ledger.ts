/**
 * The last write requests that were refused, in whole or in part: what their senders were told, kept for those who
 * did not read it. Sums since the start are exact: they are `varve_refused_samples_total` and the sums of all answers.
 */
import { LEDGER_ENTRIES_MAX } from "../base/limits.js";
import type { WriteAnswer } from "../workers/contract.js";
import type { Exchange } from "./transport.js";

export interface Rejection {
  readonly time: string;
  readonly requestId: string;
  readonly sender: string;
  readonly remoteAddress: string;
  readonly path: string;
  readonly status: number;
  readonly message: string;
  /** Samples, histograms and series by reason; empty where the request as a whole was refused. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly refused: number;
  readonly accepted: number;
  /** The first few of them. */
  readonly first: readonly { readonly series: string; readonly reason: string; readonly time: string }[];
  readonly budgets: NonNullable<WriteAnswer["refused"]>["budgets"];
}

/** Which entries are asked for; "" where it does not matter. */
export interface RejectionFilter {
  readonly reason: string;
  readonly sender: string;
  readonly requestId: string;
  /** Part of a series as it is printed. */
  readonly series: string;
  readonly limit: number;
}

export class RejectionLedger {
  /** Requests refused in whole or in part, by status. */
  private readonly requests = new Map<number, number>();
  /** Samples, histograms and series refused, by reason. */
  private readonly reasons = new Map<string, number>();
  private readonly ring: Rejection[] = [];
  private next = 0;
  private total = 0;

  record(exchange: Exchange, sender: string, answer: WriteAnswer, nowMs: number): void {
    const reasons = answer.refused?.reasons ?? {};
    let refused = 0;
    for (const [reason, count] of Object.entries(reasons)) {
      refused += count;
      this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + count);
    }
    this.requests.set(answer.status, (this.requests.get(answer.status) ?? 0) + 1);
    this.total++;
    this.keep({
      time: printTime(nowMs),
      requestId: exchange.requestId,
      sender,
      remoteAddress: exchange.remoteAddress,
      path: exchange.path,
      status: answer.status,
      message: answer.message,
      reasons,
      refused,
      accepted: answer.samples + answer.histograms,
      first: (answer.refused?.first ?? []).map(({ series, reason, timestampMs }) => ({
        series,
        reason,
        time: timestampMs === 0 ? "" : printTime(timestampMs),
      })),
      budgets: answer.refused?.budgets ?? [],
    });
  }

  private keep(entry: Rejection): void {
    if (this.ring.length < LEDGER_ENTRIES_MAX) this.ring.push(entry);
    else this.ring[this.next] = entry;
    this.next = (this.next + 1) % LEDGER_ENTRIES_MAX;
  }

  /** Sums since the start, and the newest entries that match, newest first. */
  report(filter: RejectionFilter): unknown {
    const entries: Rejection[] = [];
    for (let i = 1; i <= this.ring.length && entries.length < filter.limit; i++) {
      const entry = this.ring[(this.next - i + 2 * LEDGER_ENTRIES_MAX) % LEDGER_ENTRIES_MAX];
      if (entry !== undefined && matches(entry, filter)) entries.push(entry);
    }
    return {
      requests: Object.fromEntries(this.requests),
      reasons: Object.fromEntries(this.reasons),
      recorded: this.total,
      kept: this.ring.length,
      entries,
    };
  }
}

function matches(entry: Rejection, { reason, sender, requestId, series }: RejectionFilter): boolean {
  if (reason !== "" && entry.reasons[reason] === undefined) return false;
  if (sender !== "" && entry.sender !== sender) return false;
  if (requestId !== "" && entry.requestId !== requestId) return false;
  return series === "" || entry.first.some((refusal) => refusal.series.includes(series));
}

/** Beyond the years that a Date knows, the number itself. */
function printTime(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}
