import { parseFloatOrNull } from "../../model/go-text.js";
import { type Labels, METRIC_NAME } from "../../model/labels.js";
import { withLabel } from "../eval/label-builder.js";
import { FLOAT, HISTOGRAM, type Matrix } from "../eval/matrix.js";
import { WORK_PER_KEY } from "../eval/query-state.js";
import type { Scope } from "../eval/scope.js";
import type { Expr } from "../parse/ast.js";

/** One histogram: the rows of its classic buckets, or the row of the native one, or both at different steps. */
export interface HistogramSeries {
  /** Without `le`. */
  readonly labels: Labels;
  /** For annotations; "" unless names are removed late. */
  readonly metric: string;
  readonly rows: number[];
  /** By position in `rows`. */
  readonly bounds: number[];
  /** -1: none. */
  nativeRow: number;
  warnOfMix(): void;
}

/** Puts the rows of a vector together to histograms, by all labels but `le`. */
export function groupHistograms(scope: Scope, matrix: Matrix, arg: Expr): HistogramSeries[] {
  const found = new Map<string, HistogramSeries>();
  const { annotations, delayedNameRemoval } = scope.state;
  const seriesOf = (labels: Labels, metric: string): HistogramSeries => {
    const key = labels.key;
    let series = found.get(key);
    if (series === undefined) {
      const warnOfMix = (): void => annotations.mixedClassicNative(metric, arg.range);
      series = { labels, metric, rows: [], bounds: [], nativeRow: -1, warnOfMix };
      found.set(key, series);
    }
    return series;
  };
  for (let row = 0; row < matrix.rows; row++) {
    scope.state.did(matrix.steps + 2 * WORK_PER_KEY);
    const base = row * matrix.steps;
    const kinds = matrix.kinds.subarray(base, base + matrix.steps);
    const labels = matrix.labelsOf(row);
    const metric = delayedNameRemoval ? labels.get(METRIC_NAME) : "";
    if (matrix.histograms !== null && kinds.includes(HISTOGRAM)) seriesOf(labels, metric).nativeRow = row;
    if (!kinds.includes(FLOAT)) continue;
    const le = labels.get("le");
    const bound = parseFloatOrNull(le);
    if (bound === null) {
      annotations.badBucketLabel(metric, le, arg.range);
      continue;
    }
    const series = seriesOf(withLabel(labels, "le", ""), metric);
    series.rows.push(row);
    series.bounds.push(bound);
  }
  return [...found.values()];
}
