/**
 * What the write path must do, with arrays, maps and sorting: the model that the head is held against. It speaks
 * of whole requests, as senders do, and answers with counts by reason, as the receiver does.
 */
import { compareUtf8, METRIC_NAME } from "../../dist/model/labels.js";
import type { Matcher } from "../../dist/model/matcher.js";
import type { WireHistogram, WireSeries } from "./remote-write.js";
import { bitsOf, STALE_BITS } from "./signalling-nan.js";

export interface NaiveLimits {
  readonly windowMs: number;
  readonly retentionMs: number;
  readonly seriesMax: number;
  readonly labelsMax: number;
  readonly nameBytesMax: number;
  readonly valueBytesMax: number;
}

export interface NaiveOutcome {
  samples: number;
  histograms: number;
  duplicates: number;
  /** Refused samples by the reason's text; a series that is refused counts its samples, and at least one. */
  readonly refused: Map<string, number>;
}

export interface NaiveSeries {
  /** Sorted by name, as text: the identity of the series. */
  readonly key: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Bits of each float, and JSON of each histogram, by timestamp. */
  readonly floats: Map<number, string>;
  readonly histograms: Map<number, string>;
}

const FUTURE_MS_MAX = 10 * 60_000;
export const STALE_HISTOGRAM = "stale";
const utf8 = new TextEncoder();

export class NaiveDb {
  readonly series = new Map<string, NaiveSeries>();
  private readonly limits: NaiveLimits;
  private outcome: NaiveOutcome = emptyOutcome();
  private oldestMs = 0;
  private newestMs = 0;

  constructor(limits: NaiveLimits) {
    this.limits = limits;
  }

  /** Floats of the whole request come first, then histograms, then stale markers that became histograms. */
  write(request: readonly WireSeries[], nowMs: number): NaiveOutcome {
    this.outcome = emptyOutcome();
    this.oldestMs = Math.max(0, nowMs - this.limits.retentionMs);
    this.newestMs = nowMs + FUTURE_MS_MAX;
    const found = request.map((wire) => ({ wire, series: this.find(wire) }));
    const markers: [NaiveSeries, number][] = [];
    for (const { wire, series } of found) {
      for (const { timestamp, value } of series === null ? [] : (wire.samples ?? [])) {
        if (!this.inTime(timestamp)) continue;
        const isMarker = bitsOf(value) === STALE_BITS && newest(series!.histograms) >= newest(series!.floats);
        if (isMarker && series!.histograms.size > 0) markers.push([series!, timestamp]);
        else if (this.put(series!.floats, timestamp, bitsOf(value))) this.outcome.samples++;
      }
    }
    for (const { wire, series } of found) {
      for (const histogram of series === null ? [] : (wire.histograms ?? [])) {
        const timestamp = histogram.timestamp ?? 0;
        if (!this.inTime(timestamp)) continue;
        if (this.put(series!.histograms, timestamp, histogramKey(histogram))) this.outcome.histograms++;
      }
    }
    for (const [series, timestamp] of markers) {
      if (this.put(series.histograms, timestamp, STALE_HISTOGRAM)) this.outcome.samples++;
    }
    return this.outcome;
  }

  /** Series that match and have a sample in [mint, maxt], by key. */
  select(matchers: readonly Matcher[], mint: number, maxt: number): NaiveSeries[] {
    const matches = ({ labels }: NaiveSeries): boolean =>
      matchers.every(({ name, op, value }) => {
        const actual = labels.get(name) ?? "";
        if (op === "=" || op === "!=") return (actual === value) === (op === "=");
        return new RegExp(`^(?:${value})$`, "su").test(actual) === (op === "=~");
      });
    return [...this.series.values()].filter((one) => matches(one) && samplesOf(one, mint, maxt).length > 0);
  }

