/** Decoded samples of one series that a query thread keeps, and the cache of them. */
import { isStaleAt } from "../model/stale.js";
import type { SampleColumns } from "../storage/columns.js";
import type { SampleView } from "../storage/sample-view.js";
import { SharedTimes } from "./shared-times.js";

const NO_POSITIONS = new Int32Array(0);
/** A time and a value. */
const SAMPLE_BYTES = 16;
const VALUE_BYTES = 8;
const OBJECT_BYTES = 512;

/** What samples were read, and when. */
interface Origin {
  /** `StoredSeries.changes` when they were read. */
  readonly changes: number;
  readonly fromMs: number;
  /** Infinity: to the newest. */
  readonly toMs: number;
  /** `HeadReader.version` when the samples were read; 0 where the head has nothing of the series. */
  readonly headVersion: number;
}

/** The times of all samples in [fromMs, toMs]: see `SeriesSet.span`. */
export interface SpanFacts extends Origin {
  /** Infinity and -Infinity where there are no samples. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** The largest distance between neighbours, milliseconds. */
  readonly gapMs: number;
  readonly hasStale: boolean;
}

/** Of `columns`, which hold floats only. */
export function spanFacts(columns: SampleColumns, { changes, fromMs, toMs, headVersion }: Origin): SpanFacts {
  const { count, timestamps, values, valueWords } = columns;
  let gapMs = 0;
  let hasStale = false;
  for (let i = 0; i < count; i++) {
    if (Number.isNaN(values[i]) && isStaleAt(valueWords, i)) hasStale = true;
    if (i > 0) gapMs = Math.max(gapMs, timestamps[i] - timestamps[i - 1]);
  }
  const firstMs = count === 0 ? Number.POSITIVE_INFINITY : timestamps[0];
  const lastMs = count === 0 ? Number.NEGATIVE_INFINITY : timestamps[count - 1];
  return { changes, fromMs, toMs, headVersion, firstMs, lastMs, gapMs, hasStale };
}

/** All samples of a series in [fromMs, toMs] of `facts`: floats at strictly ascending times. Never changed once made. */
export class StoredColumns {
  readonly facts: SpanFacts;
  readonly count: number;
  /** In the cache: the arrays are its own. Else they are a reader's, which fills them anew for the next series. */
  isKept = false;
  /** Number of the query that used them last. */
  usedBy = 0;
  readonly timestamps: Float64Array;
  /** As in `SampleView`. */
  private readonly intervalMs: number;
  private readonly values: Float64Array;
  private readonly words: Uint32Array;
  private readonly resets: Int32Array | null;

  /** Takes the arrays of `columns`, which hold floats only. */
  constructor(columns: SampleColumns, origin: Origin) {
    this.facts = spanFacts(columns, origin);
    this.count = columns.count;
    this.timestamps = columns.timestamps;
    this.intervalMs = evenIntervalMs(this.facts, this.count);
    this.words = columns.valueWords;
    this.values = columns.values;
    this.resets = resetsOf(this.values, this.count);
  }

  /** Without the times. */
  get bytes(): number {
    return VALUE_BYTES * this.count + 4 * (this.resets?.length ?? 0) + OBJECT_BYTES;
  }

  /** Appends the samples in [mint, maxt] to `columns`. */
  copy(mint: number, maxt: number, columns: SampleColumns): void {
    const start = this.firstFrom(mint);
    const end = this.firstFrom(maxt + 1);
    const at = columns.count;
    columns.reserve(at + end - start);
    columns.timestamps.set(this.timestamps.subarray(start, end), at);
    columns.valueWords.set(this.words.subarray(2 * start, 2 * end), 2 * at);
    columns.count = at + end - start;
  }

  show(mint: number, maxt: number, view: SampleView): void {
    const [start, end] = [this.firstFrom(mint), this.firstFrom(maxt + 1)];
    view.show(this.timestamps, this.values, start, end, this.isKept, this.intervalMs, this.resets);
  }

  /** Index of the first sample at `timestamp` or later. */
  private firstFrom(timestamp: number): number {
    const { timestamps, count } = this;
    if (count === 0 || timestamps[0] >= timestamp) return 0;
    if (timestamps[count - 1] < timestamp) return count;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (timestamps[middle] >= timestamp) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** As in `SampleView`: where the largest distance is the mean one, all are. */
function evenIntervalMs({ firstMs, lastMs, gapMs }: SpanFacts, count: number): number {
  const spanMs = lastMs - firstMs;
  return Number.isSafeInteger(spanMs) && gapMs * (count - 1) === spanMs ? gapMs : 0;
}

/** As in `SampleView`. */
function resetsOf(values: Float64Array, count: number): Int32Array | null {
  const resets: number[] = [];
  for (let i = 0; i < count; i++) {
    if (Number.isNaN(values[i])) return null;
    if (i > 0 && values[i] < values[i - 1]) resets.push(i);
  }
  return resets.length === 0 ? NO_POSITIONS : Int32Array.from(resets);
}

/** Where a `StoredColumns` hangs. */
export interface ColumnsOwner {
  columns: StoredColumns | null;
}

/**
 * Keeps the columns of many series within `bytesMax`. What came first leaves first, but never what the query at
 * hand uses: a query that needs more than there is room for leaves the cache as it is.
 */
export class ColumnsCache {
  readonly times: SharedTimes = new SharedTimes();
  bytes = 0;
  private readonly bytesMax: number;
  private readonly owners: ColumnsOwner[] = [];
  private hand = 0;
  /** The last query that found nothing to take room from. */
  private filledBy = -1;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Hangs `columns`, whose times are of `times.share`, on `owner`. */
  keep(owner: ColumnsOwner, columns: StoredColumns, query: number): void {
    columns.isKept = true;
    columns.usedBy = query;
    this.bytes += columns.bytes + this.times.take(columns.timestamps);
    if (owner.columns === null) this.owners.push(owner);
    else this.release(owner.columns);
    owner.columns = columns;
  }

  private release(columns: StoredColumns): void {
    this.bytes -= columns.bytes + this.times.drop(columns.timestamps);
  }

  /** Whether columns of `count` samples may be kept, with times of their own; others leave for them. */
  makeRoom(count: number, query: number): boolean {
    const bytes = SAMPLE_BYTES * count + OBJECT_BYTES;
    let spared = this.filledBy === query ? this.owners.length : 0;
    while (this.bytes + bytes > this.bytesMax) {
      const { owners } = this;
      if (spared >= owners.length) {
        this.filledBy = query;
        return false;
      }
      if (this.hand >= owners.length) this.hand = 0;
      const owner = owners[this.hand] as ColumnsOwner;
      if (owner.columns?.usedBy === query) {
        spared++;
        this.hand++;
        continue;
      }
      if (owner.columns !== null) this.release(owner.columns);
      owner.columns = null;
      const last = owners.pop() as ColumnsOwner;
      if (this.hand < owners.length) owners[this.hand] = last;
    }
    return true;
  }
}
