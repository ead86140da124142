/** What is known of the data beside the two servers: which series have a sample in a range of times. */

import { seriesKey } from "../support/prometheus-api.js";
import type { WireSeries } from "../support/remote-write.js";

export type LabelSet = Readonly<Record<string, string>>;

export class Oracle {
  readonly #timesMs = new Map<string, readonly number[]>();

  constructor(series: readonly WireSeries[]) {
    for (const { labels, samples = [], histograms = [] } of series) {
      const times = [...samples, ...histograms].map(({ timestamp = 0 }) => timestamp);
      // An empty value is no label.
      const kept = Object.fromEntries(labels.filter(([, value]) => value !== ""));
      this.#timesMs.set(
        seriesKey(kept),
        times.sort((a, b) => a - b),
      );
    }
  }

  /** Both ends included. Stale markers are samples. Throws for a series that nobody sent. */
  hasSample(labels: LabelSet, startMs: number, endMs: number): boolean {
    const times = this.#timesMs.get(seriesKey(labels));
    if (times === undefined) throw new Error(`nobody sent ${seriesKey(labels)}`);
    return times.some((timeMs) => timeMs >= startMs && timeMs <= endMs);
  }
}
