/** Of arrays kept for comparing, each with about as many samples as its neighbours in a dashboard. */
const KEPT_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Series that were scraped together have the same timestamps: they get one array of them. What is found out about
 * the times alone then holds for all of those series.
 */
export class SharedTimes {
  /** By number of samples and time of the last one; another array in the same place takes it over. */
  private readonly kept = new Map<number, Float64Array>();
  private bytes = 0;

  /** An array equal to the first `count` of `timestamps`, which nobody may change. */
  share(timestamps: Float64Array, count: number): Float64Array {
    if (count === 0) return new Float64Array(0);
    const key = timestamps[count - 1] * 1000 + (count % 1000);
    const known = this.kept.get(key);
    if (known !== undefined && isEqual(known, timestamps, count)) return known;
    const own = timestamps.slice(0, count);
    if (this.bytes + own.byteLength > KEPT_BYTES_MAX) this.clear();
    this.bytes += own.byteLength - (this.kept.get(key)?.byteLength ?? 0);
    this.kept.set(key, own);
    return own;
  }

  clear(): void {
    this.kept.clear();
    this.bytes = 0;
  }
}

function isEqual(known: Float64Array, timestamps: Float64Array, count: number): boolean {
  if (known.length !== count) return false;
  for (let i = 0; i < count; i++) if (known[i] !== timestamps[i]) return false;
  return true;
}
