import type { MetadataStore } from "../db/side-stores.js";
import { compareUtf8 } from "../model/labels.js";
import { parseMetadataParams } from "../wire/params.js";
import { encodeData, encodeError } from "../wire/prometheus-json.js";
import type { QueryAnswer } from "./contract.js";

/** `/api/v1/metadata`, from memory: metric name to what senders said of it. */
export function encodeMetadataAnswer(
  store: MetadataStore,
  params: readonly (readonly [string, string])[],
): QueryAnswer {
  try {
    const { metric, limit, limitPerMetric } = parseMetadataParams(params);
    const data: Record<string, { type: string; unit: string; help: string }[]> = {};
    let count = 0;
    const names =
      metric === ""
        ? [...store.entries()].sort(([a], [b]) => compareUtf8(a, b))
        : [[metric, store.get(metric)] as const];
    for (const [name, all] of names) {
      if (limit >= 0 && count >= limit) break;
      if (all.length === 0) continue;
      const entries = limitPerMetric > 0 ? all.slice(0, limitPerMetric) : all;
      data[name] = entries.map(({ type, unit, help }) => ({ type, unit, help }));
      count++;
    }
    return encodeData(data);
  } catch (error) {
    return encodeError(error);
  }
}
