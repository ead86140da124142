import { RefusalError } from "../base/errors.js";
import { parseDuration } from "../model/duration.js";
import { quote } from "../model/go-text.js";

/** Values of parameters as Go's strconv and Prometheus' API read them. All throw RefusalError("bad_data"). */

/** What `strconv.ParseBool` takes. */
export const TRUE_TEXTS: readonly string[] = ["1", "t", "T", "true", "TRUE", "True"];
export const FALSE_TEXTS: readonly string[] = ["0", "f", "F", "false", "FALSE", "False"];

const DECIMAL = /^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)([eE][+-]?\d+)?$/;

const HEXADECIMAL =
  /^([+-]?)0[xX](?=[0-9a-fA-F._])(_?[0-9a-fA-F](?:_?[0-9a-fA-F])*)?(?:\.([0-9a-fA-F]*))?[pP]([+-]?\d+)$/;

/** `strconv.ParseFloat` for finite numbers; null for anything else, and where the value overflows. */
function parseFloatOrNull(text: string): number | null {
  const value = DECIMAL.test(text) ? Number(text.replaceAll("_", "")) : parseHexadecimal(text);
  return Number.isFinite(value) ? value : null;
}

function parseHexadecimal(text: string): number {
  const parts = HEXADECIMAL.exec(text);
  if (parts === null) return Number.NaN;
  const [, sign, whole = "", fraction = "", exponent] = parts;
  const digits = whole.replaceAll("_", "") + fraction;
  const value = Number(`0x${digits || "z"}`) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === "-" ? -value : value;
}

/** Of the hour, Go takes one digit, too. */
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;
/** Prometheus' own first and last time, which its clients send back to it. */
const BOUNDARY_TIMES: ReadonlyMap<string, number> = new Map([
  ["-292273086-05-16T16:47:06Z", -9_223_309_901_257_974 * 1000],
  ["292277025-08-18T07:12:54.999999999Z", 9_223_309_901_257_974 * 1000 + 999],
]);

/** Prometheus counts milliseconds in an int64, and lets what is beyond run over. */
const TIME_MS_END = 2 ** 63;

/** Seconds with decimals, or RFC 3339; milliseconds since 1970. */
export function parseTime(text: string): number {
  const seconds = parseFloatOrNull(text);
  if (seconds !== null) {
    const whole = Math.trunc(seconds);
    const ms = whole * 1000 + Math.round((seconds - whole) * 1000);
    if (Math.abs(ms) < TIME_MS_END) return ms;
  }
  const timeMs = BOUNDARY_TIMES.get(text) ?? parseRfc3339OrNull(text);
  if (timeMs !== null) return timeMs;
  throw new RefusalError("bad_data", `cannot parse ${quote(text)} to a valid timestamp`);
}

function parseRfc3339OrNull(text: string): number | null {
  const parts = RFC3339.exec(text);
  if (parts === null) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const offsetHours = Number(parts[9] ?? 0);
  const offsetMinutes = Number(parts[10] ?? 0);
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 24 || offsetMinutes > 60) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // An impossible day (31 February) moves the date on.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  const clockMs = ((hour * 60 + minute) * 60 + second) * 1000;
  const fractionMs = Math.floor(Number(`0.${parts[7] ?? 0}`) * 1000);
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000;
  return date.getTime() + clockMs + fractionMs - (parts[8] === "-" ? -offsetMs : offsetMs);
}

/** Longest duration that Go knows, in milliseconds: 2^63 nanoseconds. */
const DURATION_MS_MAX = 2 ** 63 / 1e6;

/** Seconds with decimals or a Prometheus duration (`1h30m`); milliseconds, not necessarily whole. */
export function parseApiDuration(text: string): number {
  const seconds = parseFloatOrNull(text);
  if (seconds !== null) {
    if (Math.abs(seconds * 1000) > DURATION_MS_MAX) {
      throw new RefusalError(
        "bad_data",
        `cannot parse ${quote(text)} to a valid duration. It overflows int64`,
      );
    }
    return seconds * 1000;
  }
  try {
    return parseDuration(text);
  } catch {
    throw new RefusalError("bad_data", `cannot parse ${quote(text)} to a valid duration`);
  }
}

/** `strconv.Atoi`. */
function parseInteger(text: string): number {
  return parseWhole("Atoi", text, 63n);
}

/** `strconv.ParseInt(text, 10, 32)`. */
export function parseInt32(text: string): number {
  return parseWhole("ParseInt", text, 31n);
}

function parseWhole(name: "Atoi" | "ParseInt", text: string, bits: bigint): number {
  if (!/^[+-]?\d+$/.test(text)) throw numberError(name, text, "invalid syntax");
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  if (value > 2n ** bits - 1n || value < -(2n ** bits)) throw numberError(name, text, "value out of range");
  return Number(value);
}

/** `strconv.ParseBool`. */
export function parseBool(text: string): boolean {
  if (TRUE_TEXTS.includes(text)) return true;
  if (FALSE_TEXTS.includes(text)) return false;
  throw numberError("ParseBool", text, "invalid syntax");
}

function numberError(name: string, text: string, why: string): RefusalError {
  return new RefusalError("bad_data", `strconv.${name}: parsing ${quote(text)}: ${why}`);
}

/** `limit` of the query endpoints: 0 and "" mean none. */
export function parseLimit(text: string): number {
  if (text === "") return 0;
  const limit = parseInteger(text);
  if (limit < 0) throw new RefusalError("bad_data", "limit must be non-negative");
  return limit;
}

/** `limit` and `limit_per_metric` of `/metadata`: "" means none (-1). */
export function parseMetadataLimit(name: string, text: string): number {
  if (text === "") return -1;
  try {
    return parseInteger(text);
  } catch {
    throw new RefusalError("bad_data", `${name} must be a number`);
  }
}
