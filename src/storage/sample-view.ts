const NO_TIMES = new Float64Array(0);

/**
 * Float samples of one series where they lie in a store's memory: nothing is copied, so nothing may be changed.
 * Good until the store is asked for anything else. Stale markers are not among them.
 */
export class SampleView {
  /** Milliseconds, ascending. The samples asked for are those of [start, end); there may be others around them. */
  timestamps: Float64Array = NO_TIMES;
  values: Float64Array = NO_TIMES;
  start = 0;
  end = 0;
  /** `timestamps` stays as it is as long as anybody has it; other series may show the same array. */
  sharesTimes = false;
  /** The distance between neighbours where it is the same for all of the array; 0: not known to be. */
  intervalMs = 0;
  /** All positions i of the arrays, ascending, where values[i] < values[i - 1]; null: not known, or there are NaNs. */
  resets: Int32Array | null = null;

  /** Sets everything, so that nothing stays from the series before. */
  show(
    timestamps: Float64Array,
    values: Float64Array,
    start: number,
    end: number,
    sharesTimes: boolean,
    intervalMs: number,
    resets: Int32Array | null,
  ): void {
    this.timestamps = timestamps;
    this.values = values;
    this.start = start;
    this.end = end;
    this.sharesTimes = sharesTimes;
    this.intervalMs = intervalMs;
    this.resets = resets;
  }
}
