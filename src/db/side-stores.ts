/** Metadata and exemplars: small, on the main thread's heap, rebuilt from the log. */
import type { MetricMetadata } from "../model/metadata.js";
import { type ExemplarEntry, type TombstoneEntry, withoutDeleted } from "../wal/cold-records.js";

/** Metric names that metadata is kept for; the oldest leave first. */
const METADATA_NAMES_MAX = 100_000;
/** As Prometheus' default for exemplar storage. */
export const EXEMPLARS_MAX = 100_000;

export class MetadataStore {
  private readonly byName = new Map<string, MetricMetadata[]>();

  put(entry: MetricMetadata): void {
    const known = this.byName.get(entry.metricName) ?? [];
    const others = known.filter(
      (m) => m.type !== entry.type || m.help !== entry.help || m.unit !== entry.unit,
    );
    // The newest first, and one more than one only while senders disagree.
    this.byName.set(entry.metricName, [entry, ...others].slice(0, 4));
    if (this.byName.size > METADATA_NAMES_MAX) {
      const [oldest] = this.byName.keys();
      if (oldest !== undefined) this.byName.delete(oldest);
    }
  }

  get(metricName: string): readonly MetricMetadata[] {
    return this.byName.get(metricName) ?? [];
  }

  entries(): IterableIterator<[string, MetricMetadata[]]> {
    return this.byName.entries();
  }

  get size(): number {
    return this.byName.size;
  }
}

/** The newest exemplars in a ring. */
export class ExemplarStore {
  private ring: ExemplarEntry[] = [];
  private next = 0;

  put(entry: ExemplarEntry): void {
    if (this.ring.length < EXEMPLARS_MAX) this.ring.push(entry);
    else this.ring[this.next] = entry;
    this.next = (this.next + 1) % EXEMPLARS_MAX;
  }

  /** Takes away what tombstones cover. */
  delete(entries: readonly TombstoneEntry[]): void {
    if (this.ring.length === 0) return;
    this.ring = withoutDeleted([...this.entries()], entries);
    this.next = this.ring.length % EXEMPLARS_MAX;
  }

  get size(): number {
    return this.ring.length;
  }

  /** In the order of arrival. */
  *entries(): IterableIterator<ExemplarEntry> {
    const start = this.ring.length < EXEMPLARS_MAX ? 0 : this.next;
    for (let i = 0; i < this.ring.length; i++) {
      yield this.ring[(start + i) % this.ring.length] as ExemplarEntry;
    }
  }
}
