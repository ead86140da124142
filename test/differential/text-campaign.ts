/**
 * Asks both servers to print and to parse texts, most of which are no queries, and for the series whose labels match
 * a pattern. Text i and pattern i of a seed are the same on every run.
 */
import { differenceOf } from "./compare.js";
import { LATER_VERSIONS } from "./later-version.js";
import { patternQuery } from "./patterns.js";
import { generateText } from "./query-texts.js";
import { type Answer, ask, parametersOf } from "./request.js";
import type { Rig } from "./rig.js";
import { BEGIN_MS } from "./span.js";
import type { Vocabulary } from "./vocabulary.js";

export interface TextOutcome {
  readonly asked: number;
  /** What both refuse. */
  readonly refused: number;
  /** One for each difference: what to send by hand, and the two answers. */
  readonly reports: readonly string[];
}

export interface TextCampaign {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  readonly reportsMax: number;
}

/** `format_query` and `parse_query`: text, syntax tree, errors and their positions. */
export async function runTexts(
  rig: Rig,
  vocabulary: Vocabulary,
  { seed, from, count, reportsMax }: TextCampaign,
): Promise<TextOutcome> {
  const reports: string[] = [];
  let [asked, refused] = [0, 0];
  for (let index = from; index < from + count && reports.length < reportsMax; index++) {
    const query = generateText(seed, index, vocabulary);
    asked++;
    for (const path of ["format_query", "parse_query"]) {
      const [own, other] = await Promise.all([
        askText(rig.varveUrl, path, query),
        askText(rig.prometheusUrl, path, query),
      ]);
      if (own.status === "error" && path === "parse_query") refused++;
      // Its JSON has no NaN and no infinities, which `fill` may have.
      if (other.error?.includes("unsupported value: ")) continue;
      const restated =
        endsAtCall(other.error ?? "", query) ||
        LETTER_FOR_COLON.test(own.error ?? "") ||
        PARSER_FAILED.test(other.error ?? "")
          ? await askLater(rig, path, query, own)
          : restate(other, own, query);
      if (JSON.stringify(own) === JSON.stringify(restated)) continue;
      reports.push(
        `SEED=${seed} text ${index}, ${path}: ${JSON.stringify(query)}\n  ${JSON.stringify(own)}\n  instead of ${JSON.stringify(restated)}`,
      );
    }
  }
  return { asked, refused, reports };
}

/** What the later Prometheus says where 3.5 reads the text otherwise; ours where there is none to ask. */
async function askLater(
  { laterUrl }: Rig,
  path: string,
  query: string,
  own: TextAnswer,
): Promise<TextAnswer> {
  return laterUrl === "" ? own : askText(laterUrl, path, query);
}

interface TextAnswer {
  readonly httpStatus: number;
  readonly status: string;
  readonly error?: string;
  readonly data?: unknown;
}

async function askText(url: string, path: string, query: string): Promise<TextAnswer> {
  const body = new URLSearchParams({ query });
  const response = await fetch(`${url}/api/v1/${path}`, { method: "POST", body });
  const text = await response.text();
  try {
    return { httpStatus: response.status, ...(sorted(JSON.parse(text)) as Omit<TextAnswer, "httpStatus">) };
  } catch {
    return { httpStatus: response.status, status: "not JSON", error: text };
  }
}

/** With the members of every object in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, inner]) => [name, sorted(inner)]));
}

/** The other's answer in the words of later versions. */
function restate(other: TextAnswer, own: TextAnswer, query: string): TextAnswer {
  const request = { query, times: { kind: "instant", timeMs: BEGIN_MS } } as const;
  let restated = other as Answer;
  for (const version of LATER_VERSIONS) restated = version.restate(restated, own as Answer, request);
  const { error = "" } = own as Answer;
  const later = LATER_ERRORS.some(([now, before]) => now.test(error) && before.test(restated.error ?? ""));
  if (later) restated = { ...restated, error };
  const data =
    typeof other.data === "string" ? laterText(other.data, own.data) : withLaterMembers(other.data, own.data);
  return { ...restated, data } as TextAnswer;
}

