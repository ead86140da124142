import { childrenOf, type Expr } from "../../dist/promql/parse/ast.js";
import { parseExpr } from "../../dist/promql/parse/parser.js";
import { printExpr } from "../../dist/promql/parse/printer.js";
import type { EvaluationOptions } from "../../dist/promql/query.js";

const TIME_FUNCTIONS = new Set([
  "days_in_month",
  "day_of_month",
  "day_of_week",
  "day_of_year",
  "end",
  "hour",
  "minute",
  "month",
  "year",
  "predict_linear",
  "range",
  "start",
  "step",
  "time",
  "timestamp",
]);

/**
 * The query with `@ timeMs` at every selector and outermost subquery, which must give the same result at any
 * time; null where functions of the evaluation time are in it.
 */
export function atVariant(query: string, timeMs: number, options: EvaluationOptions): string | null {
  let expr: Expr;
  try {
    expr = parseExpr(query, options);
  } catch {
    return null;
  }
  return pin(expr, timeMs) ? printExpr(expr) : null;
}

function pin(expr: Expr, timeMs: number): boolean {
  if (expr.kind === "call" && TIME_FUNCTIONS.has(expr.fn.name)) return false;
  const selector = expr.kind === "matrix" ? expr.vector : expr;
  if (selector.kind === "vector" || selector.kind === "subquery") selector.atMs ??= timeMs;
  // Inside a pinned subquery nothing else is pinned, but functions of time still count.
  const children = childrenOf(expr);
  if (expr.kind === "subquery") return !children.some(usesTime);
  return children.every((child) => pin(child, timeMs));
}

function usesTime(expr: Expr): boolean {
  return (expr.kind === "call" && TIME_FUNCTIONS.has(expr.fn.name)) || childrenOf(expr).some(usesTime);
}
