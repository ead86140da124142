import { RefusalError } from "../base/errors.js";
import { parseDuration } from "../model/duration.js";
import type { Option } from "./flag-table.js";

/** Values of flags. All throw RefusalError("bad_data") with a text that says what would be right. */

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KB: 2 ** 10,
  KIB: 2 ** 10,
  MB: 2 ** 20,
  MIB: 2 ** 20,
  GB: 2 ** 30,
  GIB: 2 ** 30,
  TB: 2 ** 40,
  TIB: 2 ** 40,
  PB: 2 ** 50,
  PIB: 2 ** 50,
};

/** `512MB`, `3GiB`, `1048576`. As in Prometheus, KB and KiB are both 1024 bytes. */
export function parseBytes(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$/.exec(text);
  const unit = parts === null ? undefined : UNITS[(parts[2] as string).toUpperCase()];
  const bytes = parts === null || unit === undefined ? Number.NaN : Number(parts[1]) * unit;
  if (!Number.isSafeInteger(bytes))
    throw bad(`${JSON.stringify(text)} is not a size: 512MB or 3GiB would be`);
  return bytes;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[v6]:port` or `:port`. */
export function parseAddress(text: string): Address {
  const parts = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3] ?? -1);
  if (parts === null || port > 65535) {
    throw bad(`${JSON.stringify(text)} is not an address: 127.0.0.1:9090 or :9090 would be`);
  }
  const host = parts[1] ?? parts[2] ?? "";
  return { host: host === "" ? "0.0.0.0" : host, port };
}

function parseCount(text: string, min: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(count) || count < min) {
    throw bad(`${JSON.stringify(text)} is not a whole number of at least ${min}`);
  }
  return count;
}

/** The value of `flag` as its kind has it; "auto" stays a text. */
export function parseFlagValue(flag: Option, text: string): string | number | Address {
  if (flag.auto !== undefined && text === "auto") return text;
  switch (flag.kind) {
    case "text":
    case "texts":
      return text;
    case "switch":
      if (text === "true" || text === "false") return text;
      throw bad(`${JSON.stringify(text)} is neither true nor false`);
    case "choice":
      if (flag.choices?.includes(text)) return text;
      throw bad(`${JSON.stringify(text)} is not one of ${flag.choices?.join(", ")}`);
    case "list":
      return parseList(flag, text);
    case "duration":
      return parseFlagDuration(text);
    case "bytes":
      return parseBytes(text);
    case "count":
      return parseCount(text, flag.min ?? 0);
    case "address":
      return parseAddress(text);
  }
}

/** The text itself, once every part of it is known. */
function parseList(flag: Option, text: string): string {
  if (flag.choices === undefined) return text;
  const unknown = text.split(",").find((part) => part !== "" && !flag.choices?.includes(part));
  if (unknown === undefined) return text;
  throw bad(`${JSON.stringify(unknown)} is not one of ${flag.choices?.join(", ")}`);
}

function parseFlagDuration(text: string): number {
  try {
    return parseDuration(text);
  } catch {
    throw bad(`${JSON.stringify(text)} is not a duration: 30s, 5m or 1h30m would be`);
  }
}

function bad(message: string): RefusalError {
  return new RefusalError("bad_data", message);
}
