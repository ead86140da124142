import { quote } from "../../model/go-text.js";
import { METRIC_NAME } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import { compileRegexp } from "../../model/regexp.js";
import { type BinaryExpr, type CallExpr, type Expr, typeOf, type VectorSelector } from "./ast.js";
import { isSpace } from "./lexer.js";
import { ParseError, type PosRange } from "./parse-error.js";
import { isComparison, isSetOperator } from "./token.js";
import type { ValueType } from "./value-type.js";

/** Checks types and uses, and settles what follows from them (`matching`). Throws ParseError. */
export function checkExpr(query: string, expr: Expr): ValueType {
  switch (expr.kind) {
    case "aggregate":
      expectType(query, expr.expr, "vector", "aggregation expression");
      if (expr.param !== null) {
        const wanted = expr.op === "count_values" ? "string" : "scalar";
        expectType(query, expr.param, wanted, "aggregation parameter");
      }
      break;
    case "binary":
      checkBinary(query, expr);
      break;
    case "call":
      checkCall(query, expr);
      break;
    case "paren":
      checkExpr(query, expr.expr);
      break;
    case "unary": {
      const type = checkExpr(query, expr.expr);
      if (type !== "scalar" && type !== "vector") {
        const only = "unary expression only allowed on expressions of type scalar or instant vector";
        fail(query, expr.range, `${only}, got ${quote(documented(type))}`);
      }
      break;
    }
    case "subquery": {
      const type = checkExpr(query, expr.expr);
      if (type !== "vector") {
        fail(query, expr.range, `subquery is only allowed on instant vector, got ${type} instead`);
      }
      break;
    }
    case "matrix":
      checkSelector(query, expr.vector);
      break;
    case "vector":
      checkSelector(query, expr);
      break;
    default:
      break;
  }
  return typeOf(expr);
}

function fail(query: string, range: PosRange, reason: string): never {
  throw new ParseError(query, range, reason);
}

function documented(type: ValueType): string {
  if (type === "vector") return "instant vector";
  return type === "matrix" ? "range vector" : type;
}

function expectType(query: string, expr: Expr, wanted: ValueType, context: string): void {
  const type = checkExpr(query, expr);
  if (type !== wanted) {
    fail(query, expr.range, `expected type ${documented(wanted)} in ${context}, got ${documented(type)}`);
  }
}

/** The operator with its modifiers, without the space around. */
function operatorRange(query: string, expr: BinaryExpr): PosRange {
  let start = expr.left.range.end;
  while (isSpace(query[start] ?? "")) start++;
  return { start, end: expr.right.range.start };
}

function checkBinary(query: string, expr: BinaryExpr): void {
  const left = checkExpr(query, expr.left);
  const right = checkExpr(query, expr.right);
  const matching = expr.matching;
  if (expr.returnBool && !isComparison(expr.op)) {
    fail(query, operatorRange(query, expr), "bool modifier can only be used on comparison operators");
  }
  if (isComparison(expr.op) && !expr.returnBool && left === "scalar" && right === "scalar") {
    fail(query, operatorRange(query, expr), "comparisons between scalars must use BOOL modifier");
  }
  if (matching === null) return;
  if (isSetOperator(expr.op) && matching.card === "one-to-one") matching.card = "many-to-many";
  for (const label of matching.on ? matching.labels : []) {
    if (matching.include.includes(label)) {
      const both = `label ${quote(label)} must not occur in ON and GROUP clause at once`;
      fail(query, operatorRange(query, expr), both);
    }
  }
  for (const [side, type] of [
    [expr.left, left],
    [expr.right, right],
  ] as const) {
    if (type !== "scalar" && type !== "vector") {
      fail(query, side.range, "binary expression must contain only scalar and instant vector types");
    }
  }
  checkMatching(query, expr, left === "vector" && right === "vector");
  if ((left === "scalar" || right === "scalar") && isSetOperator(expr.op)) {
    fail(query, expr.range, `set operator ${quote(expr.op)} not allowed in binary scalar expression`);
  }
}

function checkMatching(query: string, expr: BinaryExpr, vectors: boolean): void {
  const matching = expr.matching;
  if (matching === null) return;
  const fills = matching.fillLeft !== null || matching.fillRight !== null;
  if (!vectors) {
    if (matching.labels.length > 0) {
      fail(query, expr.range, "vector matching only allowed between instant vectors");
    }
    if (fills) fail(query, expr.range, "filling in missing series only allowed between instant vectors");
    expr.matching = null;
    return;
  }
  if (!isSetOperator(expr.op)) return;
  if (matching.card === "one-to-many" || matching.card === "many-to-one") {
    fail(query, expr.range, `no grouping allowed for ${quote(expr.op)} operation`);
  }
  if (fills) fail(query, expr.range, "filling in missing series not allowed for set operators");
}

function checkCall(query: string, expr: CallExpr): void {
  const { fn, args, range } = expr;
  const call = `in call to ${quote(fn.name)}, got ${args.length}`;
  if (fn.variadic === 0) {
    if (fn.argTypes.length !== args.length) {
      fail(query, range, `expected ${fn.argTypes.length} argument(s) ${call}`);
    }
  } else {
    const least = fn.argTypes.length - 1;
    if (args.length < least) fail(query, range, `expected at least ${least} argument(s) ${call}`);
    const most = least + fn.variadic;
    if (fn.variadic > 0 && args.length > most) {
      fail(query, range, `expected at most ${most} argument(s) ${call}`);
    }
  }
  if (fn.name === "info" && args.length > 1) checkInfoSelector(query, expr, args[1] as Expr);
  args.forEach((arg, i) => {
    const wanted = fn.argTypes[Math.min(i, fn.argTypes.length - 1)] as ValueType;
    const type = checkExpr(query, arg);
    if (type !== wanted) {
      const where = `in call to function ${quote(fn.name)}`;
      fail(query, arg.range, `expected type ${documented(wanted)} ${where}, got ${documented(type)}`);
    }
  });
}

function checkInfoSelector(query: string, call: CallExpr, arg: Expr): void {
  const type = typeOf(arg);
  if (type !== "vector") {
    fail(
      query,
      call.range,
      `expected type instant vector in call to function "info", got ${documented(type)}`,
    );
  }
  if (arg.kind !== "vector") fail(query, arg.range, "expected label selectors only");
  if (arg.name !== "") fail(query, arg.range, "expected label selectors only, got vector selector instead");
  arg.mayMatchAll = true;
}

function checkSelector(query: string, selector: VectorSelector): void {
  if (selector.name !== "") {
    for (const matcher of selector.matchers.slice(0, -1)) {
      if (matcher.name === METRIC_NAME) {
        const names = `${quote(selector.name)} or ${quote(matcher.value)}`;
        fail(query, selector.range, `metric name must not be set twice: ${names}`);
      }
    }
    return;
  }
  if (selector.mayMatchAll) return;
  if (selector.matchers.every((matcher) => matches(matcher, ""))) {
    fail(query, selector.range, "vector selector must contain at least one non-empty matcher");
  }
}

/** Whether a label with this value ("": absent) satisfies the matcher. */
export function matches(matcher: Matcher, value: string): boolean {
  switch (matcher.op) {
    case "=":
      return matcher.value === value;
    case "!=":
      return matcher.value !== value;
    case "=~":
      return compileRegexp(matcher.value).test(value);
    case "!~":
      return !compileRegexp(matcher.value).test(value);
  }
}
