import { RefusalError } from "../../base/errors.js";
import { METRIC_NAME } from "../../model/labels.js";
import { compileRegexp } from "../../model/regexp.js";
import { mergeDuplicates } from "../eval/duplicates.js";
import { withLabel } from "../eval/label-builder.js";
import type { Matrix } from "../eval/matrix.js";
import { WORK_PER_KEY } from "../eval/query-state.js";
import type { Scope } from "../eval/scope.js";
import { type CallExpr, type Expr, unwrapParens } from "../parse/ast.js";
import { isValidLabelName } from "../parse/label-name.js";

/** The value of a string argument. */
export function textOf(arg: Expr): string {
  const literal = unwrapParens(arg);
  return literal.kind === "string" ? literal.value : "";
}

/** Whether a `\Q` is open at the end: Prometheus writes its anchors behind the pattern, which are quoted then. */
function endsQuoted(pattern: string): boolean {
  let quoted = false;
  for (let at = pattern.indexOf("\\"); at >= 0; at = pattern.indexOf("\\", at)) {
    const next = pattern[at + 1];
    // Inside, a backslash in front of anything else stands for itself.
    at += quoted && next !== "E" ? 1 : 2;
    quoted = quoted ? next !== "E" : next === "Q";
  }
  return quoted;
}

export function labelReplace(scope: Scope, call: CallExpr): Matrix {
  const [target, template, source, pattern] = call.args.slice(1).map(textOf);
  let regexp: ReturnType<typeof compileRegexp>;
  try {
    regexp = compileRegexp(pattern);
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return scope.state.fail(`invalid regular expression in label_replace(): ${pattern}`);
  }
  if (endsQuoted(pattern)) scope.state.fail(`invalid regular expression in label_replace(): ${pattern}`);
  if (!isValidLabelName(target)) {
    scope.state.fail(`invalid destination label name in label_replace(): ${target}`);
  }
  return relabel(scope, call, target, (matrix, row) =>
    regexp.expand(matrix.labelsOf(row).get(source), template),
  );
}

export function labelJoin(scope: Scope, call: CallExpr): Matrix {
  const [target, separator, ...sources] = call.args.slice(1).map(textOf);
  for (const source of sources) {
    if (!isValidLabelName(source)) scope.state.fail(`invalid source label name in label_join(): ${source}`);
  }
  if (!isValidLabelName(target)) {
    scope.state.fail(`invalid destination label name in label_join(): ${target}`);
  }
  return relabel(scope, call, target, (matrix, row) => {
    const labels = matrix.labelsOf(row);
    return sources.map((source) => labels.get(source)).join(separator);
  });
}

/** Gives each row the value that `replacement` finds for label `target`; null leaves the row as it is. */
function relabel(
  scope: Scope,
  call: CallExpr,
  target: string,
  replacement: (matrix: Matrix, row: number) => string | null,
): Matrix {
  const matrix = scope.vector(call.args[0]);
  for (let row = 0; row < matrix.rows; row++) {
    scope.state.did(WORK_PER_KEY);
    const value = replacement(matrix, row);
    if (value === null) continue;
    matrix.setLabels(row, withLabel(matrix.labelsOf(row), target, value));
    if (target === METRIC_NAME) matrix.setDropped(row, false);
  }
  matrix.oneName = false;
  return mergeDuplicates(scope.state, matrix);
}
