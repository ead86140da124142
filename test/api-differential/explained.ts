/**
 * The deliberate differences, one rule for each row of "Differences from Prometheus" in docs/API.md; a test holds the
 * two to each other. A rule says how Prometheus' reply reads in Varve's words for exactly the requests that the row
 * names; what then still differs is a difference.
 */
import { LATER_VERSIONS } from "../differential/later-version.js";
import type { Answer } from "../differential/request.js";
import { type Envelope, parseOrNull } from "./compare.js";
import { rangeRules } from "./explained-ranges.js";
import { readRules } from "./explained-read.js";
import type { Oracle } from "./oracle.js";
import { type ApiRequest, paramOf, type Reply } from "./request.js";

/** What a rule may ask beside the replies. */
export interface Evidence {
  readonly oracle: Oracle;
  /** Prometheus' reply to another request. */
  ask(request: ApiRequest): Promise<Reply>;
}

export interface Rule {
  /** The first cell of its row. */
  readonly name: string;
  /** Prometheus' reply as Varve puts it; the same object where the rule does not apply. */
  readonly restate: (
    expected: Reply,
    actual: Reply,
    request: ApiRequest,
    evidence: Evidence,
  ) => Reply | Promise<Reply>;
}

const API = "/api/v1";
/** More digits, a larger exponent or no number at all: no int64 of milliseconds. */
const BOUNDLESS_TIME = /^[+-]?(nan|inf|infinity)$/i;

function withError(expected: Reply, error: string): Reply {
  const body = `${JSON.stringify({ status: "error", errorType: "bad_data", error })}`;
  return { ...expected, status: 400, body };
}

