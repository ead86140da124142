import type { Matcher } from "../../model/matcher.js";
import type { FunctionSignature } from "./function-signatures.js";
import type { PosRange } from "./parse-error.js";
import type { ValueType } from "./value-type.js";

/** Durations in the tree are whole milliseconds. */
export interface TimeModifiers {
  offsetMs: number;
  offsetExpr: DurationExpr | null;
  /** `@ 12.5` in milliseconds. */
  atMs: number | null;
  atEdge: "start" | "end" | null;
}

export interface NumberLiteral {
  readonly kind: "number";
  value: number;
  /** Written as a duration: printed as one. */
  readonly isDuration: boolean;
  range: PosRange;
}

export interface StringLiteral {
  readonly kind: "string";
  readonly value: string;
  readonly range: PosRange;
}

export interface VectorSelector extends TimeModifiers {
  readonly kind: "vector";
  /** The name outside the braces, "" where there is none. */
  readonly name: string;
  readonly matchers: readonly Matcher[];
  anchored: boolean;
  smoothed: boolean;
  /** The second argument of `info` may match everything. */
  mayMatchAll: boolean;
  /** Of histograms only count and sum are needed. */
  readonly statsOnly: boolean;
  range: PosRange;
}

export interface MatrixSelector {
  readonly kind: "matrix";
  readonly vector: VectorSelector;
  readonly rangeMs: number;
  readonly rangeExpr: DurationExpr | null;
  range: PosRange;
}

export interface SubqueryExpr extends TimeModifiers {
  readonly kind: "subquery";
  readonly expr: Expr;
  readonly rangeMs: number;
  readonly rangeExpr: DurationExpr | null;
  /** 0: the default evaluation interval. */
  readonly stepMs: number;
  readonly stepExpr: DurationExpr | null;
  range: PosRange;
}

export interface AggregateExpr {
  readonly kind: "aggregate";
  readonly op: string;
  readonly expr: Expr;
  readonly param: Expr | null;
  readonly grouping: readonly string[];
  readonly without: boolean;
  readonly range: PosRange;
}

export type Cardinality = "one-to-one" | "many-to-one" | "one-to-many" | "many-to-many";

export interface VectorMatching {
  card: Cardinality;
  labels: readonly string[];
  on: boolean;
  include: readonly string[];
  fillLeft: number | null;
  fillRight: number | null;
}

export interface BinaryExpr {
  readonly kind: "binary";
  readonly op: string;
  readonly left: Expr;
  readonly right: Expr;
  /** Null after the check unless both sides are vectors. */
  matching: VectorMatching | null;
  readonly returnBool: boolean;
  readonly range: PosRange;
}

export interface UnaryExpr {
  readonly kind: "unary";
  readonly op: "+" | "-";
  readonly expr: Expr;
  readonly range: PosRange;
}

export interface ParenExpr {
  readonly kind: "paren";
  readonly expr: Expr;
  readonly range: PosRange;
}

export interface CallExpr {
  readonly kind: "call";
  readonly fn: FunctionSignature;
  readonly args: readonly Expr[];
  readonly range: PosRange;
}

/** Arithmetic on durations inside `[…]` and behind `offset`. Unary where `left` is null. */
export interface DurationExpr {
  readonly kind: "duration";
  /** An arithmetic sign, "step", "range", "min_of" or "max_of". */
  readonly op: string;
  readonly left: DurationNode | null;
  readonly right: DurationNode | null;
  wrapped: boolean;
  readonly range: PosRange;
}

export type DurationNode = DurationExpr | NumberLiteral;

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | SubqueryExpr
  | AggregateExpr
  | BinaryExpr
  | UnaryExpr
  | ParenExpr
  | CallExpr;

export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "vector":
    case "aggregate":
      return "vector";
    case "matrix":
    case "subquery":
      return "matrix";
    case "binary":
      return typeOf(expr.left) === "scalar" && typeOf(expr.right) === "scalar" ? "scalar" : "vector";
    case "unary":
    case "paren":
      return typeOf(expr.expr);
    case "call":
      return expr.fn.returnType;
  }
}

export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "aggregate":
      return expr.param === null ? [expr.expr] : [expr.expr, expr.param];
    case "binary":
      return [expr.left, expr.right];
    case "call":
      return expr.args;
    case "subquery":
    case "paren":
    case "unary":
      return [expr.expr];
    case "matrix":
      return [expr.vector];
    default:
      return [];
  }
}

/** The expression inside any number of parentheses. */
export function unwrapParens(expr: Expr): Expr {
  let inner = expr;
  while (inner.kind === "paren") inner = inner.expr;
  return inner;
}
