import { type Histogram, ResetHint } from "../../model/histogram.js";
import { isStaleNaN } from "../../model/stale.js";
import type { SampleColumns } from "../../storage/columns.js";
import { FloatHistogram } from "./float-histogram.js";
import { detectsReset } from "./reset.js";

/**
 * Reduces histograms to their count and sum. Resets are looked for now, while there are buckets to see them in:
 * every histogram but the first gets a hint that says whether the counter began anew.
 */
export function keepStats(columns: SampleColumns): void {
  const { histograms, count } = columns;
  if (histograms === null) return;
  const kept: (Histogram | undefined)[] = [];
  let previous: Histogram | undefined;
  for (let i = 0; i < count; i++) {
    const histogram = histograms[i];
    if (histogram === undefined) continue;
    const stats = new FloatHistogram();
    stats.schema = histogram.schema;
    stats.count = histogram.count;
    stats.sum = histogram.sum;
    stats.resetHint = histogram.resetHint;
    kept[i] = isStaleNaN(histogram.sum) ? histogram : stats;
    if (isStaleNaN(histogram.sum)) continue;
    if (stats.resetHint === ResetHint.UNKNOWN && previous !== undefined) {
      stats.resetHint = detectsReset(histogram, previous) ? ResetHint.RESET : ResetHint.NO_RESET;
    }
    previous = histogram;
  }
  columns.histograms = kept;
}
