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
  /** All positions i of the arrays, ascending, where values[i] < values[i - 1]; null: not known. */
  resets: Int32Array | null = null;
}
