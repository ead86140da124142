import { quote, quoteRune } from "../../model/go-text.js";
import { ParseError } from "./parse-error.js";
import { scanNumber } from "./scan-number.js";
import { reservedWords, type Token, type TokenKind } from "./token.js";

const DURATION_WORDS: ReadonlySet<string> = new Set(["step", "range", "max_of", "min_of"]);
/** Braces and brackets open worlds of their own: what follows `{` or `[` is read by other rules. */
type Mode = "statements" | "braces" | "duration";

const SINGLE_SIGNS = ",*/%+-^@";

export function isSpace(char: string): boolean {
  return char === " " || char === "\t" || char === "\n" || char === "\r";
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9" && char.length === 1;
}

function isAlpha(char: string): boolean {
  return (char >= "a" && char <= "z") || (char >= "A" && char <= "Z") || char === "_";
}

function isAlphaNumeric(char: string): boolean {
  return isAlpha(char) || isDigit(char);
}

/** What Go reads as utf8.RuneError: a byte that was no UTF-8, and U+FFFD itself. */
function isErrorRune(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  if (unit < 0xdc00 || (unit > 0xdfff && unit !== 0xfffd)) return false;
  const before = at === 0 ? 0 : text.charCodeAt(at - 1);
  return unit === 0xfffd || before < 0xd800 || before > 0xdbff;
}

/** Reads a query token by token, on demand: the first error in the order of the text is the one reported. */
export class Lexer {
  readonly input: string;
  private at = 0;
  private start = 0;
  private mode: Mode = "statements";
  private parenDepth = 0;
  private bracketOpen = false;
  private gotColon = false;
  private gotDuration = false;

  constructor(input: string) {
    this.input = input;
  }

  /** The next token; comments are skipped. Throws ParseError. */
  next(): Token {
    for (;;) {
      const token = this.scan();
      if (token !== null) return token;
    }
  }

  private scan(): Token | null {
    this.start = this.at;
    const char = this.peek();
    if (isSpace(char)) {
      while (isSpace(this.peek())) this.at++;
      return null;
    }
    if (this.mode === "duration") return this.scanDurationPart(char);
    if (char === "#") {
      while (this.at < this.input.length && !"\r\n".includes(this.peek())) this.at++;
      return null;
    }
    return this.mode === "braces" ? this.scanInsideBraces(char) : this.scanStatement(char);
  }

  /** "" at the end of the input. */
  private peek(ahead = 0): string {
    return this.input[this.at + ahead] ?? "";
  }

  private emit(kind: TokenKind, units = 0): Token {
    this.at += units;
    return { kind, start: this.start, end: this.at, text: this.input.slice(this.start, this.at) };
  }

  private fail(reason: string): never {
    throw new ParseError(this.input, { start: this.start, end: this.input.length }, reason);
  }

  private rune(ahead = 0): string {
    const code = this.input.codePointAt(this.at + ahead);
    return quoteRune(code === undefined ? "" : String.fromCodePoint(code));
  }

  private scanStatement(char: string): Token {
    if (char === "") {
      if (this.parenDepth !== 0) this.fail("unclosed left parenthesis");
      if (this.bracketOpen) this.fail("unclosed left bracket");
      return this.emit("EOF");
    }
    if (SINGLE_SIGNS.includes(char)) return this.emit(char, 1);
    if ("=!<>".includes(char)) return this.scanComparison(char);
    if (isDigit(char) || (char === "." && isDigit(this.peek(1)))) return this.scanNumberOrDuration();
    if (char === '"' || char === "'") return this.scanString(char);
    if (char === "`") return this.scanRawString();
    if (isAlpha(char) || char === ":") {
      return this.bracketOpen ? this.scanWordInBrackets(char) : this.scanWord();
    }
    return this.scanBracket(char);
  }

