import { quote } from "../../model/go-text.js";

/**
 * The kind of a token is its own text for operators, brackets and keywords (in small letters), and one of the
 * names in capitals for the rest.
 */
export type TokenKind = string;

export interface Token {
  readonly kind: TokenKind;
  /** Half-open range of UTF-16 units in the query. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const AGGREGATORS: readonly string[] = [
  "avg",
  "bottomk",
  "count",
  "count_values",
  "group",
  "max",
  "min",
  "quantile",
  "stddev",
  "stdvar",
  "sum",
  "topk",
  "limitk",
  "limit_ratio",
];
const KEYWORDS: readonly string[] = [
  "bool",
  "by",
  "group_left",
  "group_right",
  "fill",
  "fill_left",
  "fill_right",
  "ignoring",
  "offset",
  "smoothed",
  "anchored",
  "on",
  "without",
];
const PREPROCESSORS: readonly string[] = ["start", "end", "step", "range", "max_of", "min_of"];
const WORD_OPERATORS: readonly string[] = ["and", "or", "unless", "atan2"];
const SIGN_OPERATORS: readonly string[] = [
  "+",
  "-",
  "*",
  "/",
  "%",
  "^",
  "==",
  "!=",
  "<=",
  "<",
  ">=",
  ">",
  "</",
  ">/",
  "=~",
  "!~",
  "@",
];

export const aggregatorSet: ReadonlySet<string> = new Set(AGGREGATORS);
const keywordSet: ReadonlySet<string> = new Set(KEYWORDS);
const operatorSet: ReadonlySet<string> = new Set([...SIGN_OPERATORS, ...WORD_OPERATORS]);
/** Words that the lexer tells from identifiers, in any case of letters. */
export const reservedWords: ReadonlySet<string> = new Set([
  ...AGGREGATORS,
  ...KEYWORDS,
  ...PREPROCESSORS,
  ...WORD_OPERATORS,
]);

const NAMED: Readonly<Record<string, string>> = {
  IDENTIFIER: "identifier",
  METRIC_IDENTIFIER: "metric identifier",
  STRING: "string",
  NUMBER: "number",
  DURATION: "duration",
};

/** The token as Prometheus' messages name it: `identifier "foo"`, `<op:+>`, `<by>`, `"("`. */
export function describeToken(token: Token): string {
  if (token.kind === "EOF") return "end of input";
  const named = NAMED[token.kind];
  return named === undefined ? showToken(token) : `${named} ${showToken(token)}`;
}

function showToken({ kind, text }: Token): string {
  if (kind === "IDENTIFIER" || kind === "METRIC_IDENTIFIER") return quote(text);
  if (keywordSet.has(kind)) return `<${text}>`;
  if (operatorSet.has(kind)) return `<op:${text}>`;
  if (aggregatorSet.has(kind)) return `<aggr:${text}>`;
  if (new TextEncoder().encode(text).length > 10) return `${quote([...text].slice(0, 10).join(""))}...`;
  return quote(text);
}

/** Words that may name a label in a grouping. */
export function isLabelWord(kind: TokenKind): boolean {
  return (
    kind === "IDENTIFIER" || kind === "METRIC_IDENTIFIER" || (reservedWords.has(kind) && kind !== "without")
  );
}

const NEVER_METRIC: ReadonlySet<string> = new Set([
  "bool",
  "group_left",
  "group_right",
  "ignoring",
  "on",
  "atan2",
]);

/** Words that may name a metric outside braces. */
export function isMetricWord(kind: TokenKind): boolean {
  if (kind === "IDENTIFIER" || kind === "METRIC_IDENTIFIER") return true;
  return reservedWords.has(kind) && !NEVER_METRIC.has(kind);
}

/** Signs and literals that may begin an expression, beside the words. */
const EXPRESSION_STARTS: ReadonlySet<string> = new Set(["NUMBER", "DURATION", "STRING", "(", "{", "+", "-"]);

/** Whether an expression may begin with such a token. */
export function startsExpression(kind: TokenKind): boolean {
  return EXPRESSION_STARTS.has(kind) || aggregatorSet.has(kind) || isMetricWord(kind);
}

const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<=", "<", ">=", ">"]);
const SET_OPERATORS: ReadonlySet<string> = new Set(["and", "or", "unless"]);
const PARAM_AGGREGATORS: ReadonlySet<string> = new Set([
  "topk",
  "bottomk",
  "count_values",
  "quantile",
  "limitk",
  "limit_ratio",
]);

export function isComparison(op: string): boolean {
  return COMPARISONS.has(op);
}

export function isSetOperator(op: string): boolean {
  return SET_OPERATORS.has(op);
}

export function takesParam(aggregator: string): boolean {
  return PARAM_AGGREGATORS.has(aggregator);
}
