import { pino } from "pino";
import { systemClock } from "./clock.js";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFormat = "logfmt" | "json";
export type LogFields = Readonly<Record<string, string | number | boolean>>;

/** One line a call. `message` is a constant text; what varies goes into `fields`. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Drops everything: for the embedded mode and tests. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Writes lines to `write`, each ending in a line feed. */
export function openLogger(format: LogFormat, level: LogLevel, write: (line: string) => void): Logger {
  const sink = { write: format === "json" ? write : (line: string) => write(`${printLogfmt(line)}\n`) };
  const log = pino(
    {
      level,
      base: null,
      messageKey: "msg",
      timestamp: () => `,"time":"${new Date(systemClock.nowMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return {
    debug: (message, fields = {}) => log.debug(fields, message),
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
  };
}

/** A JSON log line as logfmt, in the order time, level, msg, fields. */
function printLogfmt(line: string): string {
  const record = JSON.parse(line) as Record<string, unknown>;
  const { time, level, msg, ...fields } = record;
  const pairs: [string, unknown][] = [
    ["time", time],
    ["level", level],
    ["msg", msg],
    ...Object.entries(fields),
  ];
  return pairs.map(([name, value]) => `${name}=${printLogfmtValue(String(value))}`).join(" ");
}

function printLogfmtValue(value: string): string {
  return /^[^\s"=\\\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value);
}