  private scanBracket(char: string): Token {
    switch (char) {
      case "(":
        this.parenDepth++;
        return this.emit("(", 1);
      case ")":
        return this.closeParen();
      case "{":
        this.mode = "braces";
        return this.emit("{", 1);
      case "[": {
        if (this.bracketOpen) this.fail(`unexpected left bracket ${this.rune()}`);
        this.gotColon = false;
        this.bracketOpen = true;
        this.mode = "duration";
        return this.emit("[", 1);
      }
      case "]":
        if (!this.bracketOpen) this.fail(`unexpected right bracket ${this.rune()}`);
        this.bracketOpen = false;
        return this.emit("]", 1);
      default:
        return this.fail(`unexpected character: ${this.rune()}`);
    }
  }

  private closeParen(): Token {
    this.parenDepth--;
    if (this.parenDepth < 0) {
      this.start++;
      this.fail("unexpected right parenthesis ')'");
    }
    return this.emit(")", 1);
  }

  private scanComparison(char: string): Token {
    const after = this.peek(1);
    if (char === "=") {
      if (after === "=") return this.emit("==", 2);
      if (after === "~") this.fail("unexpected character after '=': '~'");
      return this.emit("=", 1);
    }
    if (char === "!") {
      if (after !== "=") this.fail(`unexpected character after '!': ${this.rune(1)}`);
      return this.emit("!=", 2);
    }
    if (after === "=") return this.emit(`${char}=`, 2);
    return after === "/" ? this.emit(`${char}/`, 2) : this.emit(char, 1);
  }

  private scanNumberOrDuration(): Token {
    // Behind a number or duration in brackets the rules of statements hold again.
    if (this.mode === "duration") this.mode = "statements";
    const number = scanNumber(this.input, this.at);
    this.at = number.end;
    if (number.ok) return this.emit("NUMBER");
    if (this.scanUnits()) return this.emit("DURATION");
    // The scanner has looked one character beyond a complete duration.
    return this.fail(`bad number or duration syntax: ${quote(this.input.slice(this.start, this.at))}`);
  }

  private accept(chars: string): boolean {
    const char = this.peek();
    if (char === "" || !chars.includes(char)) return false;
    this.at++;
    return true;
  }

  private scanUnits(): boolean {
    if (!this.accept("smhdwy")) return false;
    this.accept("s");
    while (this.accept("0123456789")) {
      while (this.accept("0123456789"));
      if (!this.accept("smhdw")) return false;
      this.accept("s");
    }
    if (!isAlphaNumeric(this.peek())) return true;
    this.at++;
    return false;
  }

  private scanString(mark: string): Token {
    this.at++;
    for (;;) {
      const char = this.peek();
      if (char === "" || char === "\n") this.fail("unterminated quoted string");
      if (isErrorRune(this.input, this.at)) this.fail("invalid UTF-8 rune");
      this.at += char >= "\ud800" && char <= "\udbff" ? 2 : 1;
      if (char === mark) return this.emit("STRING");
      if (char === "\\") this.scanEscape(mark);
    }
  }

  private scanEscape(mark: string): void {
    const char = this.peek();
    if (char === "") this.fail("escape sequence not terminated");
    if (char === mark || "abfnrtv\\".includes(char)) {
      this.at++;
      return;
    }
    const shape =
      char >= "0" && char <= "7"
        ? { digits: 3, base: 8, max: 255 }
        : char === "x"
          ? { digits: 2, base: 16, max: 255 }
          : char === "u"
            ? { digits: 4, base: 16, max: 0x10ffff }
            : { digits: 8, base: 16, max: 0x10ffff };
    if (shape.base === 16) {
      if (!"xuU".includes(char)) this.fail(`unknown escape sequence ${this.unicodeName()}`);
      this.at++;
    }
    let code = 0;
    for (let i = 0; i < shape.digits; i++) {
      const digit = Number.parseInt(this.peek(), shape.base);
      if (Number.isNaN(digit)) {
        if (this.peek() === "") this.fail("escape sequence not terminated");
        this.fail(`illegal character ${this.unicodeName()} in escape sequence`);
      }
      code = code * shape.base + digit;
      this.at++;
    }
    if (code > shape.max || (code >= 0xd800 && code < 0xe000)) {
      this.fail("escape sequence is an invalid Unicode code point");
    }
  }

