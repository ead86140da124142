import { RefusalError } from "../../base/errors.js";
import { EXPRESSION_DEPTH_MAX } from "../../base/limits.js";
import { quote, unquoteOrNull } from "../../model/go-text.js";
import { METRIC_NAME } from "../../model/labels.js";
import type { Matcher, MatcherOp } from "../../model/matcher.js";
import { compileRegexp } from "../../model/regexp.js";
import type { AggregateExpr, Expr, VectorMatching, VectorSelector } from "./ast.js";
import { checkExpr } from "./checker.js";
import { DurationParser } from "./duration-parser.js";
import { functionSignatures } from "./function-signatures.js";
import { isValidLabelName } from "./label-name.js";
import {
  applyAt,
  applyAtEdge,
  applyExtended,
  applyOffset,
  makeMatrix,
  type ParserOptions,
} from "./modifiers.js";
import {
  aggregatorSet,
  isLabelWord,
  isMetricWord,
  startsExpression,
  type Token,
  takesParam,
} from "./token.js";

export type { ParserOptions } from "./modifiers.js";

const PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ["or", 1],
  ["and", 2],
  ["unless", 2],
  ...["==", ">=", ">", "<", "<=", "!=", "</", ">/"].map((op) => [op, 3] as const),
  ["+", 4],
  ["-", 4],
  ["*", 5],
  ["/", 5],
  ["%", 5],
  ["atan2", 5],
  ["^", 6],
]);
/** Unary signs bind as `*` does: `-2 ^ 2` is -(2 ^ 2). */
const UNARY_PRECEDENCE = 5;
const FUNCTION_WORDS: ReadonlySet<string> = new Set(["start", "end", "step", "range", "max_of", "min_of"]);

/** Parses and type-checks a query. Throws ParseError (a RefusalError "bad_data") with Prometheus' words. */
export function parseExpr(query: string, options: ParserOptions = {}): Expr {
  const expr = new Parser(query, options).parseQuery();
  checkExpr(query, expr);
  return expr;
}

/** The matchers of a selector, as `match[]` parameters have them: `up`, `{job="x"}`. Throws ParseError. */
export function parseMetricSelector(text: string): readonly Matcher[] {
  return new Parser(text, {}).parseSelectorOnly().matchers;
}

class Parser extends DurationParser {
  parseQuery(): Expr {
    if (this.peek().kind === "EOF") this.failAt({ start: 0, end: 0 }, "no expression found in input");
    const expr = this.parseBinary(0, 0);
    if (this.peek().kind !== "EOF") this.unexpected();
    return expr;
  }

  parseSelectorOnly(): VectorSelector {
    const kind = this.peek().kind;
    if (kind !== "{" && !isMetricWord(kind)) this.unexpected();
    const selector = this.parseVectorSelector();
    if (this.peek().kind !== "EOF") this.unexpected();
    return selector;
  }

  private parseBinary(minPrecedence: number, depth: number): Expr {
    let left = this.parseUnary(depth);
    let levels = depth;
    for (;;) {
      const op = this.peek();
      const precedence = PRECEDENCE.get(op.kind) ?? 0;
      if (precedence === 0 || precedence < minPrecedence) return left;
      this.checkDepth(++levels);
      this.take();
      const modifiers = this.parseBinaryModifiers();
      // `^` groups to the right, all others to the left.
      const right = this.parseBinary(op.kind === "^" ? precedence : precedence + 1, levels);
      const range = { start: left.range.start, end: right.range.end };
      const { fillLeft, fillRight } = modifiers.matching;
      if (!this.options.fillModifiers && (fillLeft !== null || fillRight !== null)) {
        this.failAt(range, "binop fill modifiers are experimental and not enabled");
      }
      left = { kind: "binary", op: op.kind, left, right, ...modifiers, range };
    }
  }

  private checkDepth(depth: number): void {
    if (depth > EXPRESSION_DEPTH_MAX) {
      this.failAt(this.peek(), `expression nests deeper than ${EXPRESSION_DEPTH_MAX} levels`);
    }
  }

