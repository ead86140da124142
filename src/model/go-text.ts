/**
 * Text as Go's strconv prints and reads it: error messages and printed queries must be Prometheus' to the byte.
 */

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
};
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

function quoteWith(text: string, quote: string): string {
  let out = quote;
  for (const char of text) {
    const short = SHORT_ESCAPES[char];
    if (char === quote) out += `\\${char}`;
    else if (short !== undefined) out += short;
    else if (PRINTABLE.test(char)) out += char;
    else out += escapeRune(char.codePointAt(0) as number);
  }
  return out + quote;
}

function escapeRune(rune: number): string {
  // A byte that was no UTF-8 (see `unquoteOrNull`).
  if (rune >= 0xdc80 && rune <= 0xdcff) return `\\x${(rune - 0xdc00).toString(16)}`;
  if (rune < 0x80) return `\\x${rune.toString(16).padStart(2, "0")}`;
  if (rune < 0x10000) return `\\u${rune.toString(16).padStart(4, "0")}`;
  return `\\U${rune.toString(16).padStart(8, "0")}`;
}

/** `%q` of a string. */
export function quote(text: string): string {
  return quoteWith(text, '"');
}

/** `%q` of the rune that `char` starts with; "" is the end of the input. A byte that was no UTF-8 is U+FFFD. */
export function quoteRune(char: string): string {
  return char === "" || !isUtf8(char)
    ? "'�'"
    : quoteWith(String.fromCodePoint(char.codePointAt(0) as number), "'");
}

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": 92,
  "'": 39,
  '"': 34,
};
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The value of a quoted string of any of the three quotes; null where its escapes are not valid. */
export function unquoteOrNull(quoted: string): string | null {
  const mark = quoted[0];
  const body = quoted.slice(1, -1);
  if (quoted.length < 2 || quoted.at(-1) !== mark) return null;
  if (mark === "`") return body.includes("`") ? null : body;
  if (body.includes("\n")) return null;
  if (!body.includes("\\")) return body.includes(mark as string) ? null : body;
  // Escapes may spell single bytes of a character, so the text is put together as bytes.
  const bytes: number[] = [];
  for (let at = 0; at < body.length; ) {
    if (body[at] !== "\\") {
      const rune = String.fromCodePoint(body.codePointAt(at) as number);
      bytes.push(...encoder.encode(rune));
      at += rune.length;
      continue;
    }
    const next = readEscape(body, at + 1, bytes);
    if (next < 0) return null;
    at = next;
  }
  return decodeBytes(Uint8Array.from(bytes));
}

/** Bytes that are no UTF-8 become lone surrogates (U+DC80 + byte - 0x80), so that they can be told. */
export function decodeBytes(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    const parts: string[] = [];
    let from = 0;
    for (let at = 0; at < bytes.length; ) {
      const size = sequenceLength(bytes, at);
      if (size === 0) {
        parts.push(decoder.decode(bytes.subarray(from, at)), String.fromCharCode(0xdc00 + bytes[at]!));
        from = at + 1;
      }
      at += Math.max(size, 1);
    }
    parts.push(decoder.decode(bytes.subarray(from)));
    return parts.join("");
  }
}

/** False where `text` has bytes that were no UTF-8. */
export function isUtf8(text: string): boolean {
  return !/\p{Cs}/u.test(text);
}

/** Length of the valid sequence at `at` (RFC 3629, section 4), 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (size === 0 || at + size > bytes.length) return 0;
  const second = bytes[at + 1]!;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let k = 2; k < size; k++) if ((bytes[at + k]! & 0xc0) !== 0x80) return 0;
  return size;
}

/** Appends what the escape at `at` (behind the backslash) stands for; returns the position behind it, -1 if bad. */
function readEscape(body: string, at: number, bytes: number[]): number {
  const char = body[at] ?? "";
  const simple = SIMPLE_ESCAPES[char];
  if (simple !== undefined) {
    bytes.push(simple);
    return at + 1;
  }
  const digits = char === "x" ? 2 : char === "u" ? 4 : char === "U" ? 8 : 0;
  if (digits > 0) {
    const text = body.slice(at + 1, at + 1 + digits);
    if (text.length !== digits || !/^[0-9a-fA-F]+$/.test(text)) return -1;
    const code = Number.parseInt(text, 16);
    if (char === "x") bytes.push(code);
    else if (code > 0x10ffff) return -1;
    else bytes.push(...encoder.encode(String.fromCodePoint(code)));
    return at + 1 + digits;
  }
  const octal = body.slice(at, at + 3);
  if (!/^[0-3][0-7]{2}$/.test(octal)) return -1;
  bytes.push(Number.parseInt(octal, 8));
  return at + 3;
}

function special(value: number): string | null {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return null;
}

/** Shortest digits of a finite value and the decimal exponent of the first one. */
function digitsOf(value: number): { digits: string; exponent: number; sign: string } {
  const [mantissa, exponent] = Math.abs(value).toExponential().split("e") as [string, string];
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  return { digits: mantissa.replace(".", ""), exponent: Number(exponent), sign };
}

/** `ParseFloat(text, 64)` without hexadecimal and underscores; null where it is no number. */
export function parseFloatOrNull(text: string): number | null {
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** `FormatFloat(value, 'f', -1, 64)`: never an exponent. */
export function formatFloat(value: number): string {
  const named = special(value);
  if (named !== null) return named;
  const { digits, exponent, sign } = digitsOf(value);
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, "0");
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** `%v` and `%g` of a float: with an exponent below 1e-4 and from 1e6 on. */
export function formatFloatShort(value: number): string {
  const named = special(value);
  if (named !== null) return named;
  const { digits, exponent, sign } = digitsOf(value);
  if (value === 0 || (exponent >= -4 && exponent < 6)) return formatFloat(value);
  const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${size}`;
}

/** `strings.ToLower`: character by character, with no regard to what stands beside it. */
export function lowerCase(text: string): string {
  if (!NOT_ASCII.test(text)) return text.toLowerCase();
  let lower = "";
  // The one character whose lower case is two, of which Go takes the first.
  for (const char of text) lower += char === "\u0130" ? "i" : char.toLowerCase();
  return lower;
}

/** `strings.ToUpper`: a character whose upper case is several stays as it is, or has a single one beside them. */
export function upperCase(text: string): string {
  if (!NOT_ASCII.test(text)) return text.toUpperCase();
  let upper = "";
  for (const char of text) {
    const full = char.toUpperCase();
    upper += full.length <= char.length ? full : singleUpperCase(char);
  }
  return upper;
}

/** Or a control character: they take the long way, too. */
const NOT_ASCII = /[^ -~]/;

/** Greek letters with a iota below have a form for titles, which stands for their upper case. */
function singleUpperCase(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCodePoint(code | 8);
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return String.fromCodePoint(code + 9);
  return char;
}
