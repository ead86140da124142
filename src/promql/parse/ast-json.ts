import { formatFloat } from "../../model/go-text.js";
import type { Matcher } from "../../model/matcher.js";
import type { DurationNode, Expr, TimeModifiers, VectorSelector } from "./ast.js";

/** Data that JSON can spell. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** The tree of a query as `/api/v1/parse_query` answers it; the members are in the order of their names. */
export function exprToJson(expr: Expr): Json {
  switch (expr.kind) {
    case "aggregate":
      return {
        expr: exprToJson(expr.expr),
        grouping: expr.grouping,
        op: expr.op,
        param: expr.param === null ? null : exprToJson(expr.param),
        type: "aggregation",
        without: expr.without,
      };
    case "binary":
      return {
        bool: expr.returnBool,
        lhs: exprToJson(expr.left),
        matching: expr.matching === null ? null : matchingToJson(expr.matching),
        op: expr.op,
        rhs: exprToJson(expr.right),
        type: "binaryExpr",
      };
    case "call":
      return {
        args: expr.args.map(exprToJson),
        func: {
          argTypes: expr.fn.argTypes,
          name: expr.fn.name,
          returnType: expr.fn.returnType,
          variadic: expr.fn.variadic,
        },
        type: "call",
      };
    case "matrix":
      return sorted({
        ...selectorToJson(expr.vector),
        range: expr.rangeMs,
        rangeExpr: durationToJson(expr.rangeExpr),
        type: "matrixSelector",
      });
    case "subquery":
      return sorted({
        expr: exprToJson(expr.expr),
        ...modifiersToJson(expr),
        range: expr.rangeMs,
        rangeExpr: durationToJson(expr.rangeExpr),
        step: expr.stepMs,
        stepExpr: durationToJson(expr.stepExpr),
        type: "subquery",
      });
    case "number":
      return { type: "numberLiteral", val: formatFloat(expr.value) };
    case "paren":
      return { expr: exprToJson(expr.expr), type: "parenExpr" };
    case "string":
      return { type: "stringLiteral", val: expr.value };
    case "unary":
      return { expr: exprToJson(expr.expr), op: expr.op, type: "unaryExpr" };
    case "vector":
      return { ...selectorToJson(expr), type: "vectorSelector" };
  }
}

function sorted(members: { readonly [name: string]: Json }): Json {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function matchingToJson(matching: NonNullable<Extract<Expr, { kind: "binary" }>["matching"]>): Json {
  return {
    card: matching.card,
    fillValues: { lhs: matching.fillLeft, rhs: matching.fillRight },
    include: matching.include,
    labels: matching.labels,
    on: matching.on,
  };
}

function modifiersToJson({ offsetMs, offsetExpr, atMs, atEdge }: TimeModifiers): { [name: string]: Json } {
  return { offset: offsetMs, offsetExpr: durationToJson(offsetExpr), startOrEnd: atEdge, timestamp: atMs };
}

function selectorToJson(selector: VectorSelector): { [name: string]: Json } {
  return {
    anchored: selector.anchored,
    matchers: selector.matchers.map(matcherToJson),
    name: selector.name,
    offset: selector.offsetMs,
    offsetExpr: durationToJson(selector.offsetExpr),
    smoothed: selector.smoothed,
    startOrEnd: selector.atEdge,
    timestamp: selector.atMs,
  };
}

function matcherToJson({ name, op, value }: Matcher): Json {
  return { name, type: op, value };
}

function durationToJson(node: DurationNode | null): Json {
  if (node === null) return null;
  if (node.kind === "number") {
    return { duration: node.isDuration, type: "numberLiteral", val: formatFloat(node.value) };
  }
  return {
    lhs: durationToJson(node.left),
    op: node.op,
    rhs: durationToJson(node.right),
    type: "durationExpr",
    wrapped: node.wrapped,
  };
}
