import { RefusalError } from "../../base/errors.js";
import { goPow } from "../math/power.js";
import type {
  CallExpr,
  DurationNode,
  Expr,
  NumberLiteral,
  SubqueryExpr,
  VectorSelector,
} from "../parse/ast.js";
import { unwrapParens } from "../parse/ast.js";
import { goMax, goMin } from "./go-math.js";

/** Start, end and step of a query in milliseconds; an instant query has no step. */
export interface QueryTimes {
  /** The query's text, for the places that errors name. */
  readonly query: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

const encoder = new TextEncoder();

/** A query made ready for its times. */
export interface PreparedQuery {
  readonly expr: Expr;
  /** Nodes that have one value for all steps: evaluated once. */
  readonly invariant: ReadonlySet<Expr>;
}

/** Functions whose result depends on the evaluation time even where their arguments do not. */
const TIME_FUNCTIONS: ReadonlySet<string> = new Set([
  "days_in_month",
  "day_of_month",
  "day_of_week",
  "day_of_year",
  "hour",
  "minute",
  "month",
  "year",
  "predict_linear",
  "time",
  "timestamp",
]);

/**
 * Folds start(), end(), range(), step() and duration expressions into numbers, resolves `@ start()` and
 * `@ end()`, takes parentheses off arguments and finds what does not change from step to step.
 * Throws RefusalError("execution") for durations that come out as nonsense.
 */
export function prepare(parsed: Expr, times: QueryTimes): PreparedQuery {
  const invariant = new Set<Expr>();
  const expr = fold(parsed, times, NO_STATS);
  if (new Marker(invariant).mark(expr).wrap) invariant.add(expr);
  return { expr, invariant };
}

function literal(value: number, call: CallExpr): NumberLiteral {
  return { kind: "number", value, isDuration: false, range: call.range };
}

/** Which functions above a selector decide how much of its histograms is needed. */
interface StatsUse {
  /** histogram_count, histogram_sum or histogram_avg. */
  readonly asked: boolean;
  /** Something that needs the buckets. */
  readonly blocked: boolean;
}

const NO_STATS: StatsUse = { asked: false, blocked: false };
const STATS_FUNCTIONS: ReadonlySet<string> = new Set(["histogram_count", "histogram_sum", "histogram_avg"]);
const BUCKET_FUNCTIONS: ReadonlySet<string> = new Set([
  "histogram_quantile",
  "histogram_quantiles",
  "histogram_fraction",
]);

function statsUnder(expr: Expr, use: StatsUse): StatsUse {
  if (expr.kind === "subquery") return { ...use, blocked: true };
  if (expr.kind === "binary" && (expr.op === "</" || expr.op === ">/")) return { ...use, blocked: true };
  if (expr.kind !== "call") return use;
  if (STATS_FUNCTIONS.has(expr.fn.name)) return { ...use, asked: true };
  return BUCKET_FUNCTIONS.has(expr.fn.name) ? { ...use, blocked: true } : use;
}

function fold(expr: Expr, times: QueryTimes, above: StatsUse): Expr {
  const use = statsUnder(expr, above);
  const { startMs, endMs, stepMs } = times;
  switch (expr.kind) {
    case "call":
      switch (expr.fn.name) {
        case "start":
          return literal(startMs / 1000, expr);
        case "end":
          return literal(endMs / 1000, expr);
        case "range":
          return literal((endMs - startMs) / 1000, expr);
        case "step":
          return literal(startMs === endMs ? 0 : stepMs / 1000, expr);
        default:
          return { ...expr, args: expr.args.map((arg) => unwrapParens(fold(arg, times, use))) };
      }
    case "binary":
      return { ...expr, left: fold(expr.left, times, use), right: fold(expr.right, times, use) };
    case "aggregate":
      return {
        ...expr,
        expr: unwrapParens(fold(expr.expr, times, use)),
        param: expr.param === null ? null : unwrapParens(fold(expr.param, times, use)),
      };
    case "unary":
    case "paren":
      return { ...expr, expr: fold(expr.expr, times, use) };
    case "subquery":
      return foldSubquery(expr, times, use);
    case "matrix":
      return {
        ...expr,
        rangeMs: expr.rangeExpr === null ? expr.rangeMs : durationMs(expr.rangeExpr, times, false),
        vector: foldSelector(expr.vector, times, use),
      };
    case "vector":
      return foldSelector(expr, times, use);
    default:
      return expr;
  }
}

function foldSelector(selector: VectorSelector, times: QueryTimes, use: StatsUse): VectorSelector {
  const statsOnly = use.asked && !use.blocked;
  return { ...selector, ...foldModifiers(selector, times), statsOnly };
}

function foldModifiers(
  node: VectorSelector | SubqueryExpr,
  times: QueryTimes,
): { offsetMs: number; atMs: number | null } {
  const atMs = node.atEdge === null ? node.atMs : node.atEdge === "start" ? times.startMs : times.endMs;
  const offsetMs = node.offsetExpr === null ? node.offsetMs : durationMs(node.offsetExpr, times, true);
  return { offsetMs, atMs };
}

function foldSubquery(node: SubqueryExpr, times: QueryTimes, use: StatsUse): SubqueryExpr {
  return {
    ...node,
    ...foldModifiers(node, times),
    expr: fold(node.expr, times, use),
    rangeMs: node.rangeExpr === null ? node.rangeMs : durationMs(node.rangeExpr, times, false),
    stepMs: node.stepExpr === null ? node.stepMs : durationMs(node.stepExpr, times, false),
  };
}

function durationMs(node: DurationNode, times: QueryTimes, allowNegative: boolean): number {
  const seconds = durationSeconds(node, times);
  if (!Number.isFinite(seconds)) refuse(times, node, "duration is NaN or infinite");
  if (seconds <= 0 && !allowNegative) refuse(times, node, "duration must be greater than 0");
  if (Math.abs(seconds) > 2 ** 63 / 1e9) refuse(times, node, "duration is out of range");
  return Math.trunc(seconds * 1000);
}

function refuse({ query }: QueryTimes, { range }: DurationNode, reason: string): never {
  const [start, end] = [range.start, range.end].map((at) => encoder.encode(query.slice(0, at)).length);
  throw new RefusalError("bad_data", `${start}:${end}: ${reason}`);
}

function durationSeconds(node: DurationNode, times: QueryTimes): number {
  if (node.kind === "number") return node.value;
  if (node.op === "step") return times.stepMs / 1000;
  if (node.op === "range") return (times.endMs - times.startMs) / 1000;
  const left = node.left === null ? 0 : durationSeconds(node.left, times);
  const right = node.right === null ? 0 : durationSeconds(node.right, times);
  switch (node.op) {
    case "+":
      return node.left === null ? right : left + right;
    case "-":
      return node.left === null ? -right : left - right;
    case "*":
      return left * right;
    case "/":
      return right === 0 ? refuse(times, node, "division by zero") : left / right;
    case "%":
      return right === 0 ? refuse(times, node, "modulo by zero") : left % right;
    case "^":
      return goPow(left, right);
    case "min_of":
      return goMin(left, right);
    default:
      return goMax(left, right);
  }
}

interface Mark {
  readonly invariant: boolean;
  /** Worth evaluating once: literals are cheap anyway, range selectors have times of their own. */
  readonly wrap: boolean;
}

const CHANGING: Mark = { invariant: false, wrap: false };
const INVARIANT: Mark = { invariant: true, wrap: true };
const INVARIANT_BARE: Mark = { invariant: true, wrap: false };

class Marker {
  private readonly found: Set<Expr>;

