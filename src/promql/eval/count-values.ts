import { formatFloat, quote } from "../../model/go-text.js";
import { printHistogram } from "../histogram/print.js";
import type { AggregateExpr, Expr } from "../parse/ast.js";
import { unwrapParens } from "../parse/ast.js";
import { isValidLabelName } from "../parse/label-name.js";
import { Grouping } from "./grouping.js";
import { withLabel } from "./label-builder.js";
import { ABSENT, FLOAT, Matrix } from "./matrix.js";
import { WORK_PER_KEY } from "./query-state.js";
import type { Scope } from "./scope.js";

/** How many rows of each group have which value; the value becomes a label. */
export function evalCountValues(scope: Scope, expr: AggregateExpr): Matrix {
  const param = unwrapParens(expr.param as Expr);
  const label = param.kind === "string" ? param.value : "";
  if (!isValidLabelName(label)) scope.state.fail(`invalid label name ${quote(label)}`);
  const grouping = new Grouping(expr.without ? expr : { ...expr, grouping: [...expr.grouping, label] });
  const matrix = scope.vector(expr.expr);
  const out = new Matrix(matrix.steps, 16);
  out.delayedDrop = matrix.delayedDrop;
  for (let row = 0; row < matrix.rows; row++) {
    const labels = matrix.labelsOf(row);
    scope.state.did(2 * WORK_PER_KEY * matrix.steps);
    for (let s = 0; s < matrix.steps; s++) {
      const cell = row * matrix.steps + s;
      const kind = matrix.kinds[cell];
      if (kind === ABSENT) continue;
      const text =
        kind === FLOAT ? formatFloat(matrix.values[cell]) : printHistogram(matrix.histogramAt(cell));
      const group = grouping.groupOfLabels(withLabel(labels, label, text));
      while (group >= out.rows) out.addRow(grouping.labels[out.rows]);
      const target = group * out.steps + s;
      // Cells may have been another matrix' before: what an absent one holds is nobody's.
      out.values[target] = out.kinds[target] === FLOAT ? out.values[target] + 1 : 1;
      out.kinds[target] = FLOAT;
    }
  }
  return out;
}
