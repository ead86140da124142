/** End of what looks like a number at `at`; not `ok` where it breaks off, for instance before a unit. */
export interface ScannedNumber {
  readonly end: number;
  readonly ok: boolean;
}

const DECIMAL = "0123456789";
const HEX = "0123456789abcdefABCDEF";

/** Prometheus' numbers: decimal, hexadecimal, `_` between digits, an exponent; `1_000`, `0x1f`, `.5e-3`. */
export function scanNumber(input: string, at: number): ScannedNumber {
  let end = at;
  const peek = (): string => input[end] ?? "";
  const accept = (chars: string): boolean => {
    if (end >= input.length || !chars.includes(peek())) return false;
    end++;
    return true;
  };
  let digits = DECIMAL;
  if (accept("0") && accept("xX")) {
    accept("_");
    digits = HEX;
  }
  accept(".");
  accept(digits);
  let dotSeen = false;
  let exponentSeen = false;
  // In this order: behind the first digit of a hexadecimal number an `e` is an exponent, as in Prometheus.
  while (end < input.length && `${digits}._eE`.includes(peek())) {
    if (accept(".")) {
      if (dotSeen || accept("_.") || digits === HEX) return { end, ok: false };
      dotSeen = true;
    } else if (accept("eE")) {
      if (exponentSeen) return { end, ok: false };
      exponentSeen = true;
      accept("+-");
      if (accept("._eE") || end >= input.length) return { end, ok: false };
    } else if (accept("_")) {
      if (accept("._eE") || end >= input.length) return { end, ok: false };
    } else {
      while (accept(digits));
    }
  }
  return { end, ok: end > at && !/^[a-zA-Z0-9_]$/.test(peek()) };
}

/** The value of a scanned number; null where it is not one after all (`0x`, `1__0`). */
export function parseNumberOrNull(text: string): number | null {
  const lower = text.toLowerCase();
  if (lower === "inf") return Infinity;
  if (lower === "nan") return Number.NaN;
  if (/^0[0-7_]*$/.test(lower) && lower.length > 1 && !lower.includes("__")) {
    // As in Go, a leading zero makes an octal integer.
    return Number.parseInt(lower.replaceAll("_", ""), 8);
  }
  if (/^0x(_?[0-9a-f])+$/.test(lower)) return Number(lower.replaceAll("_", ""));
  const value = Number(decimalOrNull(lower) ?? Number.NaN);
  return Number.isFinite(value) ? value : null;
}

/** A decimal number without its underscores, however large; null where it is none. */
export function decimalOrNull(text: string): string | null {
  const joined = text.replaceAll(/(?<=[0-9])_(?=[0-9])/g, "");
  return /^([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(joined) ? joined : null;
}
