/** Counts which parts of the language occur in queries, so that none stays out unnoticed. */
import { functionSignatures } from "../../dist/promql/parse/function-signatures.js";

const AGGREGATIONS = [
  ...["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile"],
  ...["count_values", "limitk", "limit_ratio"],
];
const OPERATORS = [
  ...[
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "atan2",
    "==",
    "!=",
    ">",
    "<",
    ">=",
    "<=",
    "and",
    "or",
    "unless",
    "</",
    ">/",
  ],
];

const escaped = (text: string): string => text.replaceAll(/[\\^$.|?*+()[\]{}]/g, "\\$&");
const call = (name: string): RegExp => new RegExp(`(^|[^a-zA-Z0-9_:"])${name} *(by|without)? *\\(`, "i");

const PARTS: ReadonlyMap<string, RegExp> = new Map([
  ...[...functionSignatures.keys(), ...AGGREGATIONS].map((name) => [`${name}()`, call(name)] as const),
  ...OPERATORS.map((name) => [`operator ${name}`, new RegExp(` ${escaped(name)}(?![=/]) `)] as const),
  ...[
    "bool",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "by",
    "without",
    "offset",
    "anchored",
    "smoothed",
  ].map((word) => [word, new RegExp(`[ )\\]]${word}[ (]|[\\]} ]${word}$`)] as const),
  ...["fill", "fill_left", "fill_right"].map((word) => [word, new RegExp(` ${word}\\(`)] as const),
  ["offset of the future", /offset -/],
  ["@ time", /@ \d/],
  ["@ start()", /@ start\(\)/],
  ["@ end()", /@ end\(\)/],
  ["subquery", /\[[^\]]*:[^\]]+\]/],
  ["subquery with the default step", /:\]/],
  ["subquery in a subquery", /\[[^\]]*:[^\]]*\].*\[[^\]]*:/],
  ["duration arithmetic", /\[[^\]:]* [*/+%^-] /],
  ["range in seconds", /\[[\d.x]+[\]:]/],
  ["unary minus", /(^|\()-[a-z(]/],
  ["name in quotes", /\{"/],
  ["label in quotes", /"="|by \([^)]*"/],
  ...["=", "!=", "=~", "!~"].map((op) => [`matcher ${op}`, new RegExp(`[a-z"]${op}"`)] as const),
  ["comment", /#/],
  ["string", /^"/],
  ["upper-case keyword", /SUM|AVG|COUNT|TOPK|MAX/],
]);

export class Coverage {
  readonly #counts = new Map<string, number>([...PARTS.keys()].map((part) => [part, 0]));

  add(query: string): void {
    for (const [part, pattern] of PARTS) {
      if (pattern.test(query)) this.#counts.set(part, this.#counts.get(part)! + 1);
    }
  }

  /** A line with every part that did not occur, and one with the rarest that did. */
  print(): string {
    const sorted = [...this.#counts].sort(([, a], [, b]) => a - b);
    const never = sorted.filter(([, count]) => count === 0).map(([part]) => part);
    const rarest = sorted.filter(([, count]) => count > 0).slice(0, 8);
    return [
      `${sorted.length - never.length} of ${sorted.length} parts of the language occurred`,
      `never: ${never.join(", ") || "none"}`,
      `rarest: ${rarest.map(([part, count]) => `${part} ${count}`).join(", ")}`,
    ].join("\n");
  }
}
