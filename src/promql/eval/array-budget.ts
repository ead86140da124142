import { RefusalError } from "../../base/errors.js";
import { QUERY_ARRAY_BYTES_MAX } from "../../base/limits.js";
import { bytesOfQuery, floatsOfQuery, openArena } from "./arena.js";

/**
 * What the arrays of the query at hand may take: cells that hold nothing count, too, which
 * `--query.max-samples` leaves out. A thread evaluates one query at a time, so one account will do; it goes like
 * a stack: who evaluates an operand notes `arrayBytes` before and gives back what only the operand needed.
 */
let used = 0;

/** The cells of one matrix. */
export interface Cells {
  readonly values: Float64Array;
  readonly kinds: Uint8Array;
}

/** What matrices have first, unless one row needs more. */
export const CELLS_FIRST = 65_536;
export const TOO_MANY_SAMPLES = "query processing would load too many samples into memory in query execution";

/** A new query begins; no matrix of an earlier one is looked at any more. */
export function openArrayBudget(): void {
  used = 0;
  openArena();
}

/** Room for `count` cells, all absent. Throws as `takeArrayBytes` does. */
export function takeCells(count: number): Cells {
  takeArrayBytes(BYTES_PER_CELL * count);
  return { values: floatsOfQuery(count), kinds: bytesOfQuery(count) };
}

export function arrayBytes(): number {
  return used;
}

export const BYTES_PER_CELL = 9;

/** Everything beyond `bytes` is given back. */
export function settleArrayBytes(bytes: number): void {
  used = bytes;
}

/** To be called before bytes are allocated. Throws RefusalError("execution") over the limit. */
export function takeArrayBytes(bytes: number): void {
  used += bytes;
  if (used > QUERY_ARRAY_BYTES_MAX) throw new RefusalError("execution", TOO_MANY_SAMPLES);
}
