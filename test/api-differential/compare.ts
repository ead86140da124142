/**
 * Holds one reply to another. Exact are: status, the headers that request.ts keeps, and the body to the byte, with
 * these exceptions: results of queries are compared as the PromQL differential does (values within 1e-12, the order
 * of instant vectors where it means something), the time of what is asked about now within seconds, and what tells
 * of the process and not of the data by its shape.
 */
import { differenceOf as resultDifference } from "../differential/compare.js";
import type { Answer } from "../differential/request.js";
import { readDifference } from "./read-answers.js";
import { type ApiRequest, paramOf, type Reply } from "./request.js";

/** Two requests that go out together are answered within this time. */
const NOW_SECONDS = 30;
/** Members whose value is the process' own: held to their type. */
const VOLATILE: ReadonlyMap<string, readonly string[] | "all"> = new Map<string, readonly string[] | "all">([
  ["/api/v1/status/runtimeinfo", "all"],
  ["/api/v1/status/buildinfo", "all"],
  ["/api/v1/status/flags", "all"],
  ["/api/v1/status/config", "all"],
  ["/api/v1/status/walreplay", "all"],
  ["/api/v1/status/tsdb", ["chunkCount"]],
  ["/api/v1/admin/tsdb/snapshot", ["name"]],
  ["/api/v1/query", ["timings", "peakSamples"]],
  ["/api/v1/query_range", ["timings", "peakSamples"]],
]);
const BODY_IS_ITS_OWN: readonly string[] = ["/metrics", "/"];

export function differenceOf(request: ApiRequest, actual: Reply, expected: Reply): string | null {
  if (actual.status !== expected.status) return `${summary(actual)} instead of ${summary(expected)}`;
  for (const name of new Set([...Object.keys(actual.headers), ...Object.keys(expected.headers)])) {
    const [own, other] = [actual.headers[name], expected.headers[name]];
    if (own !== other) return `header ${name}: ${own ?? "none"} instead of ${other ?? "none"}`;
  }
  if (actual.body === expected.body || BODY_IS_ITS_OWN.includes(request.path)) return null;
  // Chunks are cut differently: test/peers/reading.test.ts reads them.
  if (actual.headers["content-type"]?.startsWith("application/x-streamed-protobuf")) return null;
  if (request.path === "/api/v1/read" && expected.status === 200) return readDifference(actual, expected);
  const [own, other] = [parseOrNull(actual.body), parseOrNull(expected.body)];
  if (own === null || other === null) return `body ${cut(actual.body)} instead of ${cut(expected.body)}`;
  return jsonDifference(request, own, other, actual, expected);
}

export function summary({ status, body }: Reply): string {
  return `${status} ${cut(body)}`;
}

function cut(text: string): string {
  return text.length > 400
    ? `${JSON.stringify(text.slice(0, 400))} … (${text.length})`
    : JSON.stringify(text);
}

export interface Envelope {
  readonly status?: string;
  readonly data?: unknown;
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

export function parseOrNull(body: string): Envelope | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : null;
  } catch {
    return null;
  }
}

function jsonDifference(
  request: ApiRequest,
  own: Envelope,
  other: Envelope,
  actual: Reply,
  expected: Reply,
): string | null {
  const path = request.path;
  if (path === "/api/v1/series" && isSameSet(own, other)) return null;
  if (isResult(own) && isResult(other)) return queryDifference(request, own, other);
  const [a, b] = [JSON.stringify(own), JSON.stringify(other)];
  if (a === b) return `the same JSON in other bytes: ${cut(actual.body)} instead of ${cut(expected.body)}`;
  const found = memberDifference(own, other, "", VOLATILE.get(path) ?? []);
  return found === null || path !== "/api/v1/status/tsdb" ? found : tsdbDifference(own, other, found);
}

/** Prometheus gives the series of one selector in the order of its storage. */
function isSameSet(own: Envelope, other: Envelope): boolean {
  const sorted = ({ data, ...rest }: Envelope): string =>
    JSON.stringify([rest, Array.isArray(data) ? data.map((one) => JSON.stringify(one)).sort() : data]);
  return sorted(own) === sorted(other);
}

interface ResultData {
  readonly resultType: string;
  readonly result: readonly unknown[];
  readonly stats?: unknown;
}

function isResult(envelope: Envelope): envelope is Envelope & { data: ResultData } {
  const { data } = envelope;
  return typeof data === "object" && data !== null && "resultType" in data;
}

