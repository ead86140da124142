import { RefusalError } from "../base/errors.js";
import { ANSWER_BYTES_MAX } from "../base/limits.js";
import { worked } from "../base/patience.js";
import { PRINT_BATCH, PRINTED_BYTES_MAX, SamplePrinter } from "../kernel/sample-printer.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const encoder = new TextEncoder();
const COMMA = 0x2c;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const HEX = "0123456789abcdef";
/** A buffer up to this size is kept for the next answer. */
const SPARE_BYTES_MAX = 1 << 20;
/** Largest whole number whose digits `integer` writes. */
const INTEGER_MAX = 1e15;

/**
 * Writes JSON into one growing buffer, with Go's spelling of numbers and strings. Nothing is allocated per number
 * but the digits of those that are not whole.
 */
export class JsonWriter {
  private bytes: Uint8Array;
  private length = 0;
  private readonly digits: Uint8Array = new Uint8Array(20);

  constructor(capacity: number = 16 * 1024) {
    this.bytes = spare ?? new Uint8Array(capacity);
    spare = null;
  }

  /** What was written, in a buffer of its own (`giveBackBuffer`). Nothing may be written after that. */
  finish(): Uint8Array {
    const written = this.bytes.subarray(0, this.length);
    lent = this.bytes.length <= SPARE_BYTES_MAX ? this.bytes : null;
    this.bytes = NONE;
    return written;
  }

  /** `text` as it is; ASCII only. */
  raw(text: string): void {
    this.reserve(text.length);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** `text` as it is, in UTF-8. */
  utf8(text: string): void {
    this.reserve(text.length * 3);
    this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** A quoted string. `escapeHtml`: also `<`, `>`, `&`, U+2028 and U+2029, as Go does where it marshals structs. */
  string(text: string, escapeHtml = false): void {
    // Six bytes is the longest escape; three the longest UTF-8 of one UTF-16 unit.
    this.reserve(text.length * 6 + 2);
    this.bytes[this.length++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) i += this.nonAscii(text, i, unit, escapeHtml);
      else if (unit < 0x20 || unit === QUOTE || unit === BACKSLASH) this.escape(unit);
      else if (escapeHtml && (unit === 0x3c || unit === 0x3e || unit === 0x26)) this.escape(unit);
      else this.bytes[this.length++] = unit;
    }
    this.bytes[this.length++] = QUOTE;
  }

  /** A sample value: a quoted string, `strconv` 'f' with an exponent below 1e-6 and from 1e21 on. */
  float(value: number): void {
    this.reserve(32);
    this.bytes[this.length++] = QUOTE;
    if (Number.isInteger(value) && value < INTEGER_MAX && value > -INTEGER_MAX) {
      if (value < 0 || Object.is(value, -0)) this.bytes[this.length++] = 0x2d;
      this.integer(Math.abs(value));
    } else this.raw(printFloat(value));
    this.bytes[this.length++] = QUOTE;
  }

  /** Milliseconds as seconds, with three decimals unless they are all zero. */
  timestamp(timestampMs: number): void {
    if (!Number.isSafeInteger(timestampMs)) {
      this.raw(printLargeTimestamp(timestampMs));
      return;
    }
    this.reserve(24);
    if (timestampMs < 0) this.bytes[this.length++] = 0x2d;
    const absolute = Math.abs(timestampMs);
    const fraction = absolute % 1000;
    this.integer((absolute - fraction) / 1000);
    if (fraction === 0) return;
    const { bytes } = this;
    bytes[this.length++] = 0x2e;
    bytes[this.length++] = 0x30 + Math.floor(fraction / 100);
    bytes[this.length++] = 0x30 + (Math.floor(fraction / 10) % 10);
    bytes[this.length++] = 0x30 + (fraction % 10);
  }

  /** `[[seconds,"value"],…]` for the samples of one series, at least one. */
  samples(timestamps: Float64Array, values: Float64Array): void {
    const start = this.length;
    const count = timestamps.length;
    // Times ascend. Those that no longer know single milliseconds come from `@` with hostile times only.
    const printer = isPrintable(timestamps[0]) && isPrintable(timestamps[count - 1]) ? openPrinter() : null;
    for (let from = 0; from < count; from += PRINT_BATCH) {
      const to = Math.min(from + PRINT_BATCH, count);
      worked(to - from);
      this.reserve((to - from) * PRINTED_BYTES_MAX + 1);
      if (printer === null) this.samplesOneByOne(timestamps, values, from, to);
      else this.length = printer.print(timestamps, values, from, to, this.bytes, this.length);
    }
    this.bytes[start] = BRACKET; // instead of the first comma
    this.byte(BRACKET_END);
  }

  private samplesOneByOne(timestamps: Float64Array, values: Float64Array, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      this.raw(",[");
      this.timestamp(timestamps[i] as number);
      this.byte(COMMA);
      this.float(values[i] as number);
      this.byte(BRACKET_END);
    }
  }