  private parseUnary(depth: number): Expr {
    this.checkDepth(depth);
    const op = this.peek();
    if (op.kind !== "+" && op.kind !== "-") return this.parsePostfix(this.parsePrimary(depth));
    this.take();
    const expr = this.parseBinary(UNARY_PRECEDENCE + 1, depth + 1);
    const range = { start: op.start, end: expr.range.end };
    if (expr.kind !== "number") return { kind: "unary", op: op.kind, expr, range };
    if (op.kind === "-") expr.value *= -1;
    expr.range = range;
    return expr;
  }

  private parseBinaryModifiers(): { returnBool: boolean; matching: VectorMatching } {
    const matching: VectorMatching = {
      card: "one-to-one",
      labels: [],
      on: false,
      include: [],
      fillLeft: null,
      fillRight: null,
    };
    const returnBool = this.takeIf("bool");
    const side = this.peek().kind;
    if (side === "on" || side === "ignoring") {
      this.take();
      matching.on = side === "on";
      matching.labels = this.parseGrouping();
      const group = this.peek().kind;
      if (group === "group_left" || group === "group_right") {
        this.take();
        matching.card = group === "group_left" ? "many-to-one" : "one-to-many";
        const next = this.peek().kind;
        // An operand or a filling may follow at once; anything else is taken for labels that went wrong.
        if (next === "(" || !(startsExpression(next) || next.startsWith("fill")))
          matching.include = this.parseGrouping();
      }
    }
    this.parseFill(matching);
    return { returnBool, matching };
  }

  private parseFill(matching: VectorMatching): void {
    if (this.takeIf("fill")) {
      matching.fillLeft = this.parseFillValue();
      matching.fillRight = matching.fillLeft;
      return;
    }
    const first = this.peek().kind;
    if (first !== "fill_left" && first !== "fill_right") return;
    this.take();
    const value = this.parseFillValue();
    if (first === "fill_left") matching.fillLeft = value;
    else matching.fillRight = value;
    if (!this.takeIf(first === "fill_left" ? "fill_right" : "fill_left")) return;
    const other = this.parseFillValue();
    if (first === "fill_left") matching.fillRight = other;
    else matching.fillLeft = other;
  }

  private parseFillValue(): number {
    this.expect("(");
    const negative = this.peek().kind === "-";
    if (negative || this.peek().kind === "+") this.take();
    const literal = this.parseNumberOrDuration();
    this.expect(")");
    return negative ? -literal.value : literal.value;
  }

  private parsePostfix(primary: Expr): Expr {
    let expr = primary;
    for (;;) {
      switch (this.peek().kind) {
        case "offset":
          this.take();
          applyOffset(this, expr, this.parseOffsetDuration());
          break;
        case "@":
          this.take();
          this.parseAt(expr);
          break;
        case "anchored":
        case "smoothed":
          applyExtended(this, expr, this.take().kind as "anchored" | "smoothed");
          break;
        case "[":
          expr = this.parseBrackets(expr);
          break;
        default:
          return expr;
      }
    }
  }

  private parseAt(expr: Expr): void {
    this.inContext({ where: "@", expected: "timestamp" }, () => {
      const token = this.peek();
      if (token.kind === "start" || token.kind === "end") {
        this.take();
        this.expect("(");
        this.expect(")");
        applyAtEdge(this, expr, token.kind);
        return;
      }
      const negative = token.kind === "-";
      if (negative || token.kind === "+") this.take();
      const { value } = this.parseNumberOrDuration();
      applyAt(this, expr, negative ? -value : value);
    });
  }

  private parseBrackets(expr: Expr): Expr {
    const open = this.take();
    const range = this.inContext(
      { where: "subquery or range selector", expected: "number, duration, step(), or range()" },
      () => this.parsePositiveDuration(),
    );
    const kind = this.peek().kind;
    if (kind === "]") return makeMatrix(this, expr, open, range, this.take());
    if (kind !== ":") this.unexpected("subquery or range", '":" or "]"');
    this.take();
    if (this.peek().kind === "]") return this.makeSubquery(expr, range, null);
    const step = this.inContext(
      { where: "subquery selector", expected: 'number, duration, step(), range(), or "]"' },
      () => this.parsePositiveDuration(),
    );
    if (this.peek().kind !== "]") this.unexpected("subquery selector", '"]"');
    return this.makeSubquery(expr, range, step);
  }

