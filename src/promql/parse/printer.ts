import { printDuration } from "../../model/duration.js";
import { formatFloat, formatFloatShort, quote } from "../../model/go-text.js";
import { METRIC_NAME, printLabelName } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import type {
  AggregateExpr,
  BinaryExpr,
  DurationNode,
  Expr,
  MatrixSelector,
  SubqueryExpr,
  TimeModifiers,
  VectorMatching,
  VectorSelector,
} from "./ast.js";

/** A query on one line, as Prometheus prints it: parsing it gives the same tree. */
export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case "number":
      return printDurationNode(expr);
    case "string":
      return quote(expr.value);
    case "vector":
      return printSelector(expr, true);
    case "matrix":
      return printMatrix(expr);
    case "subquery":
      return printExpr(expr.expr) + printSubquerySuffix(expr);
    case "aggregate": {
      const param = expr.param === null ? "" : `${printExpr(expr.param)}, `;
      return `${printAggregateHead(expr)}(${param}${printExpr(expr.expr)})`;
    }
    case "binary":
      return `${printExpr(expr.left)} ${printOperator(expr)} ${printExpr(expr.right)}`;
    case "unary":
      return expr.op + printExpr(expr.expr);
    case "paren":
      return `(${printExpr(expr.expr)})`;
    case "call":
      return `${expr.fn.name}(${expr.args.map(printExpr).join(", ")})`;
  }
}

export function printAggregateHead(expr: AggregateExpr): string {
  if (expr.without) return `${expr.op} without (${printLabels(expr.grouping)}) `;
  return expr.grouping.length > 0 ? `${expr.op} by (${printLabels(expr.grouping)}) ` : expr.op;
}

function printLabels(labels: readonly string[]): string {
  return labels.map(printLabelName).join(", ");
}

/** The operator with its modifiers. */
export function printOperator(expr: BinaryExpr): string {
  const bool = expr.returnBool ? " bool" : "";
  return expr.op + bool + (expr.matching === null ? "" : printMatching(expr.matching));
}

function printMatching({ card, labels, on, include, fillLeft, fillRight }: VectorMatching): string {
  const grouped = card === "many-to-one" || card === "one-to-many";
  let out = "";
  if (labels.length > 0 || on || grouped) out += ` ${on ? "on" : "ignoring"} (${printLabels(labels)})`;
  if (grouped) out += ` group_${card === "many-to-one" ? "left" : "right"} (${printLabels(include)})`;
  if (fillLeft !== null && fillLeft === fillRight) return `${out} fill (${formatFloatShort(fillLeft)})`;
  if (fillLeft !== null) out += ` fill_left (${formatFloatShort(fillLeft)})`;
  if (fillRight !== null) out += ` fill_right (${formatFloatShort(fillRight)})`;
  return out;
}

function printDurationNode(node: DurationNode): string {
  if (node.kind === "number") {
    if (!node.isDuration) return formatFloat(node.value);
    const ms = Math.trunc(Math.abs(node.value) * 1000);
    return (node.value < 0 ? "-" : "") + printDuration(ms);
  }
  const left = node.left === null ? "" : printDurationNode(node.left);
  const right = node.right === null ? "" : printDurationNode(node.right);
  let out: string;
  if (node.op === "step" || node.op === "range") out = `${node.op}()`;
  else if (node.op === "min_of" || node.op === "max_of") out = `${node.op}(${left}, ${right})`;
  else if (node.left === null) out = node.op === "-" ? `-${right}` : right;
  else out = `${left} ${node.op} ${right}`;
  return node.wrapped ? `(${out})` : out;
}

function printAt({ atMs, atEdge }: TimeModifiers): string {
  if (atMs !== null) return ` @ ${(atMs / 1000).toFixed(3)}`;
  return atEdge === null ? "" : ` @ ${atEdge}()`;
}

function printOffset({ offsetMs, offsetExpr }: TimeModifiers): string {
  if (offsetExpr !== null) return ` offset ${printDurationNode(offsetExpr)}`;
  if (offsetMs === 0) return "";
  return ` offset ${offsetMs < 0 ? "-" : ""}${printDuration(Math.abs(offsetMs))}`;
}

function printExtension({ anchored, smoothed }: VectorSelector): string {
  if (anchored) return " anchored";
  return smoothed ? " smoothed" : "";
}

function printMatrix({ vector, rangeMs, rangeExpr }: MatrixSelector): string {
  const range = rangeExpr === null ? printDuration(rangeMs) : printDurationNode(rangeExpr);
  const modifiers = printExtension(vector) + printAt(vector) + printOffset(vector);
  return `${printSelector(vector, false)}[${range}]${modifiers}`;
}

/** `[5m:1m] @ 10.000 offset 1m` */
export function printSubquerySuffix(expr: SubqueryExpr): string {
  const { rangeMs, rangeExpr, stepMs, stepExpr } = expr;
  const range = rangeExpr === null ? printDuration(rangeMs) : printDurationNode(rangeExpr);
  const plainStep = stepExpr === null ? "" : printDurationNode(stepExpr);
  const step = stepMs > 0 ? printDuration(stepMs) : plainStep;
  return `[${range}:${step}]${printAt(expr)}${printOffset(expr)}`;
}

export function printMatcher({ name, op, value }: Matcher): string {
  return `${printLabelName(name)}${op}${quote(value)}`;
}

function printSelector(selector: VectorSelector, withModifiers: boolean): string {
  const matchers = selector.matchers
    .filter(
      ({ name, op, value }) =>
        !(name === METRIC_NAME && op === "=" && value === selector.name && value !== ""),
    )
    .map(printMatcher)
    .sort();
  const braces = matchers.length === 0 ? "" : `{${matchers.join(",")}}`;
  const modifiers = withModifiers ? printAt(selector) + printExtension(selector) + printOffset(selector) : "";
  return selector.name + braces + modifiers;
}
