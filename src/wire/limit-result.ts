import type { QueryResult } from "../model/query-result.js";

/** The warning of every answer that `limit` cut short. */
const TRUNCATED_TEXT = "results truncated due to limit";

/** The first `limit` series of a result (0: all), with a warning where some were left out. */
export function limitResult(result: QueryResult, limit: number): QueryResult {
  const { value } = result;
  if (limit === 0) return result;
  if (value.type === "matrix" && value.series.length > limit) {
    const cut = { type: value.type, series: value.series.slice(0, limit) };
    return { ...result, value: cut, warnings: [...result.warnings, TRUNCATED_TEXT] };
  }
  if (value.type === "vector" && value.samples.length > limit) {
    const cut = { type: value.type, samples: value.samples.slice(0, limit) };
    return { ...result, value: cut, warnings: [...result.warnings, TRUNCATED_TEXT] };
  }
  return result;
}

/** The same for a list: label names, values, series. */
export function limitList<T>(
  items: readonly T[],
  limit: number,
): { items: readonly T[]; warnings: string[] } {
  if (limit === 0 || items.length <= limit) return { items, warnings: [] };
  return { items: items.slice(0, limit), warnings: [TRUNCATED_TEXT] };
}
