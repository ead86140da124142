/**
 * Where Varve answers as a later Prometheus than the 3.5 it is held against. Each entry names the line of
 * Prometheus' changelog and excuses that shape alone.
 */
import type { Difference } from "./compare.js";
import type { Answer, QueryRequest } from "./request.js";

interface LaterVersion {
  readonly changelog: string;
  readonly explains: (
    request: QueryRequest,
    difference: Difference,
    actual: Answer,
    expected: Answer,
  ) => boolean;
}

const LATER: readonly LaterVersion[] = [];

/** The changelog line that explains a difference, null where none does. */
export function explanationOf(
  request: QueryRequest,
  difference: Difference,
  actual: Answer,
  expected: Answer,
): string | null {
  return LATER.find(({ explains }) => explains(request, difference, actual, expected))?.changelog ?? null;
}
