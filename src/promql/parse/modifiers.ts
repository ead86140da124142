import type {
  DurationExpr,
  DurationNode,
  Expr,
  MatrixSelector,
  TimeModifiers,
  VectorSelector,
} from "./ast.js";
import type { PosRange } from "./parse-error.js";

/** Parts of the language that Prometheus has behind feature flags. */
export interface ParserOptions {
  /** `promql-experimental-functions` */
  readonly experimentalFunctions?: boolean;
  /** `promql-duration-expr` */
  readonly durationExpressions?: boolean;
  /** `promql-extended-range-selectors` */
  readonly extendedSelectors?: boolean;
  /** `promql-binop-fill-modifiers` */
  readonly fillModifiers?: boolean;
}

/** What the functions below need of the parser. */
export interface ModifierTarget {
  readonly options: ParserOptions;
  readonly lastClosing: number;
  failAt(range: PosRange, reason: string): never;
  toMs(seconds: number): number;
  parseRange(range: DurationNode): { rangeMs: number; rangeExpr: DurationExpr | null };
}

/** Where the time modifiers of `expr` live, null where it takes none. */
function modifiersOf(expr: Expr): TimeModifiers | null {
  if (expr.kind === "matrix") return expr.vector;
  return expr.kind === "vector" || expr.kind === "subquery" ? expr : null;
}

function extendTo(expr: Expr, end: number): void {
  if (expr.kind === "vector" || expr.kind === "matrix" || expr.kind === "subquery") {
    expr.range = { start: expr.range.start, end };
  }
}

const TARGETS = "an instant vector selector or range vector selector or a subquery";

export function applyOffset(parser: ModifierTarget, expr: Expr, offset: DurationNode): void {
  const modifiers = modifiersOf(expr);
  if (modifiers === null) {
    parser.failAt(expr.range, `offset modifier must be preceded by ${TARGETS}`);
    return;
  }
  if (modifiers.offsetMs !== 0 || modifiers.offsetExpr !== null) {
    parser.failAt(expr.range, "offset may not be set multiple times");
  }
  if (offset.kind === "number") modifiers.offsetMs = parser.toMs(offset.value);
  else modifiers.offsetExpr = offset;
  extendTo(expr, parser.lastClosing);
}

function atTarget(parser: ModifierTarget, expr: Expr): TimeModifiers {
  const modifiers = modifiersOf(expr);
  if (modifiers === null) return parser.failAt(expr.range, `@ modifier must be preceded by ${TARGETS}`);
  if (modifiers.atMs !== null || modifiers.atEdge !== null) {
    parser.failAt(expr.range, "@ <timestamp> may not be set multiple times");
  }
  return modifiers;
}

export function applyAt(parser: ModifierTarget, expr: Expr, seconds: number): void {
  if (!(Math.abs(seconds) < 2 ** 63)) {
    const shown = Number.isNaN(seconds)
      ? "NaN"
      : Number.isFinite(seconds)
        ? wholeDigits(seconds)
        : infinity(seconds);
    parser.failAt(expr.range, `timestamp out of bounds for @ modifier: ${shown}`);
  }
  const modifiers = atTarget(parser, expr);
  modifiers.atMs = Math.sign(seconds) * Math.round(Math.abs(seconds * 1000));
  extendTo(expr, parser.lastClosing);
}

function infinity(value: number): string {
  return value > 0 ? "+Inf" : "-Inf";
}

/** `%f` of a float that large has no fraction. */
function wholeDigits(value: number): string {
  return `${BigInt(value)}.000000`;
}

export function applyAtEdge(parser: ModifierTarget, expr: Expr, edge: "start" | "end"): void {
  atTarget(parser, expr).atEdge = edge;
  extendTo(expr, parser.lastClosing);
}

export function applyExtended(parser: ModifierTarget, expr: Expr, word: "anchored" | "smoothed"): void {
  if (!parser.options.extendedSelectors) {
    parser.failAt(expr.range, `${word} modifier is experimental and not enabled`);
  }
  if (expr.kind === "subquery") parser.failAt(expr.range, `${word} modifier is not supported for subqueries`);
  const selector = expr.kind === "matrix" ? expr.vector : expr;
  if (selector.kind !== "vector") {
    parser.failAt(expr.range, `${word} modifier not implemented`);
    return;
  }
  selector[word] = true;
  if (selector.anchored && selector.smoothed) {
    parser.failAt(expr.range, "anchored and smoothed modifiers cannot be used together");
  }
}

export function makeMatrix(
  parser: ModifierTarget,
  expr: Expr,
  open: PosRange,
  range: DurationNode,
  close: PosRange,
): MatrixSelector {
  const brackets = { start: open.start, end: close.end };
  if (expr.kind !== "vector") return parser.failAt(brackets, "ranges only allowed for vector selectors");
  const vector: VectorSelector = expr;
  // As in Prometheus, `start()`, `end()` and calculated offsets may stand there; they hold for the whole range.
  if (vector.offsetMs !== 0) parser.failAt(brackets, "no offset modifiers allowed before range");
  if (vector.atMs !== null) {
    parser.failAt(brackets, "no @ modifiers allowed before range");
  }
  return {
    kind: "matrix",
    vector,
    ...parser.parseRange(range),
    range: { start: expr.range.start, end: close.end },
  };
}
