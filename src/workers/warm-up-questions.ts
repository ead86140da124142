/** What a server asks itself to warm up: the usual questions, about some of the series that it has. */
import type { HeadReader } from "../head/head-reader.js";
import { isLegacyLabelName, isLegacyMetricName, type Labels } from "../model/labels.js";
import type { Matcher } from "../model/matcher.js";
import { escapeRegexp } from "../model/regexp.js";
import { printMatcher } from "../promql/parse/printer.js";
import { SampleColumns } from "../storage/columns.js";
import type { Params } from "../wire/params.js";
import type { QueryRequest } from "./contract.js";

/** Of the ranges some begin earlier, and some go on where there are no samples any more. */
const BEYOND_EVERY = 7;
const BEYOND_MS = 900_000;
/** Of one question. */
const SERIES_MAX = 100;
/** Labels of more series come last: reading the list of them takes long. */
const POSTINGS_MAX = 20_000;
/** Of a label that a pattern is tried on: a head goes through all of them. */
const VALUES_MAX = 1000;
/** Series that are looked at, to find some that are still written. */
const REFS_LOOKED_AT = 1000;
/** More than there are queries, and no multiple: each query comes to ask about each. */
const SELECTIONS = 17;
/** Of the questions one is about a single time; no divisor of how many queries there are, so that each is. */
const INSTANT_EVERY = 5;

/** Series of the one question that is about many. */
const WIDE_SERIES_MAX = 10_000;
const WIDE_STEPS = 20;

/** Some series, and a label that they have. */
export interface Selection {
  readonly matchers: readonly Matcher[];
  readonly label: string;
  readonly value: string;
  /** A pattern may be tried on all values of the label. */
  readonly hasFewValues: boolean;
}

/**
 * Of rates and of gauges, as dashboards have them. `{}` stands for a selector, `{!}` and `{~}` for one with a matcher
 * more of that kind, `{^}` for one with a pattern that values begin with, LABEL for a label.
 */
const QUERIES: readonly string[] = [
  "sum by (LABEL) (rate({}[5m]))",
  "100 - avg without (LABEL) (rate({!}[5m])) * 100",
  "sum(irate({~}[5m]))",
  "topk(5, increase({}[5m]))",
  "max_over_time(rate({!}[5m])[30m:1m])",
  "{}",
  "1 - {} / {}",
  "count({^})",
  "max by (LABEL, job) ({}) > 0",
  "quantile by (LABEL) (0.9, {})",
  "max_over_time({}[1h])",
  "avg_over_time({}[10m])",
];

/** The questions about these selections up to `endMs`, each query about each of them. */
export function questionsAbout(
  selections: readonly Selection[],
  endMs: number,
  rangeMs: number,
  steps: number,
): QueryRequest[] {
  return Array.from({ length: QUERIES.length * selections.length }, (_, i) => {
    const query = fill(QUERIES[i % QUERIES.length] as string, selections[i % selections.length] as Selection);
    if (i % INSTANT_EVERY === 0) return instantRequest(query, endMs);
    const turn = i % BEYOND_EVERY;
    const beyondMs = turn === 0 ? BEYOND_MS : turn === 1 ? -BEYOND_MS : 0;
    return rangeRequest(query, endMs + beyondMs, rangeMs, steps);
  });
}

/** A question about all series of a label that many have. */
export function wideQuestion(head: HeadReader, endMs: number, rangeMs: number): QueryRequest | null {
  const [ref] = head.someRefs(REFS_LOOKED_AT, endMs - rangeMs, endMs);
  if (ref === undefined) return null;
  const [widest] = [...head.labels(ref)]
    .map(([name, value]) => ({
      matcher: { name, op: "=", value } as const,
      count: head.countLabel(name, value),
    }))
    .filter(({ count }) => count <= WIDE_SERIES_MAX)
    .sort((a, b) => b.count - a.count);
  if (widest === undefined) return null;
  return rangeRequest(`count({${printMatcher(widest.matcher)}})`, endMs, rangeMs, WIDE_STEPS);
}

