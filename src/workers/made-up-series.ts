/** Series for a query thread's warm-up where the store has none. */
import { Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import type { Queryable, SeriesSet } from "../storage/queryable.js";
import type { SampleView } from "../storage/sample-view.js";

const INTERVAL_MS = 15_000;
const INSTANCES = 6;
const MODES: readonly string[] = ["idle", "iowait", "nice", "softirq", "system", "user"];
const NO_RESETS = new Int32Array(0);
/** Of so many series one begins late, one begins at zero, one falls back to its first value every RESET_SAMPLES samples. */
const LATE_EVERY = 4;
const ZERO_EVERY = 3;
const RESETS_EVERY = 5;
const RESET_SAMPLES = 200;

/** The same series under every name; all of them were scraped together. */
export class MadeUpSeries implements Queryable {
  private readonly firstMs: number;
  private readonly timestamps: Float64Array;
  private readonly values: readonly Float64Array[];
  private readonly resets: Int32Array;

  /** Of `rangeMs` up to `endMs`. */
  constructor(endMs: number, rangeMs: number) {
    const samples = Math.floor(rangeMs / INTERVAL_MS);
    this.firstMs = endMs - samples * INTERVAL_MS;
    this.timestamps = Float64Array.from({ length: samples }, (_, i) => this.firstMs + i * INTERVAL_MS);
    this.values = Array.from({ length: INSTANCES * MODES.length }, (_, series) => {
      const first = series % ZERO_EVERY === 0 ? 0 : 1000;
      const period = hasResets(series) ? RESET_SAMPLES : samples;
      return Float64Array.from({ length: samples }, (_, i) => first + (i % period) * (series + 1.1));
    });
    const resets = Math.max(0, Math.ceil(samples / RESET_SAMPLES) - 1);
    this.resets = Int32Array.from({ length: resets }, (_, i) => (i + 1) * RESET_SAMPLES);
  }

  select(matchers: readonly Matcher[]): SeriesSet {
    const name = matchers.find((matcher) => matcher.name === "__name__")?.value ?? "";
    const { length } = this.timestamps;
    const indexOf = (series: number, timestamp: number): number => {
      const first = series % LATE_EVERY === 1 ? length >> 2 : 0;
      return Math.min(Math.max(Math.ceil((timestamp - this.firstMs) / INTERVAL_MS), first), length);
    };
    const view = (index: number, mint: number, maxt: number, target: SampleView): boolean => {
      const values = this.values[index] as Float64Array;
      const resets = hasResets(index) ? this.resets : NO_RESETS;
      const [start, end] = [indexOf(index, mint), indexOf(index, maxt + 1)];
      // Of most it is known that the distances are equal; of the others it has to be found out.
      const intervalMs = index % LATE_EVERY === 1 ? 0 : INTERVAL_MS;
      target.show(this.timestamps, values, start, end, true, intervalMs, resets);
      return true;
    };
    return {
      count: this.values.length,
      sorted: true,
      labels: (index) =>
        new Labels([
          "__name__",
          name,
          "instance",
          `10.0.0.${Math.floor(index / MODES.length)}:9100`,
          "mode",
          MODES[index % MODES.length] as string,
        ]),
      read: (index, mint, maxt, columns) => {
        const [from, to] = [indexOf(index, mint), indexOf(index, maxt + 1)];
        columns.clear();
        columns.reserve(to - from);
        columns.timestamps.set(this.timestamps.subarray(from, to));
        columns.values.set((this.values[index] as Float64Array).subarray(from, to));
        columns.count = to - from;
      },
      view,
    };
  }

  labelNames(): string[] {
    return [];
  }

  labelValues(): string[] {
    return [];
  }
}

function hasResets(series: number): boolean {
  return series % RESETS_EVERY === 2;
}