  /** Deletes the samples in [mint, maxt] of the series that match: what is written afterwards is new. */
  delete(matchers: readonly Matcher[], mint: number, maxt: number): void {
    for (const { floats, histograms } of this.select(matchers, mint, maxt)) {
      for (const samples of [floats, histograms]) {
        for (const timestamp of samples.keys()) {
          if (timestamp >= mint && timestamp <= maxt) samples.delete(timestamp);
        }
      }
    }
  }

  labelNames(): string[] {
    const names = this.select([], -Infinity, Infinity).flatMap(({ labels }) => [...labels.keys()]);
    return [...new Set(names)].sort(compareUtf8);
  }

  labelValues(name: string): string[] {
    const values = this.select([], -Infinity, Infinity).map(({ labels }) => labels.get(name) ?? "");
    return [...new Set(values)].filter((value) => value !== "").sort(compareUtf8);
  }

  private find(wire: WireSeries): NaiveSeries | null {
    const reason = this.labelReason(wire.labels);
    const labels = wire.labels.filter(([, value]) => value !== "").sort(([a], [b]) => compareUtf8(a, b));
    const key = JSON.stringify(labels);
    const known = this.series.get(key);
    if (reason === null && known !== undefined) return known;
    if (reason !== null || this.series.size >= this.limits.seriesMax) {
      const count = (wire.samples?.length ?? 0) + (wire.histograms?.length ?? 0);
      this.refuse(reason ?? "series limit reached", Math.max(1, count));
      return null;
    }
    const created = { key, labels: new Map(labels), floats: new Map(), histograms: new Map() };
    this.series.set(key, created);
    return created;
  }

  private labelReason(labels: WireSeries["labels"]): string | null {
    const { labelsMax, nameBytesMax, valueBytesMax } = this.limits;
    for (const [name, value] of labels) {
      if (name === "") return "empty label name";
      if (utf8.encode(name).length > nameBytesMax) return "label name too long";
      if (utf8.encode(value).length > valueBytesMax) return "label value too long";
    }
    if (labels.length > labelsMax) return "too many labels";
    if (new Set(labels.map(([name]) => name)).size < labels.length) return "repeated label name";
    return labels.some(([name, value]) => name === METRIC_NAME && value !== "") ? null : "no metric name";
  }

  private inTime(timestamp: number): boolean {
    if (timestamp >= this.oldestMs && timestamp <= this.newestMs) return true;
    this.refuse(timestamp < this.oldestMs ? "too old" : "too far in the future", 1);
    return false;
  }

  /** False: refused. Behind the window nothing is looked up; inside it the same sample may come again. */
  private put(samples: Map<number, string>, timestamp: number, stored: string): boolean {
    const there = samples.get(timestamp);
    if (timestamp < newest(samples) - this.limits.windowMs) this.refuse("too old", 1);
    else if (there !== undefined && there !== stored) this.refuse("duplicate timestamp", 1);
    else {
      if (there === stored) this.outcome.duplicates++;
      samples.set(timestamp, stored);
      return true;
    }
    return false;
  }

  private refuse(reason: string, count: number): void {
    this.outcome.refused.set(reason, (this.outcome.refused.get(reason) ?? 0) + count);
  }
}

/** What a reader sees in [mint, maxt], ascending; of a float and a histogram at the same time the histogram. */
export function samplesOf(
  series: NaiveSeries,
  mint: number,
  maxt: number,
): [timestamp: number, stored: string][] {
  return [...new Map([...series.floats, ...series.histograms])]
    .filter(([timestamp]) => timestamp >= mint && timestamp <= maxt)
    .sort(([a], [b]) => a - b);
}

/** Test histograms differ in their counts and sums: that tells them apart. */
export function histogramKey({ countInt, countFloat, sum }: WireHistogram): string {
  if (sum !== undefined && bitsOf(sum) === STALE_BITS) return STALE_HISTOGRAM;
  return `${countInt ?? countFloat ?? 0} ${bitsOf(sum ?? 0)}`;
}

function newest(samples: ReadonlyMap<number, string>): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...samples.keys());
}

function emptyOutcome(): NaiveOutcome {
  return { samples: 0, histograms: 0, duplicates: 0, refused: new Map() };
}
