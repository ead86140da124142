import { compileRegexp } from "../model/regexp.js";

const CORS_HEADERS: readonly string[] = [
  "Access-Control-Allow-Headers",
  "Accept, Authorization, Content-Type, Origin",
  "Access-Control-Allow-Methods",
  "GET, POST, OPTIONS",
  "Access-Control-Expose-Headers",
  "Date",
];
const VARY: readonly string[] = ["Vary", "Origin"];

/** Headers that let scripts of other origins read an answer, by the request's Origin ("" where it has none). */
export type CorsPolicy = (origin: string) => readonly string[];

/** `pattern`: RE2 syntax, anchored (`--web.cors.origin`). Throws RefusalError where it is not valid. */
export function openCorsPolicy(pattern: string): CorsPolicy {
  const allowed = compileRegexp(pattern);
  return (origin) => {
    if (origin === "") return VARY;
    if (!allowed.test(origin)) return [...VARY, ...CORS_HEADERS];
    return [...VARY, ...CORS_HEADERS, "Access-Control-Allow-Origin", origin];
  };
}
