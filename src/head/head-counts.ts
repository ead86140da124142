import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { LabelPairCounts } from "../storage/label-pairs.js";
import type { HeadPostings } from "./head-postings.js";

/** Series in one call of the kernel: no writer waits longer than one of them takes. */
const MEASURED_AT_ONCE = 65_536;

/** The head in numbers. Times in milliseconds; +Infinity and -Infinity where it is empty. */
export interface HeadSpan {
  readonly chunkCount: number;
  readonly minTime: number;
  readonly maxTime: number;
}

/** Counts what the head has, for one query thread. */
export class HeadCounts implements LabelPairCounts {
  private readonly kernel: Kernel;
  private readonly index: HeadPostings;
  private readonly work: number;

  constructor(kernel: Kernel, index: HeadPostings, scratch: number) {
    this.kernel = kernel;
    this.index = index;
    this.work = scratch + L.Q_TMP;
  }

  get seriesCount(): number {
    return this.kernel.seriesCount() - this.kernel.deadSeries();
  }

  eachLabelName(visit: (name: string, valueCount: number) => void): void {
    this.index.eachName((name, at) => visit(name, this.word(at + L.NAME_COUNT)));
  }

  eachLabelValue(name: string, visit: (value: string, seriesCount: number) => void): void {
    this.index.eachPair(name, (value, pair) => visit(value, this.word(pair + L.PAIR_COUNT)));
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

  private word(at: number): number {
    return Atomics.load(this.kernel.u32(), at >>> 2);
  }
}
