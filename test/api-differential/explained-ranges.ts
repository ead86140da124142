/** What `start`, `end` and `limit` leave of labels and series: here Prometheus is rough. */
import { seriesKey } from "../support/prometheus-api.js";
import { parseOrNull } from "./compare.js";
import type { Evidence, Rule } from "./explained.js";
import type { LabelSet } from "./oracle.js";
import { type ApiRequest, paramOf, type Reply } from "./request.js";

const TRUNCATED = "results truncated due to limit";
const LABEL_VALUES = /^\/api\/v1\/label\/[^/]+\/values$/;

function isList(path: string): boolean {
  return path === "/api/v1/labels" || path === "/api/v1/series" || LABEL_VALUES.test(path);
}

function listOf(reply: Reply): unknown[] | null {
  const data = parseOrNull(reply.body)?.data;
  return Array.isArray(data) ? data : null;
}

function keysOf(list: readonly unknown[]): Set<string> {
  return new Set(list.map((item) => JSON.stringify(item)));
}

/** What the servers say without `limit`, as far as Prometheus' own answer allows to tell. */
async function fullList(
  request: ApiRequest,
  evidence: Evidence,
  without = /^limit=/,
): Promise<unknown[] | null> {
  const asked = withoutParams(request, without);
  return listOf(await evidence.ask({ ...asked, headers: contentType(request.headers) }));
}

/** The request without the pairs that match. */
export function withoutParams(request: ApiRequest, without: RegExp): ApiRequest {
  const kept = (pair: string): boolean => !without.test(pair);
  const form = request.form === null ? null : request.form.filter(kept);
  return { ...request, form, query: request.query.filter(kept) };
}

/** Of an object, in its order. */
function entriesOf(reply: Reply): [string, unknown][] {
  return Object.entries(parseOrNull(reply.body)?.data ?? {});
}

function contentType(headers: ApiRequest["headers"]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name === "Content-Type"));
}

const MS_MAX = 8.64e15;

function timeOf(text: string, defaultMs: number): number {
  if (text === "") return defaultMs;
  const ms = /^[-+.\d_xXpPeE]+$/.test(text)
    ? Number(text.replaceAll("_", "")) * 1000
    : Date.parse(text.replace(",", "."));
  return Number.isNaN(ms) ? defaultMs : ms;
}

/** Those of Prometheus' series that have a sample in the range. */
function inRange(all: readonly unknown[], request: ApiRequest, { oracle }: Evidence): LabelSet[] {
  const [startMs, endMs] = [
    timeOf(paramOf(request, "start"), -MS_MAX),
    timeOf(paramOf(request, "end"), MS_MAX),
  ];
  return (all as LabelSet[]).filter((labels) => oracle.hasSample(labels, startMs, endMs));
}

/** Everything with a sample in the range is answered, and nothing that Prometheus does not have at any time. */
async function isBetween(own: readonly unknown[], request: ApiRequest, evidence: Evidence): Promise<boolean> {
  const most = await fullList(request, evidence, /^(limit|start|end)=/);
  if (most === null) return false;
  const allowed = keysOf(most);
  if (![...keysOf(own)].every((key) => allowed.has(key))) return false;
  const sure = await sureList(request, evidence);
  const limit = Number(paramOf(request, "limit")) || Number.POSITIVE_INFINITY;
  const known = keysOf(own);
  return own.length === limit || [...keysOf(sure)].every((key) => known.has(key));
}

async function sureList(request: ApiRequest, evidence: Evidence): Promise<unknown[]> {
  const matches = [
    ...new URLSearchParams([...(request.form ?? []), ...request.query].join("&")).getAll("match[]"),
  ];
  const selectors = matches.length === 0 ? ['{__name__!=""}'] : matches;
  const query = selectors.map((one) => `match[]=${encodeURIComponent(one)}`);
  const body = new Uint8Array();
  const series = await evidence.ask({
    method: "GET",
    path: "/api/v1/series",
    query,
    form: null,
    body,
    headers: {},
  });
  const found = inRange(listOf(series) ?? [], request, evidence);
  if (request.path === "/api/v1/series") return found;
  if (request.path === "/api/v1/labels") return found.flatMap((labels) => Object.keys(labels));
  const name = decodeURIComponent(request.path.split("/")[4] ?? "");
  return found.flatMap((labels) => (labels[name] === undefined ? [] : [labels[name]]));
}