function queryDifference(
  request: ApiRequest,
  own: Envelope & { data: ResultData },
  other: Envelope & { data: ResultData },
): string | null {
  const keys = (value: object): string => Object.keys(value).join();
  if (keys(own) !== keys(other)) return `members ${keys(own)} instead of ${keys(other)}`;
  if (keys(own.data) !== keys(other.data)) return `data has ${keys(own.data)} instead of ${keys(other.data)}`;
  const stats = memberDifference(own.data.stats ?? {}, other.data.stats ?? {}, "stats", [
    "timings",
    "peakSamples",
  ]);
  if (stats !== null) return stats;
  const asked = {
    query: paramOf(request, "query"),
    times: { kind: "instant", timeMs: 0 },
  } as const;
  const found = resultDifference(asked, atOneTime(own, other), other as unknown as Answer);
  return found === null ? null : found.text;
}

/** What was asked about now has the time of the other's answer where they are seconds apart. */
function atOneTime(own: Envelope & { data: ResultData }, other: Envelope & { data: ResultData }): Answer {
  const nowSeconds = Date.now() / 1000;
  const firstTime = ({ data }: { data: ResultData }): number => {
    const [first] = data.result;
    if (data.resultType === "vector") {
      const { value, histogram } = (first ?? {}) as { value?: [number]; histogram?: [number] };
      return (value ?? histogram ?? [0])[0];
    }
    return typeof first === "number" ? first : 0;
  };
  const [a, b] = [firstTime(own), firstTime(other)];
  if (a === b || Math.abs(a - b) > NOW_SECONDS || Math.abs(a - nowSeconds) > NOW_SECONDS) {
    return own as unknown as Answer;
  }
  const text = JSON.stringify(own).replaceAll(`[${a},`, `[${b},`);
  return JSON.parse(text) as Answer;
}

/** `volatile`: members that are held to their type alone. */
function memberDifference(
  own: unknown,
  other: unknown,
  at: string,
  volatile: readonly string[] | "all",
): string | null {
  const said = `${at || "body"}: ${cut(JSON.stringify(own) ?? "nothing")} instead of ${cut(JSON.stringify(other) ?? "nothing")}`;
  if (Array.isArray(own) && Array.isArray(other)) {
    if (own.length !== other.length) return said;
    for (const [i, item] of own.entries()) {
      const found = memberDifference(item, other[i], `${at}[${i}]`, volatile);
      if (found !== null) return found;
    }
    return null;
  }
  if (typeof own === "object" && typeof other === "object" && own !== null && other !== null) {
    if (Object.keys(own).join() !== Object.keys(other).join()) return said;
    for (const [key, item] of Object.entries(own)) {
      const inside = volatile === "all" && at !== "" ? "all" : volatile;
      const free = inside === "all" ? at !== "" : inside.includes(key);
      const counterpart = (other as Record<string, unknown>)[key];
      const found = free
        ? typeDifference(item, counterpart, `${at}.${key}`)
        : memberDifference(item, counterpart, `${at}.${key}`, inside);
      if (found !== null) return found;
    }
    return null;
  }
  return own === other ? null : said;
}

function typeDifference(own: unknown, other: unknown, at: string): string | null {
  const isObject = typeof own === "object" && typeof other === "object" && own !== null && other !== null;
  if (isObject && Object.keys(own).join() !== Object.keys(other).join()) {
    return `${at}: members ${Object.keys(own)} instead of ${Object.keys(other)}`;
  }
  const kind = (value: unknown): string =>
    typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? "time" : typeof value;
  return kind(own) === kind(other)
    ? null
    : `${at}: ${JSON.stringify(own)} instead of ${JSON.stringify(other)}`;
}

interface Entry {
  readonly name: string;
  readonly value: number;
}

/** Entries of equal value come in any order, and any of them may be the last one within the limit. */
function tsdbDifference(own: Envelope, other: Envelope, found: string): string | null {
  const settled = ({ data }: Envelope): string => {
    const lists = Object.entries(data as Record<string, Entry[]>).map(([name, entries]) => {
      if (!Array.isArray(entries)) return [name, { ...(entries as object), chunkCount: 0 }];
      const least = entries.at(-1)?.value;
      const sure = entries
        .filter(({ value }) => value !== least)
        .map(({ name: of, value }) => `${of} ${value}`);
      return [name, entries.length, least, sure.sort()];
    });
    return JSON.stringify(lists);
  };
  return settled(own) === settled(other) ? null : found;
}
