import { RefusalError } from "../../base/errors.js";
import { DURATION_DEPTH_MAX } from "../../base/limits.js";
import { parseDuration } from "../../model/duration.js";
import { quote } from "../../model/go-text.js";
import type { DurationExpr, DurationNode, NumberLiteral } from "./ast.js";
import { Lexer } from "./lexer.js";
import type { ModifierTarget, ParserOptions } from "./modifiers.js";
import { ParseError, type PosRange } from "./parse-error.js";
import { decimalOrNull, parseNumberOrNull } from "./scan-number.js";
import { describeToken, type Token } from "./token.js";

/** What a token that fits nowhere is said to be unexpected in. */
export interface Context {
  readonly where: string;
  readonly expected: string;
}

const DURATION_PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ["+", 1],
  ["-", 1],
  ["*", 2],
  ["/", 2],
  ["%", 2],
  ["^", 3],
]);
/** 2^63 nanoseconds in seconds. */
const DURATION_SECONDS_MAX = 2 ** 63 / 1e9;

/** The token stream with one token of lookahead, and the part of the grammar that durations have to themselves. */
export class DurationParser implements ModifierTarget {
  readonly options: ParserOptions;
  /** End of the last closing bracket, number or duration that was read, lookahead included. */
  lastClosing = 0;
  /** End of the last token taken. */
  protected lastEnd = 0;
  private readonly query: string;
  private readonly lexer: Lexer;
  private lookahead: Token | null = null;
  private context: Context = { where: "", expected: "" };

  constructor(query: string, options: ParserOptions) {
    this.query = query;
    this.options = options;
    this.lexer = new Lexer(query);
  }

  failAt(range: PosRange, reason: string): never {
    throw new ParseError(this.query, range, reason);
  }

  protected unexpected(where: string = this.context.where, expected: string = this.context.expected): never {
    const token = this.peek();
    let reason = `unexpected ${describeToken(token)}`;
    if (where !== "") reason += ` in ${where}`;
    if (expected !== "") reason += `, expected ${expected}`;
    return this.failAt(token, reason);
  }

  protected inContext<T>(context: Context, parse: () => T): T {
    const outer = this.context;
    this.context = context;
    const result = parse();
    this.context = outer;
    return result;
  }

  protected peek(): Token {
    if (this.lookahead === null) this.lookahead = this.lexer.next();
    return this.lookahead;
  }

  protected take(): Token {
    const token = this.peek();
    this.lookahead = null;
    this.lastEnd = token.end;
    if ("})]".includes(token.kind) || token.kind === "DURATION" || token.kind === "NUMBER") {
      this.lastClosing = token.end;
    }
    return token;
  }

  protected takeIf(kind: string): boolean {
    if (this.peek().kind !== kind) return false;
    this.take();
    return true;
  }

  protected expect(kind: string): Token {
    if (this.peek().kind !== kind) this.unexpected();
    return this.take();
  }

  protected parseNumberOrDuration(): NumberLiteral {
    const token = this.peek();
    if (token.kind === "NUMBER") {
      this.take();
      return { kind: "number", value: this.parseNumber(token), isDuration: false, range: token };
    }
    if (token.kind !== "DURATION") this.unexpected();
    this.take();
    try {
      return { kind: "number", value: parseDuration(token.text) / 1000, isDuration: true, range: token };
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      return this.failAt(token, error.message);
    }
  }

  private parseNumber(token: Token): number {
    const value = parseNumberOrNull(token.text);
    if (value !== null) return value;
    const problem = decimalOrNull(token.text) === null ? "invalid syntax" : "value out of range";
    return this.failAt(
      token,
      `error parsing number: strconv.ParseFloat: parsing ${quote(token.text)}: ${problem}`,
    );
  }

  /** Seconds to whole milliseconds, by way of whole nanoseconds as Prometheus has them. */
  toMs(seconds: number): number {
    return Math.trunc(Math.round(seconds * 1e9) / 1e6);
  }

  protected rangeOf(range: DurationNode): { rangeMs: number; rangeExpr: DurationExpr | null } {
    return range.kind === "number"
      ? { rangeMs: this.toMs(range.value), rangeExpr: null }
      : { rangeMs: 0, rangeExpr: range };
  }

  parseRange(range: DurationNode): { rangeMs: number; rangeExpr: DurationExpr | null } {
    return this.rangeOf(range);
  }

  protected parsePositiveDuration(): DurationNode {
    const node = this.parseDurationExpr(0, 0);
    if (node.kind === "number" && node.value <= 0) {
      this.failAt(node.range, "duration must be greater than 0");
    }
    return node;
  }