  /** `%#U` of the character at hand: `U+007A 'z'`. */
  private unicodeName(): string {
    const code = this.input.codePointAt(this.at) as number;
    return `U+${code.toString(16).toUpperCase().padStart(4, "0")} '${String.fromCodePoint(code)}'`;
  }

  private scanRawString(): Token {
    const end = this.input.indexOf("`", this.at + 1);
    for (let i = this.at + 1; i < (end < 0 ? this.input.length : end); i++) {
      if (isErrorRune(this.input, i)) this.fail("invalid UTF-8 rune");
    }
    if (end < 0) this.fail("unterminated raw string");
    this.at = end + 1;
    return this.emit("STRING");
  }

  private scanWord(): Token {
    while (isAlphaNumeric(this.peek()) || this.peek() === ":") this.at++;
    const word = this.input.slice(this.start, this.at);
    const lower = word.toLowerCase();
    if (lower === "inf" || lower === "nan") return this.emit("NUMBER");
    if (reservedWords.has(lower)) {
      // `fill` is a metric name wherever no parenthesis follows.
      if (lower.startsWith("fill") && !/^[ \t\n\r]*\(/.test(this.input.slice(this.at))) {
        return this.emit("IDENTIFIER");
      }
      return this.emit(lower);
    }
    return this.emit(word.includes(":") ? "METRIC_IDENTIFIER" : "IDENTIFIER");
  }

  private scanWordInBrackets(char: string): Token {
    if (char === ":") {
      if (this.gotColon) this.fail("unexpected colon ':'");
      this.gotColon = true;
      return this.emit(":", 1);
    }
    const word = this.scanDurationWord();
    return word ?? this.fail(`unexpected character: ${quoteRune(char)}, expected ':'`);
  }

  private scanDurationWord(): Token | null {
    const found = /^[a-zA-Z_]+/.exec(this.input.slice(this.at, this.at + 64))?.[0] ?? "";
    if (!DURATION_WORDS.has(found.toLowerCase())) return null;
    return this.emit(found.toLowerCase(), found.length);
  }

  private scanInsideBraces(char: string): Token {
    if (char === "") this.fail("unexpected end of input inside braces");
    if (isAlpha(char)) {
      while (isAlphaNumeric(this.peek())) this.at++;
      return this.emit("IDENTIFIER");
    }
    switch (char) {
      case ",":
        return this.emit(",", 1);
      case '"':
      case "'":
        return this.scanString(char);
      case "`":
        return this.scanRawString();
      case "=":
        return this.peek(1) === "~" ? this.emit("=~", 2) : this.emit("=", 1);
      case "!":
        if (this.peek(1) === "~") return this.emit("!~", 2);
        if (this.peek(1) === "=") return this.emit("!=", 2);
        return this.fail(`unexpected character after '!' inside braces: ${this.rune(1)}`);
      case "{":
        return this.fail("unexpected left brace '{'");
      case "}":
        this.mode = "statements";
        return this.emit("}", 1);
      default:
        return this.fail(`unexpected character inside braces: ${this.rune()}`);
    }
  }

  private scanDurationPart(char: string): Token {
    if (char === "") this.fail("unexpected end of input in duration expression");
    if ("+-*/%^,".includes(char)) return this.emit(char, 1);
    if (isDigit(char) || (char === "." && isDigit(this.peek(1)))) {
      this.gotDuration = true;
      return this.scanNumberOrDuration();
    }
    switch (char) {
      case "]":
        this.bracketOpen = false;
        this.gotColon = false;
        this.mode = "statements";
        return this.emit("]", 1);
      case ":":
        this.start++;
        if (!this.gotDuration) this.fail("unexpected colon before duration in duration expression");
        if (this.gotColon) this.fail("unexpected repeated colon in duration expression");
        this.start--;
        this.gotColon = true;
        return this.emit(":", 1);
      case "(":
        this.parenDepth++;
        return this.emit("(", 1);
      case ")":
        return this.closeParen();
      default:
        return (
          this.scanDurationWord() ?? this.fail(`unexpected character in duration expression: ${this.rune()}`)
        );
    }
  }
}