  private makeSubquery(
    expr: Expr,
    range: ReturnType<Parser["parsePositiveDuration"]>,
    step: typeof range | null,
  ): Expr {
    const close = this.take();
    return {
      kind: "subquery",
      expr,
      ...this.rangeOf(range),
      stepMs: step?.kind === "number" ? this.toMs(step.value) : 0,
      stepExpr: step?.kind === "duration" ? step : null,
      offsetMs: 0,
      offsetExpr: null,
      atMs: null,
      atEdge: null,
      range: { start: expr.range.start, end: close.end },
    };
  }

  private parsePrimary(depth: number): Expr {
    const token = this.peek();
    if (aggregatorSet.has(token.kind)) return this.parseAggregateOrMetric(depth);
    switch (token.kind) {
      case "NUMBER":
      case "DURATION":
        return this.parseNumberOrDuration();
      case "STRING":
        this.take();
        return { kind: "string", value: this.unquote(token), range: token };
      case "(": {
        this.take();
        const expr = this.parseBinary(0, depth + 1);
        const close = this.expect(")");
        return { kind: "paren", expr, range: { start: token.start, end: close.end } };
      }
      case "{":
        return this.parseVectorSelector();
      default:
        if (!isMetricWord(token.kind)) this.unexpected();
        return this.parseWord(depth);
    }
  }

  /** A call where a parenthesis follows, else a metric name. */
  private parseWord(depth: number): Expr {
    const word = this.take();
    const callable = word.kind === "IDENTIFIER" || FUNCTION_WORDS.has(word.kind);
    if (this.peek().kind !== "(" || !callable) return this.parseVectorSelector(word);
    const args = this.parseArguments(depth);
    const fn = functionSignatures.get(word.text);
    if (fn === undefined) return this.failAt(word, `unknown function with name ${quote(word.text)}`);
    if (fn.experimental && !this.options.experimentalFunctions) {
      this.failAt(word, `function ${quote(word.text)} is not enabled`);
    }
    return { kind: "call", fn, args, range: { start: word.start, end: this.lastEnd } };
  }

  private parseArguments(depth: number): Expr[] {
    this.expect("(");
    const args: Expr[] = [];
    if (this.takeIf(")")) return args;
    for (;;) {
      args.push(this.parseBinary(0, depth + 1));
      if (this.takeIf(")")) return args;
      const comma = this.expect(",");
      // Whatever cannot begin another argument: the comma is what is wrong then.
      if (!startsExpression(this.peek().kind))
        this.failAt(comma, "trailing commas not allowed in function call args");
    }
  }

  private parseAggregateOrMetric(depth: number): Expr {
    const op = this.take();
    const next = this.peek().kind;
    // `sum` alone, or with a selector, an operator or a modifier behind it, is the metric of that name.
    if (next !== "(" && next !== "by" && next !== "without") return this.parseVectorSelector(op);
    return this.inContext({ where: "aggregation", expected: "" }, () => this.parseAggregate(op, depth));
  }

  private parseAggregate(op: Token, depth: number): AggregateExpr {
    let modifier = this.parseAggregateModifier();
    const args = this.parseArguments(depth);
    let end = this.lastEnd;
    if (modifier === null) {
      modifier = this.parseAggregateModifier();
      if (modifier !== null) end = this.lastEnd;
    }
    const range = { start: op.start, end };
    if (args.length === 0) this.failAt(range, "no arguments for aggregate expression provided");
    const wanted = takesParam(op.kind) ? 2 : 1;
    if (op.kind.startsWith("limit") && !this.options.experimentalFunctions) {
      const how = "must be enabled with --enable-feature=promql-experimental-functions";
      this.failAt(range, `${op.kind}() is experimental and ${how}`);
    }
    if (args.length !== wanted) {
      this.failAt(
        range,
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      );
    }
    return {
      kind: "aggregate",
      op: op.kind,
      expr: args[wanted - 1] as Expr,
      param: wanted === 2 ? (args[0] as Expr) : null,
      grouping: modifier?.grouping ?? [],
      without: modifier?.without ?? false,
      range,
    };
  }

