import { dirname } from "node:path";
import { yaml } from "../base/yaml.js";
import type { RateLimit, WebSettings } from "../http/web-settings.js";
import { parseDuration } from "../model/duration.js";
import { readText, refuse, section, text } from "./config-fields.js";
import { readCredentials } from "./web-config-access.js";
import { readTls } from "./web-config-tls.js";

/** Headers that may be set, with the values that they may have; null: any. */
const HEADERS: Readonly<Record<string, readonly string[] | null>> = {
  "Content-Security-Policy": null,
  "X-Frame-Options": ["deny", "sameorigin"],
  "X-Content-Type-Options": ["nosniff"],
  "X-XSS-Protection": null,
  "Strict-Transport-Security": null,
};
const TOP: readonly string[] = [
  "tls_server_config",
  "http_server_config",
  "basic_auth_users",
  "rate_limit",
  "varve_access",
];

/**
 * Reads `--web.config.file`, in the schema of Prometheus' exporter-toolkit with `varve_access` beside it. Files that
 * it names are relative to its folder; it and they are added to `files`. Throws RefusalError("bad_data") naming the key that is wrong: a setting that
 * is not understood must not be taken for security that is there.
 */
export function readWebConfig(path: string, files: string[]): WebSettings {
  const folder = dirname(path);
  files.push(path);
  const top = section(load(path), path, TOP);
  const http = section(top["http_server_config"], "http_server_config", ["http2", "headers"]);
  return {
    tls: readTls(top["tls_server_config"], folder, files),
    credentials: readCredentials(top, folder, files),
    rateLimit: readRateLimit(top["rate_limit"]),
    answerHeaders: readHeaders(http["headers"]),
  };
}

function load(path: string): unknown {
  const source = readText(path);
  try {
    return yaml().parse(source, { prettyErrors: false });
  } catch (error) {
    // Without the line itself: it may hold a secret.
    throw refuse(`${path}: ${(error as Error).message.split("\n")[0]}`);
  }
}

function readHeaders(value: unknown): readonly string[] {
  const headers = section(value, "http_server_config.headers", Object.keys(HEADERS));
  return Object.keys(headers).flatMap((name) => {
    const header = text(headers, name);
    if (/[\r\n]/.test(header)) throw refuse(`${name} has more than one line`);
    const values = HEADERS[name] ?? null;
    if (values !== null && !values.includes(header)) throw refuse(`${name} is none of ${values.join(", ")}`);
    return [name, header];
  });
}

function readRateLimit(value: unknown): RateLimit | null {
  const limit = section(value, "rate_limit", ["interval", "burst"]);
  if (limit["interval"] === undefined || limit["interval"] === 0) return null;
  const intervalMs = duration(text(limit, "interval"));
  const burst = limit["burst"];
  if (typeof burst !== "number" || !Number.isInteger(burst) || burst < 1) {
    throw refuse("rate_limit.burst is not a number of at least 1: no request would ever pass");
  }
  return intervalMs === 0 ? null : { intervalMs, burst };
}

/** Milliseconds. Go's microseconds, which Prometheus' own durations do not know, are understood too. */
function duration(source: string): number {
  const micro = /^(\d+)[uµ]s$/.exec(source);
  if (micro !== null) return Number(micro[1]) / 1000;
  try {
    return parseDuration(source);
  } catch {
    throw refuse("rate_limit.interval is not a duration: 10ms or 1s would be");
  }
}
