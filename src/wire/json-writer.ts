import { RefusalError } from "../base/errors.js";
import { ANSWER_BYTES_MAX } from "../base/limits.js";
import { worked } from "../base/patience.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const encoder = new TextEncoder();
/** Values whose digits are made by one call of JSON.stringify: 125 ns a value where a call for each took 310. */
const BATCH = 1024;
/** `-1.7976931348623157e+308` and a comma. */
const DIGITS_MAX = 25;
/** `,[`, a timestamp, `,"`. */
const STAMP_MAX = 28;
const SAMPLE_MAX: number = STAMP_MAX + DIGITS_MAX + 2;
const COMMA = 0x2c;
const LETTER_E = 0x65;
const LETTER_N = 0x6e;
const BRACKET_END = 0x5d;
const HEX = "0123456789abcdef";
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
    this.bytes = new Uint8Array(capacity);
  }

  /** A copy of exactly what was written: it may be handed to another thread. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
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

  /**
   * `[[seconds,"value"],…]` for the samples of one series, at least one. The series of a range query have the same
   * steps: the text of a step is made once and copied for the others.
   */
  samples(timestamps: Float64Array, values: Float64Array): void {
    batch ??= openBatch();
    const start = this.length;
    for (let from = 0; from < timestamps.length; from += BATCH) {
      const to = Math.min(from + BATCH, timestamps.length);
      worked(5 * (to - from));
      this.reserve((to - from) * SAMPLE_MAX + 1);
      this.sampleBatch(batch, timestamps, values, from, to);
    }
    this.bytes[start] = 0x5b; // instead of the first comma
    this.byte(BRACKET_END);
  }

  private sampleBatch(
    work: Batch,
    timestamps: Float64Array,
    values: Float64Array,
    from: number,
    to: number,
  ): void {
    const { numbers, digits } = work;
    numbers.length = to - from;
    for (let i = from; i < to; i++) numbers[i - from] = values[i] as number;
    encoder.encodeInto(JSON.stringify(numbers), digits);
    const { bytes } = this;
    let read = 1;
    for (let i = from; i < to; i++) {
      this.stamp(work, i - from, timestamps[i] as number);
      const start = this.length;
      let at = start;
      // JavaScript's digits are Go's, but for exponents, NaN and infinities (`null`) and -0.
      let rare = digits[read] === LETTER_N || Object.is(values[i], -0);
      for (;;) {
        const byte = digits[read++] as number;
        if (byte === COMMA || byte === BRACKET_END) break;
        if (byte === LETTER_E) rare = true;
        bytes[at++] = byte;
      }
      this.length = at;
      if (rare) {
        this.length = start;
        this.raw(printFloat(values[i] as number));
      }
      bytes[this.length++] = QUOTE;
      bytes[this.length++] = BRACKET_END;
    }
  }

  /** `,[seconds,"`, from what is kept for this place of a batch if it is the same time. */
  private stamp(work: Batch, place: number, timestampMs: number): void {
    const { stamps, stampLengths, stampTimes } = work;
    const { bytes } = this;
    const slot = place * STAMP_MAX;
    let at = this.length;
    if (stampTimes[place] === timestampMs) {
      const end = slot + (stampLengths[place] as number);
      for (let k = slot; k < end; k++) bytes[at++] = stamps[k] as number;
      this.length = at;
      return;
    }
    const start = at;
    bytes[at++] = COMMA;
    bytes[at++] = 0x5b;
    this.length = at;
    this.timestamp(timestampMs);
    bytes[this.length++] = COMMA;
    bytes[this.length++] = QUOTE;
    const length = this.length - start;
    if (length > STAMP_MAX) return;
    stamps.set(bytes.subarray(start, this.length), slot);
    stampLengths[place] = length;
    stampTimes[place] = timestampMs;
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

/** What `samples` works with. */
interface Batch {
  readonly numbers: number[];
  readonly digits: Uint8Array;
  readonly stamps: Uint8Array;
  readonly stampLengths: Uint8Array;
  readonly stampTimes: Float64Array;
}

/** One a thread: a writer is used from its beginning to its end before the next one. */
let batch: Batch | null = null;

function openBatch(): Batch {
  return {
    numbers: [],
    digits: new Uint8Array(BATCH * DIGITS_MAX + 2),
    stamps: new Uint8Array(BATCH * STAMP_MAX),
    stampLengths: new Uint8Array(BATCH),
    stampTimes: new Float64Array(BATCH).fill(Number.NaN),
  };
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