  private parseAggregateModifier(): { grouping: string[]; without: boolean } | null {
    const kind = this.peek().kind;
    if (kind !== "by" && kind !== "without") return null;
    this.take();
    return { grouping: this.parseGrouping(), without: kind === "without" };
  }

  private parseGrouping(): string[] {
    if (this.peek().kind !== "(") this.unexpected("grouping opts", '"("');
    this.take();
    const labels: string[] = [];
    if (this.takeIf(")")) return labels;
    for (;;) {
      const token = this.peek();
      if (token.kind !== "STRING" && !isLabelWord(token.kind)) this.unexpected("grouping opts", "label");
      this.take();
      const label = token.kind === "STRING" ? this.unquote(token) : token.text;
      if (!isValidLabelName(label)) {
        this.failAt(token, `invalid label name for grouping: ${quote(label)}`);
      }
      labels.push(label);
      if (this.takeIf(")")) return labels;
      if (this.peek().kind !== ",") this.unexpected("grouping opts", '"," or ")"');
      this.take();
      if (this.takeIf(")")) return labels;
    }
  }

  private parseVectorSelector(word?: Token): VectorSelector {
    const first = word ?? (this.peek().kind === "{" ? undefined : this.take());
    const name = first?.text ?? "";
    const matchers: Matcher[] = [];
    let range = { start: first?.start ?? 0, end: first?.end ?? 0 };
    if (this.peek().kind === "{") {
      const open = this.take();
      const close = this.parseMatchers(matchers);
      range = { start: first?.start ?? open.start, end: close.end };
    }
    if (name !== "") matchers.push({ name: METRIC_NAME, op: "=", value: name });
    return {
      kind: "vector",
      name,
      matchers,
      anchored: false,
      smoothed: false,
      mayMatchAll: false,
      statsOnly: false,
      offsetMs: 0,
      offsetExpr: null,
      atMs: null,
      atEdge: null,
      range,
    };
  }

  private parseMatchers(matchers: Matcher[]): Token {
    if (this.peek().kind === "}") return this.take();
    for (;;) {
      const token = this.peek();
      if (token.kind !== "IDENTIFIER" && token.kind !== "STRING") {
        this.unexpected("label matching", 'identifier or "}"');
      }
      this.take();
      matchers.push(this.parseMatcher(token));
      if (this.peek().kind === "}") return this.take();
      if (this.peek().kind !== ",") this.unexpected("label matching", '"," or "}"');
      this.take();
      if (this.peek().kind === "}") return this.take();
    }
  }

  private parseMatcher(name: Token): Matcher {
    const op = this.peek();
    const quoted = name.kind === "STRING" ? this.unquote(name) : null;
    if (!["=", "!=", "=~", "!~"].includes(op.kind)) {
      if (quoted !== null) return { name: METRIC_NAME, op: "=", value: quoted };
      this.unexpected("label matching", "label matching operator");
    }
    this.take();
    const value = this.peek();
    if (value.kind !== "STRING") this.unexpected("label matching", "string");
    this.take();
    const matcher: Matcher = {
      name: quoted ?? name.text,
      op: op.kind as MatcherOp,
      value: this.unquote(value),
    };
    if (matcher.op === "=~" || matcher.op === "!~") {
      try {
        compileRegexp(matcher.value);
      } catch (error) {
        if (!(error instanceof RefusalError)) throw error;
        this.failAt({ start: name.start, end: value.end }, error.message);
      }
    }
    return matcher;
  }

  private unquote(token: Token): string {
    const value = unquoteOrNull(token.text);
    if (value === null) {
      return this.failAt(token, `error unquoting string ${quote(token.text)}: invalid syntax`);
    }
    return value;
  }
}
