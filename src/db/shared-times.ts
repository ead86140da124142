import { assert } from "../base/assert.js";

interface Kept {
  readonly times: Float64Array;
  readonly key: number;
  users: number;
}

/**
 * Series that were scraped together have the same timestamps: they get one array of them, which takes memory once.
 * What is found out about the times alone then holds for all of those series.
 */
export class SharedTimes {
  /** By number of samples and time of the last one; the newest array of a key is the one that others get. */
  private readonly byKey = new Map<number, Kept>();
  private readonly byTimes = new Map<Float64Array, Kept>();

  /** An array equal to the first `count` of `timestamps`, to be taken at once, and never to be changed. */
  share(timestamps: Float64Array, count: number): Float64Array {
    const key = count === 0 ? 0 : timestamps[count - 1] * 1000 + (count % 1000);
    const known = this.byKey.get(key);
    if (known !== undefined && isEqual(known.times, timestamps, count)) return known.times;
    const kept = { times: timestamps.slice(0, count), key, users: 0 };
    this.byKey.set(key, kept);
    this.byTimes.set(kept.times, kept);
    return kept.times;
  }

  /** One user more; returns the bytes that this adds to what is kept. */
  take(times: Float64Array): number {
    const kept = this.keptOf(times);
    return kept.users++ === 0 ? times.byteLength : 0;
  }

  /** One user less; returns the bytes that this frees. */
  drop(times: Float64Array): number {
    const kept = this.keptOf(times);
    if (--kept.users > 0) return 0;
    this.byTimes.delete(times);
    if (this.byKey.get(kept.key) === kept) this.byKey.delete(kept.key);
    return times.byteLength;
  }

  private keptOf(times: Float64Array): Kept {
    const kept = this.byTimes.get(times);
    assert(
      kept !== undefined,
      "shared times are taken once they were shared, and dropped once they were taken",
    );
    return kept;
  }
}

function isEqual(known: Float64Array, timestamps: Float64Array, count: number): boolean {
  if (known.length !== count) return false;
  for (let i = 0; i < count; i++) if (known[i] !== timestamps[i]) return false;
  return true;
}
