import type { SampleColumns } from "../../storage/columns.js";
import { histogramSamples } from "../histogram/size.js";
import { ABSENT, HISTOGRAM, type Matrix } from "./matrix.js";

/** The samples of one series as `--query.max-samples` counts them. */
export function columnSamples({ count, histograms }: SampleColumns): number {
  if (histograms === null) return count;
  let samples = 0;
  for (let i = 0; i < count; i++) {
    const histogram = histograms[i];
    samples += histogram === undefined ? 1 : histogramSamples(histogram);
  }
  return samples;
}

/** The same of a row's cells `base` to `base + steps`, of which `present` hold something. */
export function rowSamples(matrix: Matrix, base: number, present: number): number {
  if (matrix.histograms === null) return present;
  let samples = present;
  for (let i = base; i < base + matrix.steps; i++) {
    if (matrix.kinds[i] === HISTOGRAM) samples += histogramSamples(matrix.histogramAt(i)) - 1;
  }
  return samples;
}

/**
 * What `stats` of an answer says about samples, as Prometheus counts (util/stats/query_stats.go): `total` counts
 * each window of a range function whole, `read` only what the window before had not.
 */
export class SampleStats {
  total = 0;
  read = 0;
  readonly totalPerStep: Float64Array;
  readonly readPerStep: Float64Array;

  constructor(steps: number) {
    this.totalPerStep = new Float64Array(steps);
    this.readPerStep = new Float64Array(steps);
  }

  add(step: number, total: number, read: number): void {
    this.total += total;
    this.read += read;
    this.totalPerStep[step] += total;
    this.readPerStep[step] += read;
  }

  /** What an instant selector found: a row of `matrix` from cell `base` on. */
  addRow(matrix: Matrix, base: number): void {
    for (let s = 0; s < matrix.steps; s++) {
      const kind = matrix.kinds[base + s];
      if (kind === ABSENT) continue;
      const samples = kind === HISTOGRAM ? histogramSamples(matrix.histogramAt(base + s)) : 1;
      this.add(s, samples, samples);
    }
  }

  /** What was evaluated once for all steps. */
  addInvariant(once: SampleStats): void {
    for (let s = 0; s < this.totalPerStep.length; s++) this.add(s, once.total, s === 0 ? once.read : 0);
  }

  /**
   * What the inner expression of a subquery read, at the steps that its samples are for. `times`: of the inner
   * frame, moved by the subquery's offset; what lies between two windows of `rangeMs` is nobody's.
   */
  addSubquery(
    inner: SampleStats,
    times: { readonly startMs: number; readonly stepMs: number },
    outer: { readonly startMs: number; readonly stepMs: number; readonly count: number },
    rangeMs: number,
  ): void {
    if (outer.count <= 1) {
      this.add(0, 0, inner.read);
      return;
    }
    for (let k = 0; k < inner.readPerStep.length; k++) {
      const read = inner.readPerStep[k];
      if (read === 0) continue;
      const at = times.startMs + k * times.stepMs;
      const step = Math.min(Math.max(0, Math.ceil((at - outer.startMs) / outer.stepMs)), outer.count - 1);
      if (at > outer.startMs + step * outer.stepMs - rangeMs) this.add(step, 0, read);
    }
  }
}
