import { RefusalError } from "../base/errors.js";
import { QUERY_TEXT_SHOWN_MAX } from "../base/limits.js";
import { type Params, paramOf, parseInstantQuery, parseRangeQuery } from "../wire/params.js";
import type { QueryAnswer, QueryRequest } from "./contract.js";

/** A query that is received and not answered. */
export interface ActiveQuery {
  /** 16 hexadecimal digits, unique in the life of the process. */
  readonly id: string;
  readonly request: QueryRequest;
  /** Wall clock, milliseconds. */
  readonly receivedMs: number;
  /** On the board; -1 while it waits. */
  place: number;
  /** How long it waited for a thread; -1 while it does. */
  waitedMs: number;
  /** Answers it, once. */
  settle: (answer: QueryAnswer) => void;
}

/** The times of a query in milliseconds, as far as its parameters are right. */
interface Times {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

function timesOf({ kind, params }: QueryRequest, receivedMs: number): Times | null {
  try {
    if (kind === "query") {
      const { timeMs } = parseInstantQuery(params, receivedMs);
      return { start: timeMs, end: timeMs, step: 0 };
    }
    if (kind !== "query_range") return null;
    const { startMs, endMs, stepMs } = parseRangeQuery(params);
    return { start: startMs, end: endMs, step: stepMs };
  } catch (error) {
    if (error instanceof RefusalError) return null;
    throw error;
  }
}

/** What is asked: the expression, or the selectors. */
function textOf(params: Params): string {
  const text =
    paramOf(params, "query") ||
    params
      .filter(([name]) => name === "match[]")
      .map(([, v]) => v)
      .join(" ");
  return text.length <= QUERY_TEXT_SHOWN_MAX ? text : `${text.slice(0, QUERY_TEXT_SHOWN_MAX)}…`;
}

/** What the log and the list of active queries say about a query. */
export function describeQuery(query: ActiveQuery): {
  readonly endpoint: string;
  readonly query: string;
  readonly times: Times | null;
} {
  const { request, receivedMs } = query;
  const path =
    request.kind === "label_values"
      ? `label/${request.labelName ?? ""}/values`
      : request.kind.replace(/^search_/, "search/");
  return { endpoint: `/api/v1/${path}`, query: textOf(request.params), times: timesOf(request, receivedMs) };
}

/** `1.250s`, as VictoriaMetrics writes durations in its list. */
export function printSeconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(3)}s`;
}

/** One entry of `/api/v1/status/active_queries`: VictoriaMetrics' fields, and ours behind them. */
export function activeQueryJson(query: ActiveQuery, nowMs: number, samples: number): Record<string, unknown> {
  const { endpoint, query: text, times } = describeQuery(query);
  const { client } = query.request;
  const waiting = query.waitedMs < 0;
  const elapsedMs = nowMs - query.receivedMs;
  return {
    id: query.id,
    duration: printSeconds(elapsedMs),
    remote_addr: client?.address ?? "",
    query: text,
    ...times,
    endpoint,
    state: waiting ? "waiting" : "running",
    received: new Date(query.receivedMs).toISOString(),
    waited: printSeconds(waiting ? elapsedMs : query.waitedMs),
    samples,
    user: client?.user ?? "",
    request_id: client?.requestId ?? "",
  };
}