function without(headers: Reply["headers"], ...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

function text(status: number, body: string): Reply {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

function notFound({ method }: ApiRequest): Reply {
  return text(404, method === "HEAD" ? "" : "404 page not found\n");
}

function isBoundless(value: string): boolean {
  return BOUNDLESS_TIME.test(value) || Math.abs(Number(value)) * 1000 >= 2 ** 63;
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (!Number.isNaN(seconds)) return seconds;
  return /^-?\d{9}-/.test(text) ? Number.POSITIVE_INFINITY : Date.parse(text) / 1000;
}

/** The result of a query without its time, wherever it is said. */
function timeless({ status, body }: Reply): string | null {
  const data = parseOrNull(body)?.data as { result?: unknown } | undefined;
  const text = JSON.stringify(data?.result ?? null);
  const time = /\[(-?[\d.e+]+),/.exec(text)?.[1];
  return status !== 200 || time === undefined ? null : text.replaceAll(time, "now");
}

/** The members of `own` that a later version added, left out where they say nothing. */
function withoutLater(own: unknown): unknown {
  if (Array.isArray(own)) return own.map(withoutLater);
  if (typeof own !== "object" || own === null) return own;
  const silent = (name: string, value: unknown): boolean =>
    ((name === "anchored" || name === "smoothed") && value === false) ||
    (name === "fillValues" && JSON.stringify(value) === '{"lhs":null,"rhs":null}') ||
    /^(offsetExpr|rangeExpr|stepExpr)$/.test(name);
  return Object.fromEntries(
    Object.entries(own)
      .filter(([name, value]) => !silent(name, value))
      .map(([name, value]) => [name, withoutLater(value)]),
  );
}

function restateLater(expected: Reply, actual: Reply, request: ApiRequest): Reply {
  const [own, other] = [parseOrNull(actual.body), parseOrNull(expected.body)];
  if (own === null || other === null) {
    const body = expected.body.replace(/"<Item \d+>" (<op:)/, "$1");
    return body === expected.body ? expected : { ...expected, body };
  }
  const counted = withSamplesRead(own, other);
  if (counted !== null) return { ...expected, body: goJson(counted) };
  if (JSON.stringify(withoutLater(own.data)) === JSON.stringify(other.data))
    return { ...expected, body: actual.body };
  let answer = { httpStatus: expected.status, ...other } as Answer;
  const asked = { query: paramOf(request, "query"), times: { kind: "instant", timeMs: 0 } } as const;
  const of = { httpStatus: actual.status, ...own } as Answer;
  const before = JSON.stringify(answer);
  for (const { restate } of LATER_VERSIONS) answer = restate(answer, of, asked);
  if (JSON.stringify(answer) === before) return expected;
  const { httpStatus, ...body } = answer;
  return { ...expected, status: httpStatus, body: goJson(body) };
}

interface Counted {
  readonly stats?: { readonly samples: Readonly<Record<string, number>> };
}

/** 3.14 tells how many samples were read, too: at most those that are counted for each step they are used in. */
function withSamplesRead(own: Envelope, other: Envelope): Envelope | null {
  const [samples, before] = [own.data as Counted, other.data as Counted].map((data) => data?.stats?.samples);
  const read = samples?.["samplesRead"];
  if (samples === undefined || before === undefined || read === undefined || "samplesRead" in before)
    return null;
  if (read > samples["totalQueryableSamples"]!) return null;
  const { totalQueryableSamples, ...rest } = before;
  const stats = {
    ...(other.data as Counted).stats,
    samples: { totalQueryableSamples, samplesRead: read, ...rest },
  };
  return { ...other, data: { ...(other.data as object), stats } };
}

function goJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function onlyIn(own: Envelope, other: Envelope, names: readonly string[]): boolean {
  const data = own.data as Record<string, unknown>;
  return names.every((name) => name in data && !(name in (other.data as object)));
}

/** Prometheus' members in its order, then ours. */
function withMembers(expected: Reply, actual: Reply, names: readonly string[]): Reply {
  const [own, other] = [parseOrNull(actual.body), parseOrNull(expected.body)];
  if (own === null || other === null || expected.status !== 200 || !onlyIn(own, other, names))
    return expected;
  const added = names.map((name) => [name, (own.data as Record<string, unknown>)[name]]);
  const data = { ...(other.data as object), ...Object.fromEntries(added) };
  return { ...expected, body: JSON.stringify({ ...other, data }) };
}

const WRITE: readonly Rule[] = [
  {
    name: "write: lenient Content-Type",
    restate: (expected, actual, request) => {
      const type = request.headers["Content-Type"] ?? "";
      const lenient =
        expected.status === 415 && /^as per https|^got .* content type;|as the first/.test(expected.body);
      const known =
        /^ *application\/x-protobuf *;?( *\w+(=[\w-]+)?;?)*( *;? *proto=prometheus\.WriteRequest)? *$/i.test(
          type,
        );
      const applies =
        request.path === `${API}/write` && lenient && known && [204, 400, 415].includes(actual.status);
      return applies ? { ...actual } : expected;
    },
  },
  {
    name: "write: own words",
    restate: (expected, actual, request) => {
      const refused = expected.status >= 400 && expected.status < 500 && actual.body.endsWith("\n");
      return request.path === `${API}/write` && request.method === "POST" && refused
        ? { ...expected, body: actual.body }
        : expected;
    },
  },
  {
    name: "write: counts of 2.0 with every answer",
    restate: (expected, actual, request) => {
      const isV2 = (request.headers["Content-Type"] ?? "").includes("io.prometheus.write.v2.Request");
      if (request.path !== `${API}/write` || !isV2 || expected.status < 400) return expected;
      const counts = Object.entries(actual.headers).filter(
        ([name, value]) => /^x-prometheus-remote-write-.*-written$/.test(name) && value === "0",
      );
      return counts.length === 3
        ? { ...expected, headers: { ...expected.headers, ...Object.fromEntries(counts) } }
        : expected;
    },
  },
];

const PARAMS: readonly Rule[] = [
  {
    name: "times and durations that are no number",
    restate: (expected, actual, request) => {
      const said = parseOrNull(actual.body)?.error ?? "";
      const unread = ["time", "start", "end", "step", "timeout", "lookback_delta"].some((name) => {
        const value = paramOf(request, name);
        const tail = `cannot parse "${value}" to a valid ${/^(time|start|end)$/.test(name) ? "timestamp" : "duration"}`;
        const begins =
          said.startsWith(`invalid parameter "${name}": `) ||
          said.startsWith(`invalid time value for '${name}': `) ||
          said.startsWith("error parsing lookback delta");
        return isBoundless(value) && begins && said.endsWith(tail);
      });
      // Prometheus 3.14 ends the connection where nothing is stored at the time that it makes of that.
      if (unread && actual.status === 400 && expected.status === 0) return { ...actual };
      if (unread && actual.status === 400) {
        return {
          ...withError(expected, said),
          headers: { ...expected.headers, "content-type": "application/json" },
        };
      }
      return expected;
    },
  },
  {
    name: "times of answers before 1677 and after 2262",
    restate: (expected, actual, request) => {
      const far = (name: string): boolean => Math.abs(secondsOf(paramOf(request, name))) > 9_223_372_036;
      const evaluated = ({ status }: Reply): boolean => status === 200 || status === 422;
      // Where Prometheus runs over, so many steps look like few.
      const tooMany = parseOrNull(actual.body)?.error?.startsWith("exceeded maximum resolution");
      const both = evaluated(expected) && (evaluated(actual) || tooMany);
      if (request.path === `${API}/query_range` && (far("start") || far("end")) && both) return { ...actual };
      const [own, other] = [timeless(actual), timeless(expected)];
      return request.path === `${API}/query` && far("time") && own !== null && own === other
        ? { ...expected, body: actual.body }
        : expected;
    },
  },
  {
    name: "timeouts of zero",
    restate: (expected, actual, request) => {
      const none = /^-|^0*(\.0*)?(s|ms|m)?$/.test(paramOf(request, "timeout"));
      const body = parseOrNull(actual.body);
      const late =
        expected.status === 400 && parseOrNull(expected.body)?.error?.includes("context deadline exceeded");
      return none &&
        (late || [422, 503].includes(expected.status)) &&
        actual.status === 503 &&
        body?.errorType === "timeout"
        ? { ...actual }
        : expected;
    },
  },
  {
    name: "steps below one millisecond are refused",
    restate: (expected, _, request) => {
      const error =
        'invalid parameter "step": query resolution step widths below one millisecond are not accepted';
      const divides = expected.status === 422 && expected.body.includes("integer divide by zero");
      return request.path === `${API}/query_range` && divides ? withError(expected, error) : expected;
    },
  },
  {
    name: "status/tsdb: limit at most 10,000",
    restate: (expected, _, request) =>
      request.path === `${API}/status/tsdb` && Number(paramOf(request, "limit")) > 10_000
        ? {
            ...withError(expected, "limit must not exceed 10000"),
            headers: { "content-type": "application/json", vary: "Origin", ...expected.headers },
          }
        : expected,
  },
  {
    name: "forms of other types are not read",
    restate: (expected, actual, request) =>
      (request.headers["Content-Type"] ?? "").startsWith("multipart/form-data; boundary=") &&
      request.form === null &&
      actual.status === 400
        ? { ...actual, headers: { ...expected.headers, "content-type": "application/json" } }
        : expected,
  },
];

const STATUS: readonly Rule[] = [
  {
    name: "buildinfo: own version",
    restate: (expected, actual, request) =>
      request.path === `${API}/status/buildinfo`
        ? withMembers(expected, actual, ["application", "varveVersion", "nodeVersion"])
        : expected,
  },
  {
    name: "runtimeinfo: durability and series",
    restate: (expected, actual, request) =>
      request.path === `${API}/status/runtimeinfo`
        ? withMembers(expected, actual, ["durability", "timeSeriesCount"])
        : expected,
  },
  {
    name: "flags: own flags",
    restate: (expected, actual, request) => {
      if (request.path !== `${API}/status/flags` || expected.status !== 200) return expected;
      const own = Object.entries((parseOrNull(actual.body)?.data ?? {}) as object);
      const sorted =
        own.map(([name]) => name).join() ===
        own
          .map(([name]) => name)
          .sort()
          .join();
      return own.length > 10 && sorted && own.every(([, value]) => typeof value === "string")
        ? { ...expected, body: actual.body }
        : expected;
    },
  },
];

const PAGES: readonly Rule[] = [
  {
    name: "paths are not mended",
    restate: (expected, actual, request) => {
      const mended = [301, 307, 308].includes(expected.status) && "location" in expected.headers;
      if (!mended || request.path === "/") return expected;
      return request.method === "OPTIONS" ? { ...actual, status: 204, body: "" } : notFound(request);
    },
  },
  {
    name: "pages",
    restate: (expected, actual, request) => {
      if (request.path === "/" && expected.status === 302 && actual.status === 200) {
        return { ...actual };
      }
      const own = ["/graph", "/version"].includes(request.path) && expected.status !== 404;
      return own ? notFound(request) : expected;
    },
  },
  {
    name: "HEAD of pages",
    restate: (expected, actual, { path, method }) => {
      const type = actual.headers["content-type"] ?? "";
      if (/^\/-\/(healthy|ready)$/.test(path) && method === "HEAD" && expected.status === 200) {
        return { ...expected, headers: { ...expected.headers, "content-type": type } };
      }
      if (path !== "/" && path !== "/metrics") return expected;
      if (method === "HEAD" && expected.status === 405 && actual.status === 200) return { ...actual };
      const { allow } = expected.headers;
      return allow === "GET, OPTIONS"
        ? { ...expected, headers: { ...expected.headers, allow: "GET, HEAD, OPTIONS" } }
        : expected;
    },
  },
  {
    name: "reload and quit by GET",
    restate: (expected, _, { path, method }) =>
      /^\/-\/(reload|quit)$/.test(path) && method === "GET" && expected.status === 405
        ? { ...expected, headers: { ...expected.headers, allow: "POST, PUT" } }
        : expected,
  },
  {
    name: "federate: protobuf as text",
    restate: async (expected, _, request, { ask }) => {
      const textual = /encoding=(text|compact-text)/.test(expected.headers["content-type"] ?? "");
      if (request.path !== "/federate" || !textual) return expected;
      const { Accept: __, ...headers } = request.headers;
      return ask({ ...request, headers });
    },
  },
  {
    name: "own name",
    restate: (expected) =>
      /^Prometheus Server is (Healthy|Ready)\.\n$/.test(expected.body)
        ? { ...expected, body: expected.body.replace("Prometheus Server", "Varve") }
        : expected,
  },
  {
    name: "DELETE of series",
    restate: (expected, _, { path, method }) => {
      if (path !== `${API}/series`) return expected;
      if (method === "DELETE" && expected.status === 500) {
        const { headers, ...refused } = text(405, "Method Not Allowed\n");
        return { ...refused, headers: { ...headers, allow: "GET, OPTIONS, POST" } };
      }
      const { allow } = expected.headers;
      return allow === undefined
        ? expected
        : { ...expected, headers: { ...expected.headers, allow: allow.replace("DELETE, ", "") } };
    },
  },
  {
    name: "compression",
    restate: (expected, actual) => {
      // Later versions say with every answer under /api/v1 that it varies.
      const vary = expected.headers["vary"]?.replace(/^Accept-Encoding(, )?/, "") ?? "";
      const { vary: _, ...plain } = expected.headers;
      const headers = vary === "" ? plain : { ...plain, vary };
      const encoding = headers["content-encoding"] ?? "";
      const isPlain = actual.headers["content-encoding"] === undefined;
      return ["gzip", "deflate"].includes(encoding) && isPlain
        ? { ...expected, headers: without(headers, "content-encoding") }
        : { ...expected, headers };
    },
  },
];

export const RULES: readonly Rule[] = [
  ...PAGES,
  ...WRITE,
  ...readRules,
  ...PARAMS,
  ...STATUS,
  ...rangeRules,
  { name: "later versions", restate: restateLater },
];
