import { RefusalError } from "../../base/errors.js";

/** Half-open range of UTF-16 units in the query. */
export interface PosRange {
  readonly start: number;
  readonly end: number;
}

const encoder = new TextEncoder();

/** A query that is not PromQL; the message is Prometheus', with line and column (in bytes, from 1). */
export class ParseError extends RefusalError {
  readonly reason: string;
  readonly range: PosRange;

  constructor(query: string, range: PosRange, reason: string) {
    super("bad_data", `${positionOf(query, range.start)}: parse error: ${reason}`);
    this.reason = reason;
    this.range = range;
  }
}

/** `line:column` of a place in the query. */
export function positionOf(query: string, start: number): string {
  if (query === "") return "unknown position";
  if (start < 0 || start > query.length) return "invalid position";
  const before = query.slice(0, start);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  // What stands for a byte that was no UTF-8 would be three.
  const text = before.slice(lineStart).replace(/\p{Cs}/gu, "?");
  return `${line}:${encoder.encode(text).length + 1}`;
}
