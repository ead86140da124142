import { RefusalError } from "../base/errors.js";
import { quote } from "./go-text.js";

const UNITS: readonly (readonly [unit: string, ms: number, exact: boolean])[] = [
  ["y", 365 * 86_400_000, true],
  ["w", 7 * 86_400_000, true],
  ["d", 86_400_000, false],
  ["h", 3_600_000, false],
  ["m", 60_000, false],
  ["s", 1000, false],
  ["ms", 1, false],
];
/** Longest duration in milliseconds: 2^63 - 1 nanoseconds. */
const DURATION_MS_MAX = 9_223_372_036_854;
const PART = /(\d+)([^\d]*)/y;

/**
 * A Prometheus duration (`1h30m`, `5m`, `0`: units from the longest to the shortest, each once) in milliseconds.
 * Throws RefusalError("bad_data") with Prometheus' words.
 */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  if (text === "") throw new RefusalError("bad_data", "empty duration string");
  const invalid = `not a valid duration string: ${quote(text)}`;
  let sumMs = 0;
  let last = -1;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    const name = part?.[2];
    if (part === null || name === undefined || name === "") throw new RefusalError("bad_data", invalid);
    const at = UNITS.findIndex(([unit]) => unit === name);
    if (at < 0) {
      throw new RefusalError("bad_data", `unknown unit ${quote(name)} in duration ${quote(text)}`);
    }
    if (at <= last) throw new RefusalError("bad_data", invalid);
    last = at;
    sumMs += Number(part[1]) * (UNITS[at]?.[1] ?? 0);
    if (sumMs > DURATION_MS_MAX) throw new RefusalError("bad_data", "duration out of range");
  }
  return sumMs;
}

/** The shortest spelling that `parseDuration` reads; `ms` is a whole number >= 0. */
export function printDuration(ms: number): string {
  if (ms === 0) return "0s";
  let rest = ms;
  let out = "";
  for (const [unit, size, exact] of UNITS) {
    // Years and weeks only where nothing is left over: 8d is easier to read than 1w1d.
    if (exact && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count > 0) out += `${count}${unit}`;
    rest -= count * size;
  }
  return out;
}