export const rangeRules: readonly Rule[] = [
  {
    name: "labels and series of a range",
    restate: async (expected, actual, request, evidence) => {
      const ranged = paramOf(request, "start") !== "" || paramOf(request, "end") !== "";
      const [own, other] = [listOf(actual), listOf(expected)];
      if (!isList(request.path) || !ranged || own === null || other === null) return expected;
      if (JSON.stringify(own) === JSON.stringify(other)) return expected;
      if (!(await isBetween(own, request, evidence))) return expected;
      const warnings = parseOrNull(actual.body)?.warnings;
      const full = own.length === Number(paramOf(request, "limit"));
      if (warnings !== undefined && !(full && warnings.join() === TRUNCATED)) return expected;
      return { ...expected, body: actual.body };
    },
  },
  {
    name: "labels: limit",
    restate: async (expected, actual, request, evidence) => {
      const limit = Number(paramOf(request, "limit"));
      const [own, other] = [listOf(actual), listOf(expected)];
      const isLabels = isList(request.path) && request.path !== "/api/v1/series";
      if (!isLabels || own?.length !== limit || other?.length !== limit) return expected;
      const full = await fullList(request, evidence);
      const first = full?.slice(0, limit);
      return JSON.stringify(first) === JSON.stringify(own) ? { ...expected, body: actual.body } : expected;
    },
  },
  {
    name: "series: limit",
    restate: async (expected, actual, request, evidence) => {
      const limit = Number(paramOf(request, "limit"));
      const [own, other] = [listOf(actual), listOf(expected)];
      if (request.path !== "/api/v1/series" || own?.length !== limit || other?.length !== limit)
        return expected;
      const full = await fullList(request, evidence);
      if (full === null) return expected;
      const allowed = keysOf(full);
      if (![...keysOf(own)].every((key) => allowed.has(key))) return expected;
      const warnings = full.length > limit ? [TRUNCATED] : undefined;
      return parseOrNull(actual.body)?.warnings?.join() === warnings?.join()
        ? { ...expected, body: actual.body }
        : expected;
    },
  },
  {
    name: "metadata: limit",
    restate: async (expected, actual, request, evidence) => {
      const limit = Number(paramOf(request, "limit"));
      const [own, other] = [entriesOf(actual), entriesOf(expected)];
      if (request.path !== "/api/v1/metadata" || own.length !== limit || other.length !== limit)
        return expected;
      const full = entriesOf(await evidence.ask(withoutParams(request, /^limit=/)));
      return JSON.stringify(own) === JSON.stringify(full.slice(0, limit))
        ? { ...expected, body: actual.body }
        : expected;
    },
  },
  {
    name: "query: limit",
    restate: async (expected, actual, request, evidence) => {
      const limit = Number(paramOf(request, "limit"));
      const [own, other] = [vectorOf(actual), vectorOf(expected)];
      if (request.path !== "/api/v1/query" || own?.length !== limit || other?.length !== limit)
        return expected;
      const warned = [actual, expected].map(({ body }) => parseOrNull(body)?.warnings?.join());
      return warned[0] === warned[1] &&
        warned[0]?.includes(TRUNCATED) &&
        isPartOf(own, await fullVector(request, evidence))
        ? { ...expected, body: actual.body }
        : expected;
    },
  },
];

interface VectorSample {
  readonly metric: LabelSet;
  readonly value?: readonly [number, string];
}

function vectorOf(reply: Reply): VectorSample[] | null {
  const data = parseOrNull(reply.body)?.data as { resultType: string; result: VectorSample[] } | undefined;
  return data?.resultType === "vector" ? data.result : null;
}

async function fullVector(request: ApiRequest, { ask }: Evidence): Promise<VectorSample[]> {
  return vectorOf(await ask(withoutParams(request, /^limit=/))) ?? [];
}

/** Of values that are no time of their own. */
function isPartOf(some: readonly VectorSample[], all: readonly VectorSample[]): boolean {
  const print = ({ metric, value }: VectorSample): string => `${seriesKey(metric)} ${value?.[1]}`;
  const known = new Set(all.map(print));
  return some.every((one) => known.has(print(one)));
}
