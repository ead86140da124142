import { type Histogram, ResetHint } from "../../model/histogram.js";
import { type Combination, CompensatedHistogram, divide } from "./arithmetic.js";
import { FloatHistogram } from "./float-histogram.js";

/**
 * The compensated sum or mean of histograms. A mean is the sum over the count, until the sum would overflow:
 * from there on the mean itself is carried on.
 */
export class HistogramMean {
  reconciled = false;
  private total: CompensatedHistogram;
  private count = 1;
  private incremental = false;
  private readonly average: boolean;
  private resetSeen = false;
  private noResetSeen = false;

  constructor(first: Histogram, average: boolean) {
    this.total = new CompensatedHistogram(first);
    this.average = average;
    this.track(first);
  }

  /** Some histograms claim a counter reset, others that there was none. */
  get hintsCollide(): boolean {
    return this.resetSeen && this.noResetSeen;
  }

  private track({ resetHint }: Histogram): void {
    if (resetHint === ResetHint.RESET) this.resetSeen = true;
    if (resetHint === ResetHint.NO_RESET) this.noResetSeen = true;
  }

  /** False where exponential and custom buckets meet. */
  add(histogram: Histogram): boolean {
    this.track(histogram);
    this.count++;
    if (!this.average) return this.note(this.total.add(histogram));
    const { count } = this;
    if (!this.incremental) {
      const next = this.total.copy();
      if (!this.note(next.add(histogram))) return false;
      if (!next.hasOverflow()) {
        this.total = next;
        return true;
      }
      this.incremental = true;
      this.total.divide(count - 1);
    }
    this.total.multiply((count - 1) / count);
    return this.note(this.total.add(divide(FloatHistogram.from(histogram), count)));
  }

  private note(combination: Combination | null): boolean {
    if (combination === null) return false;
    if (combination.reconciled) this.reconciled = true;
    return true;
  }

  finish(): FloatHistogram {
    if (this.average && !this.incremental) this.total.divide(this.count);
    return this.total.finish();
  }
}
