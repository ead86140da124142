import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import { ABSENT, FLOAT, Matrix } from "../eval/matrix.js";
import { evalRangeCall, rangeArgument } from "../eval/range-call.js";
import type { Scope } from "../eval/scope.js";
import type { CallExpr, Expr } from "../parse/ast.js";
import { matches } from "../parse/checker.js";

/** `absent` and `absent_over_time`: 1 at each step where the argument has nothing. */
export function absent(scope: Scope, call: CallExpr): Matrix {
  const { count } = scope.frame;
  const seen = new Uint8Array(count);
  const mark = (matrix: Matrix, row: number): void => {
    const base = row * count;
    for (let s = 0; s < count; s++) if (matrix.kinds[base + s] !== ABSENT) seen[s] = 1;
  };
  const selector = rangeArgument(call);
  if (selector === null) scope.rows(call.args[0], mark);
  else {
    // Streaming would give each row to `mark` alone, which is all it takes.
    evalRangeCall(scope, call, selector, mark);
  }
  const out = new Matrix(count, 1);
  out.delayedDrop = scope.state.delayedNameRemoval;
  const base = out.addRow(labelsOfAbsence(call.args[0]));
  let missing = 0;
  for (let s = 0; s < count; s++) {
    if (seen[s] === 1) continue;
    out.values[base + s] = 1;
    out.kinds[base + s] = FLOAT;
    missing++;
  }
  if (missing === 0) out.removeLastRow();
  return out;
}

/**
 * Selecting brings the matchers that only take series away behind the others, and Prometheus looks at them after
 * it has selected: `{a!="x",a="y"}` comes out as `{a="y",a!="x"}`.
 */
function inOrderOfSelection(matchers: readonly Matcher[]): Matcher[] {
  const mustBeSet = new Set(matchers.filter((matcher) => !matches(matcher, "")).map(({ name }) => name));
  const takesAway = (matcher: Matcher): boolean =>
    !mustBeSet.has(matcher.name) || (matcher.op.startsWith("!") && matches(matcher, ""));
  return [...matchers.filter((m) => !takesAway(m)), ...matchers.filter(takesAway)];
}

/** The labels that the selector names with one value each. */
function labelsOfAbsence(arg: Expr): Labels {
  const selector = arg.kind === "matrix" ? arg.vector : arg;
  if (selector.kind !== "vector") return Labels.EMPTY;
  const values = new Map<string, string>();
  const seen = new Set<string>();
  for (const { name, op, value } of inOrderOfSelection(selector.matchers)) {
    if (name === METRIC_NAME) continue;
    if (op === "=" && !seen.has(name)) {
      values.set(name, value);
      seen.add(name);
    } else {
      values.delete(name);
    }
  }
  return Labels.from(values);
}
