/** The parameters that several routes take; what each means is in docs/API.md. */
import type { RouteParam } from "./router.js";

const param = (name: string, description: string): RouteParam => ({ name, description });

export const QUERY: RouteParam = { name: "query", description: "PromQL expression", required: true };
export const LIMIT: RouteParam = param("limit", "Most entries in the answer; 0: all");
export const RANGE: readonly RouteParam[] = [
  param("start", "Begin of the range: seconds since 1970 or RFC 3339"),
  param("end", "End of the range, included: seconds since 1970 or RFC 3339"),
];
export const RANGE_REQUIRED: readonly RouteParam[] = RANGE.map((row) => ({ ...row, required: true }));
export const MATCHES: RouteParam = {
  name: "match[]",
  description: "Series selector; a series that one of them selects is taken",
  repeated: true,
};
export const MATCHES_REQUIRED: RouteParam = { ...MATCHES, required: true };
/** Of the evaluation of an expression. */
export const EVALUATION: readonly RouteParam[] = [
  param("timeout", "Longest time of the evaluation: a duration or seconds"),
  param("limit", "Most series in the answer; 0: all"),
  param("lookback_delta", "How old a sample may be: a duration or seconds"),
  param("stats", "Any value adds statistics; `all` those by step too"),
];