/** What later versions say and what 3.5 says in its place. */
const LATER_ERRORS: readonly (readonly [now: RegExp, before: RegExp])[] = [
  // Durations have had calls with two arguments since.
  [/unexpected "," in /, /unexpected character in duration expression: ','$/],
];

/** Behind a duration in brackets 3.5 takes any letter for the colon: `a[2m _ 1]` is `a[2m:1s]` there. */
const LETTER_FOR_COLON = /unexpected character: '.', expected ':'$/u;

/** 3.5 looks for what an operator lacks, and falls. */
const PARSER_FAILED = /: unexpected error$/;

/** 3.5 knows `start`, `end`, `step` and `range` behind modifiers only, and reads no further elsewhere. */
function endsAtCall(error: string, query: string): boolean {
  const place = /(\d+):(\d+): parse error: unexpected "\("$/.exec(error);
  if (place === null) return false;
  const line = query.split("\n")[Number(place[1]) - 1] ?? "";
  return /\b(start|end|step|range)\s*$/i.test(line.slice(0, Number(place[2]) - 1));
}

/**
 * Later versions quote labels where 3.5 prints no query, and keep `ignoring ()` in front of `group_left`; either may
 * make a line too long.
 */
function laterText(text: string, own: unknown): unknown {
  const kept = / ignoring \(\) group_(left|right) \([^)]*\)/g;
  const quoted = / (by|without|on|ignoring|group_left|group_right) \([^()]*"/;
  const isLonger = typeof own === "string" && (own.search(kept) >= 0 || quoted.test(own));
  const plain = (printed: string): string =>
    (isLonger ? printed.replaceAll(/\n\s*/g, " ").replaceAll("( ", "(").replaceAll(" )", ")") : printed)
      .replaceAll(kept, "")
      .replaceAll(/ (by|without|on|ignoring|group_left|group_right) \([^()]*\)/g, (list) =>
        list.replaceAll('"', ""),
      );
  return typeof own === "string" && plain(own) === plain(text) ? own : text;
}

/** Of the nodes of a syntax tree, in versions after 3.5. */
const LATER_MEMBERS = ["anchored", "smoothed", "offsetExpr", "rangeExpr", "stepExpr", "fillValues"];

/** `tree` with the members from `own` that its version has no words for. */
function withLaterMembers(tree: unknown, own: unknown): unknown {
  if (typeof tree !== "object" || tree === null || typeof own !== "object" || own === null) return tree;
  if (Array.isArray(tree)) return tree.map((inner, at) => withLaterMembers(inner, (own as unknown[])[at]));
  const members = own as Record<string, unknown>;
  const inner = Object.entries(tree).map(([name, value]) => [name, withLaterMembers(value, members[name])]);
  const added = LATER_MEMBERS.filter((name) => !(name in tree) && name in members);
  return sorted(Object.fromEntries([...inner, ...added.map((name) => [name, members[name]])]));
}

/** Patterns in matchers and in `label_replace`. */
export async function runPatterns(
  rig: Rig,
  { seed, from, count, reportsMax }: TextCampaign,
): Promise<TextOutcome> {
  const reports: string[] = [];
  let [asked, refused] = [0, 0];
  for (let index = from; index < from + count && reports.length < reportsMax; index++) {
    const request = {
      query: patternQuery(seed, index),
      times: { kind: "instant", timeMs: BEGIN_MS },
    } as const;
    const [own, other] = await Promise.all([ask(rig.varveUrl, request), ask(rig.prometheusUrl, request)]);
    asked++;
    if (own.status === "error") refused++;
    const difference = differenceOf(request, own, other);
    if (difference !== null)
      reports.push(
        `SEED=${seed} pattern ${index}: ${request.query}\n  /api/v1/query?${parametersOf(request)}\n  ${difference.text}`,
      );
  }
  return { asked, refused, reports };
}