  /** Decimal digits of a whole number in [0, 2^53); the caller has reserved room. */
  private integer(value: number): void {
    const { digits, bytes } = this;
    let rest = value;
    let count = 0;
    while (rest > 0x7fffffff) {
      const next = Math.floor(rest / 10);
      digits[count++] = 0x30 + (rest - next * 10);
      rest = next;
    }
    let small = rest | 0;
    do {
      const next = (small / 10) | 0;
      digits[count++] = 0x30 + (small - next * 10);
      small = next;
    } while (small > 0);
    let at = this.length;
    while (count > 0) bytes[at++] = digits[--count] as number;
    this.length = at;
  }

  private escape(unit: number): void {
    const { bytes } = this;
    bytes[this.length++] = BACKSLASH;
    if (unit === QUOTE || unit === BACKSLASH) bytes[this.length++] = unit;
    else if (unit === 0x0a) bytes[this.length++] = 0x6e;
    else if (unit === 0x0d) bytes[this.length++] = 0x72;
    else if (unit === 0x09) bytes[this.length++] = 0x74;
    else this.escapeHex(unit);
  }

  /** The four digits of `\uXXXX`; the backslash is there. */
  private escapeHex(unit: number): void {
    const { bytes } = this;
    bytes[this.length++] = 0x75;
    for (let shift = 12; shift >= 0; shift -= 4) {
      bytes[this.length++] = HEX.charCodeAt((unit >> shift) & 15);
    }
  }

  /** UTF-8 of the character at `i`; returns how many UTF-16 units beyond the first it took. */
  private nonAscii(text: string, i: number, unit: number, escapeHtml: boolean): number {
    const { bytes } = this;
    if (escapeHtml && (unit === 0x2028 || unit === 0x2029)) {
      bytes[this.length++] = BACKSLASH;
      this.escapeHex(unit);
      return 0;
    }
    let point = text.codePointAt(i) as number;
    const pair = point > 0xffff ? 1 : 0;
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    if (point < 0x800) bytes[this.length++] = 0xc0 | (point >> 6);
    else {
      if (pair === 0) bytes[this.length++] = 0xe0 | (point >> 12);
      else {
        bytes[this.length++] = 0xf0 | (point >> 18);
        bytes[this.length++] = 0x80 | ((point >> 12) & 63);
      }
      bytes[this.length++] = 0x80 | ((point >> 6) & 63);
    }
    bytes[this.length++] = 0x80 | (point & 63);
    return pair;
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    if (needed > ANSWER_BYTES_MAX) {
      throw new RefusalError("limit_reached", `the answer is larger than ${ANSWER_BYTES_MAX} bytes`);
    }
    const grown = new Uint8Array(Math.max(needed, Math.min(this.bytes.length * 2, ANSWER_BYTES_MAX)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

/** For who needs an answer's bytes no more: the next one is written there, if they are what `finish` gave last. */
export function giveBackBuffer({ buffer }: Uint8Array): void {
  if (buffer !== lent?.buffer) return;
  spare = lent;
  lent = null;
}

const NONE = new Uint8Array();
/** For the next writer. One a thread, as the next. */
let spare: Uint8Array | null = null;
/** May become it again. */
let lent: Uint8Array | null = null;
let printer: SamplePrinter | null = null;

function openPrinter(): SamplePrinter {
  printer ??= new SamplePrinter();
  return printer;
}

function isPrintable(timestampMs: number | undefined): boolean {
  return Number.isSafeInteger(timestampMs);
}

/** A float as Prometheus' JSON has it, without the quotes. JavaScript changes to exponents at the same sizes. */
export function printFloat(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  if (Object.is(value, -0)) return "-0";
  const text = String(value);
  const mark = text.indexOf("e");
  // Go writes at least two digits of exponent.
  return mark > 0 && text.length === mark + 3 ? `${text.slice(0, mark + 2)}0${text.slice(mark + 2)}` : text;
}

/** A float without any exponent (`strconv` 'f'): scalars are printed so. */
export function printPlainFloat(value: number): string {
  const text = printFloat(value);
  const mark = text.indexOf("e");
  if (mark < 0) return text;
  const sign = text.startsWith("-") ? "-" : "";
  const digits = text.slice(sign.length, mark).replace(".", "");
  const exponent = Number(text.slice(mark + 1));
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  return sign + digits.padEnd(exponent + 1, "0");
}

/** Beyond 2^53 ms, where a double no longer knows single milliseconds: only `@` with hostile times gets here. */
function printLargeTimestamp(timestampMs: number): string {
  const whole = BigInt(Math.trunc(timestampMs));
  const absolute = whole < 0n ? -whole : whole;
  const fraction = absolute % 1000n;
  const tail = fraction === 0n ? "" : `.${String(fraction).padStart(3, "0")}`;
  return `${whole < 0n ? "-" : ""}${absolute / 1000n}${tail}`;
}