function fill(query: string, { matchers, label, value, hasFewValues }: Selection): string {
  const [first, ...others] = matchers;
  const name = first?.op === "=" && isLegacyMetricName(first.value) ? first.value : "";
  const text = (more: readonly Matcher[]): string =>
    `${name}{${[...(name === "" ? matchers : others), ...more].map(printMatcher).join(",")}}`;
  // What the selection asks for is not to be taken from it again.
  const isAsked = matchers.some(({ name }) => name === label);
  const other: Matcher = { name: label, op: "!=", value: isAsked ? `${value}-` : value };
  // Of words only: those are looked up, and no pattern is tried on all the values that there are.
  const isWord = /^\w+$/.test(value);
  const either: Matcher = isWord ? { name: label, op: "=~", value: `${value}|-` } : other;
  const longer: Matcher = hasFewValues
    ? { name: label, op: "=~", value: `${escapeRegexp(value)}.*` }
    : either;
  return query
    .replaceAll("{}", () => text([]))
    .replaceAll("{!}", () => text([other]))
    .replaceAll("{~}", () => text([either]))
    .replaceAll("{^}", () => text([longer]))
    .replaceAll("LABEL", () => label);
}

/** What to ask a head about. */
export interface Subjects {
  /** [] where it has no series. */
  readonly selections: readonly Selection[];
  /** Of one of their newest samples: there may be none up to now. */
  readonly endMs: number;
}

/** Each selects some series of the head, by name and as few other labels as it takes. */
export function subjectsOf(head: HeadReader, fromMs: number, nowMs: number): Subjects {
  const found = head.someRefs(REFS_LOOKED_AT, fromMs, nowMs);
  const refs = Array.from(
    { length: Math.min(SELECTIONS, found.length) },
    (_, i) => found[Math.floor((i * found.length) / SELECTIONS)] as number,
  );
  const columns = new SampleColumns();
  let newestMs = Number.NEGATIVE_INFINITY;
  for (const ref of refs) {
    head.readSeries(ref, fromMs, nowMs, columns);
    if (columns.count > 0) newestMs = Math.max(newestMs, columns.timestamps[columns.count - 1] as number);
  }
  return {
    selections: refs.map((ref, i) => selectionOf(head, head.labels(ref), i)),
    endMs: newestMs > 0 ? Math.floor(newestMs / 1000) * 1000 : nowMs,
  };
}

/**
 * The most common of its labels first, since what few series have leaves fewer than there could be. The other label is
 * one that many series have or few, in turn.
 */
function selectionOf(head: HeadReader, labels: Labels, turn: number): Selection {
  const matchers: Matcher[] = [{ name: "__name__", op: "=", value: labels.get("__name__") }];
  const others = [...labels]
    .filter(([name]) => name !== "__name__")
    .map(([name, value]) => ({ name, value, count: head.countLabel(name, value) }))
    .sort((a, b) => b.count - a.count);
  const isCheap = (label: (typeof others)[number]): boolean => label.count <= POSTINGS_MAX;
  const cheap = others.filter(isCheap);
  for (const { name, value } of [...cheap, ...others.filter((label) => !isCheap(label))]) {
    if (head.find(matchers).length <= SERIES_MAX) break;
    matchers.push({ name, op: "=", value });
  }
  const other = turn % 2 === 0 ? cheap[cheap.length >> 1] : cheap[cheap.length - 1];
  const { name, value } = other ?? { name: "instance", value: "" };
  const hasFewValues = head.hasFewValues(name, VALUES_MAX);
  return { matchers, label: isLegacyLabelName(name) ? name : "instance", value, hasFewValues };
}

/** The query over a range. */
function rangeRequest(query: string, endMs: number, rangeMs: number, steps: number): QueryRequest {
  const params: Params = [
    ["query", query],
    ["start", String((endMs - rangeMs) / 1000)],
    ["end", String(endMs / 1000)],
    ["step", String(rangeMs / steps / 1000)],
  ];
  return { kind: "query_range", params };
}

/** The query at one time. */
function instantRequest(query: string, timeMs: number): QueryRequest {
  const params: Params = [
    ["query", query],
    ["time", String(timeMs / 1000)],
  ];
  return { kind: "query", params };
}
