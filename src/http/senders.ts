/** Who sends how much: by user or token, or by address where nobody was asked. */
import { SENDERS_MAX } from "../base/limits.js";
import type { WriteAnswer } from "../workers/contract.js";
import type { Exchange } from "./transport.js";

const BUCKET_MS = 300_000;
const BUCKETS = 12;

interface Sender {
  requests: number;
  samples: number;
  refusedRequests: number;
  refused: number;
  newSeries: number;
  lastMs: number;
  /** New series by five minutes; `bucket` counts them since 1970. */
  readonly recent: number[];
  bucket: number;
}

/** The name that a request is counted under. */
export function senderOf(exchange: Exchange): string {
  return exchange.caller === "" ? exchange.remoteAddress : exchange.caller;
}

export class Senders {
  /** In the order of the last request: the first was silent longest. */
  private readonly byName = new Map<string, Sender>();

  count(name: string, answer: WriteAnswer, nowMs: number): void {
    let sender = this.byName.get(name);
    if (sender === undefined) {
      if (this.byName.size >= SENDERS_MAX) this.byName.delete(this.byName.keys().next().value as string);
      sender = newSender();
    } else if (this.byName.size > 1) this.byName.delete(name);
    if (!this.byName.has(name)) this.byName.set(name, sender);
    sender.requests++;
    sender.samples += answer.samples + answer.histograms;
    sender.lastMs = nowMs;
    if (answer.status !== 204) sender.refusedRequests++;
    if (answer.refused !== undefined) {
      for (const count of Object.values(answer.refused.reasons)) sender.refused += count;
    }
    const created = answer.created ?? 0;
    if (created === 0) return;
    sender.newSeries += created;
    turn(sender, nowMs);
    sender.recent[sender.bucket % BUCKETS] = (sender.recent[sender.bucket % BUCKETS] ?? 0) + created;
  }

  /** The senders of the most new series in the last hour first. */
  list(nowMs: number, limit: number): unknown[] {
    const rows = [...this.byName].map(([sender, counts]) => {
      turn(counts, nowMs);
      const { requests, samples, refusedRequests, refused, newSeries, lastMs } = counts;
      const newSeriesLastHour = counts.recent.reduce((sum, made) => sum + made, 0);
      const lastRequest = new Date(lastMs).toISOString();
      return {
        sender,
        requests,
        samples,
        refusedRequests,
        refused,
        newSeries,
        newSeriesLastHour,
        lastRequest,
      };
    });
    rows.sort((a, b) => b.newSeriesLastHour - a.newSeriesLastHour || b.samples - a.samples);
    return rows.slice(0, limit);
  }
}

function newSender(): Sender {
  return {
    requests: 0,
    samples: 0,
    refusedRequests: 0,
    refused: 0,
    newSeries: 0,
    lastMs: 0,
    recent: new Array<number>(BUCKETS).fill(0),
    bucket: 0,
  };
}

/** Empties the buckets of the time in which nothing was counted. */
function turn(sender: Sender, nowMs: number): void {
  const bucket = Math.floor(nowMs / BUCKET_MS);
  for (let i = Math.max(sender.bucket + 1, bucket - BUCKETS + 1); i <= bucket; i++)
    sender.recent[i % BUCKETS] = 0;
  sender.bucket = bucket;
}
