import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";

/** Series in one call of the kernel: no writer waits longer than one of them takes. */
const MEASURED_AT_ONCE = 65_536;

/** The head in numbers. Times in milliseconds; +Infinity and -Infinity where it is empty. */
export interface HeadSpan {
  readonly chunkCount: number;
  readonly minTime: number;
  readonly maxTime: number;
}

/** Measures the head, for one query thread. */
export class HeadCounts {
  private readonly kernel: Kernel;
  private readonly work: number;

  constructor(kernel: Kernel, scratch: number) {
    this.kernel = kernel;
    this.work = scratch + L.Q_TMP;
  }

  /** Looks at every series. `checkpoint` is called between runs of them. */
  measure(checkpoint: () => void): HeadSpan {
    const cells = this.work >>> 3;
    this.kernel.f64().set([0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], cells);
    const count = this.kernel.seriesCount();
    for (let ref = 0; ref < count; ref += MEASURED_AT_ONCE) {
      checkpoint();
      this.kernel.exports.measureSeries(ref, Math.min(ref + MEASURED_AT_ONCE, count), this.work);
    }
    const [chunkCount, minTime, maxTime] = this.kernel.f64().subarray(cells, cells + 3);
    return { chunkCount, minTime, maxTime };
  }
}