  /**
   * Behind `offset` a bare literal or a call, with a sign or without, binds alone: `foo offset 2 ^ 2` is
   * (foo offset 2) ^ 2. A parenthesis or a second sign opens an expression that goes on.
   */
  protected parseOffsetDuration(): DurationNode {
    return this.inContext({ where: "offset", expected: "number, duration, step(), or range()" }, () => {
      const sign = this.peek();
      const signed = sign.kind === "+" || sign.kind === "-";
      if (signed) this.take();
      const token = this.peek();
      if (token.kind === "NUMBER" || token.kind === "DURATION") {
        return this.offsetLiteral(signed ? sign : null);
      }
      if (signed && (token.kind === "+" || token.kind === "-")) {
        return this.continueDuration(this.applySign(sign, this.parseDurationExpr(3, 1)), 0, 0);
      }
      if (token.kind === "(" && !signed) return this.parseDurationExpr(0, 0);
      const operand = token.kind === "(" ? this.parseDurationParens(0) : this.parseDurationCall(0);
      return signed ? negate(sign, operand) : operand;
    });
  }

  private offsetLiteral(sign: Token | null): NumberLiteral {
    const literal = this.parseNumberOrDuration();
    if (sign?.kind === "-") literal.value *= -1;
    if (isOutOfRange(literal.value)) this.failAt(sign ?? literal.range, "duration out of range");
    if (sign !== null) literal.range = { start: sign.start, end: literal.range.end };
    return literal;
  }

  private parseDurationExpr(minPrecedence: number, depth: number): DurationNode {
    if (depth > DURATION_DEPTH_MAX) this.failAt(this.peek(), "duration expression nests too deeply");
    return this.continueDuration(this.parseDurationUnary(depth), minPrecedence, depth);
  }

  private continueDuration(first: DurationNode, minPrecedence: number, depth: number): DurationNode {
    let left = first;
    let levels = depth;
    for (;;) {
      const op = this.peek();
      const precedence = DURATION_PRECEDENCE.get(op.kind) ?? 0;
      if (precedence === 0 || precedence < minPrecedence) return left;
      this.take();
      const next = op.kind === "^" ? precedence : precedence + 1;
      const right = this.parseDurationExpr(next, ++levels);
      this.requireDurationExprs(left.range);
      if ((op.kind === "/" || op.kind === "%") && right.kind === "number" && right.value === 0) {
        this.failAt(op, op.kind === "/" ? "division by zero" : "modulo by zero");
      }
      const range = { start: left.range.start, end: right.range.end };
      left = { kind: "duration", op: op.kind, left, right, wrapped: false, range };
    }
  }

  private parseDurationUnary(depth: number): DurationNode {
    const token = this.peek();
    if (token.kind === "+" || token.kind === "-") {
      this.take();
      return this.applySign(token, this.parseDurationExpr(3, depth + 1));
    }
    if (token.kind === "(") return this.parseDurationParens(depth);
    if (token.kind !== "NUMBER" && token.kind !== "DURATION") return this.parseDurationCall(depth);
    const literal = this.parseNumberOrDuration();
    if (isOutOfRange(literal.value)) this.failAt(literal.range, "duration out of range");
    return literal;
  }

  private applySign(sign: Token, operand: DurationNode): DurationNode {
    if (operand.kind === "duration") return negate(sign, operand);
    if (sign.kind === "-") operand.value *= -1;
    operand.range = { start: sign.start, end: operand.range.end };
    return operand;
  }

  private parseDurationParens(depth: number): DurationExpr {
    const open = this.take();
    const inner = this.parseDurationExpr(0, depth + 1);
    const close = this.expect(")");
    this.requireDurationExprs(inner.range);
    if (inner.kind === "duration") {
      inner.wrapped = true;
      return inner;
    }
    const range = { start: open.start, end: close.end };
    return { kind: "duration", op: "+", left: null, right: inner, wrapped: true, range };
  }

  private parseDurationCall(depth: number): DurationExpr {
    const word = this.peek();
    const pair = word.kind === "max_of" || word.kind === "min_of";
    if (!pair && word.kind !== "step" && word.kind !== "range") this.unexpected();
    this.take();
    this.expect("(");
    let left: DurationNode | null = null;
    let right: DurationNode | null = null;
    if (pair) {
      left = this.parseDurationExpr(0, depth + 1);
      this.expect(",");
      right = this.parseDurationExpr(0, depth + 1);
    }
    const close = this.expect(")");
    const range = { start: word.start, end: close.end };
    this.requireDurationExprs(range);
    return { kind: "duration", op: word.kind, left, right, wrapped: false, range };
  }

  private requireDurationExprs(range: PosRange): void {
    if (!this.options.durationExpressions) {
      this.failAt(range, "experimental duration expression is not enabled");
    }
  }
}

function isOutOfRange(seconds: number): boolean {
  return seconds > DURATION_SECONDS_MAX || seconds < -DURATION_SECONDS_MAX;
}

function negate(sign: Token, operand: DurationExpr): DurationExpr {
  if (sign.kind === "+") return operand;
  const range = { start: sign.start, end: operand.range.end };
  return { kind: "duration", op: "-", left: null, right: operand, wrapped: false, range };
}