  constructor(found: Set<Expr>) {
    this.found = found;
  }

  mark(expr: Expr): Mark {
    switch (expr.kind) {
      case "vector":
        return expr.atMs === null ? CHANGING : INVARIANT;
      case "matrix":
        return expr.vector.atMs === null ? CHANGING : INVARIANT_BARE;
      case "aggregate":
      case "paren":
      case "unary":
        return this.mark(expr.expr);
      case "binary":
        return this.markAll([expr.left, expr.right], true);
      case "call":
        return this.markCall(expr);
      case "subquery":
        if (this.mark(expr.expr).invariant) this.found.add(expr.expr);
        return expr.atMs === null ? CHANGING : INVARIANT_BARE;
      default:
        return INVARIANT_BARE;
    }
  }

  private markCall(call: CallExpr): Mark {
    const [first] = call.args;
    if (call.fn.name === "timestamp" && first?.kind === "vector" && first.atMs !== null) return INVARIANT;
    return this.markAll(call.args, !TIME_FUNCTIONS.has(call.fn.name));
  }

  private markAll(children: readonly Expr[], safe: boolean): Mark {
    const marks = children.map((child) => this.mark(child));
    if (safe && marks.every((mark) => mark.invariant)) return INVARIANT;
    children.forEach((child, i) => {
      if (marks[i].wrap) this.found.add(child);
    });
    return CHANGING;
  }
}
