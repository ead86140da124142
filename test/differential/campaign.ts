/** Asks both servers the queries of a seed and reports where they differ. Query i of a seed is the same on every run. */
import { type Difference, differenceOf } from "./compare.js";
import { Dice } from "./dice.js";
import type { Expression } from "./expression.js";
import { print } from "./expression.js";
import { QueryGenerator } from "./generate.js";
import { explanationsOfShape, isOfLaterVersion, LATER_VERSIONS, withoutCounts } from "./later-version.js";
import {
  type Answer,
  ask,
  parametersOf,
  type QueryRequest,
  type QueryTimes,
  randomTimes,
} from "./request.js";
import type { Rig } from "./rig.js";
import { shrink } from "./shrink.js";
import type { Vocabulary } from "./vocabulary.js";

/** Prometheus walks through some maps in an order that Go draws by lot: then its own answers differ. */
const OPEN = "Prometheus answers now this, now that";
const REPEATS = 6;

export interface Campaign {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Asking stops at this many reports. */
  readonly reportsMax: number;
  /** Sees every query that was asked, and what explained a difference of it. */
  readonly onAsked?: (query: string, explanations: readonly string[]) => void;
}

export interface Report {
  readonly index: number;
  readonly query: string;
  readonly smallest: QueryRequest;
  readonly text: string;
}

export interface Outcome {
  readonly asked: number;
  /** Queries that both answer with an error. */
  readonly errors: number;
  /** Queries that both answer with nothing. */
  readonly empty: number;
  readonly reports: readonly Report[];
  /** Differences that a later version explains: how many of each. */
  readonly explained: ReadonlyMap<string, number>;
}

export interface GeneratedQuery {
  readonly expression: Expression;
  readonly times: QueryTimes;
}

export function generateQuery(seed: number, index: number, vocabulary: Vocabulary): GeneratedQuery {
  const dice = new Dice(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const kind = dice.chance(0.5) ? "instant" : "range";
  const generator = new QueryGenerator(dice, vocabulary);
  const expression = generator.query(kind);
  return { expression, times: randomTimes(dice, kind, generator.used[0] ?? null) };
}

export async function runCampaign(rig: Rig, vocabulary: Vocabulary, campaign: Campaign): Promise<Outcome> {
  const { seed, from, count, reportsMax } = campaign;
  const counts = { asked: 0, errors: 0, empty: 0 };
  const reports: Report[] = [];
  const explained = new Map<string, number>();
  for (let index = from; index < from + count && reports.length < reportsMax; index++) {
    const { expression, times } = generateQuery(seed, index, vocabulary);
    const request = { query: print(expression), times };
    const found = await compareAt(rig, request);
    counts.asked++;
    if (found.error) counts.errors++;
    if (found.empty) counts.empty++;
    for (const line of found.explanations) explained.set(line, (explained.get(line) ?? 0) + 1);
    campaign.onAsked?.(request.query, found.explanations);
    if (found.unexplained === null) continue;
    const fails = async (candidate: QueryRequest) => (await compareAt(rig, candidate)).unexplained;
    const smallest = await shrink(expression, times, fails);
    const { unexplained } = await compareAt(rig, smallest);
    const difference = (unexplained ?? found.unexplained).text;
    const line = await borneOut(rig, smallest, explanationsOfShape(smallest, difference));
    if (line !== null) {
      campaign.onAsked?.(smallest.query, [line]);
      explained.set(line, (explained.get(line) ?? 0) + 1);
      continue;
    }
    const text = difference + (await laterVerdict(rig, smallest));
    reports.push({ index, query: request.query, smallest, text });
  }
  return { ...counts, reports, explained };
}

interface Compared {
  readonly error: boolean;
  readonly empty: boolean;
  readonly unexplained: Difference | null;
  /** What explains the differences that there are, or would be. */
  readonly explanations: readonly string[];
}

async function compareAt(rig: Rig, request: QueryRequest): Promise<Compared> {
  const { varveUrl, prometheusUrl } = rig;
  const [actual, expected] = await Promise.all([ask(varveUrl, request), ask(prometheusUrl, request)]);
  const both = { error: expected.status === "error", empty: expected.data?.result.length === 0 };
  if (differenceOf(request, actual, expected) === null)
    return { ...both, unexplained: null, explanations: [] };
  const { restated, explanations } = restateAll(expected, actual, request);
  const unexplained = differenceOf(request, actual, restated);
  if (unexplained === null) {
    const contradiction = await laterDifference(rig, request);
    if (contradiction === null) return { ...both, unexplained, explanations };
    return { ...both, unexplained: contradiction, explanations: [] };
  }
  for (let again = 0; again < REPEATS; again++) {
    const other = await ask(prometheusUrl, request);
    if (differenceOf(request, other, expected) !== null) {
      return { ...both, unexplained: null, explanations: [OPEN] };
    }
  }
  return { ...both, unexplained, explanations: [] };
}

/** 3.5's answer in the words of the later versions. */
function restateAll(
  expected: Answer,
  actual: Answer,
  request: QueryRequest,
): { restated: Answer; explanations: string[] } {
  const explanations: string[] = [];
  let restated = expected;
  for (const { changelog, restate } of LATER_VERSIONS) {
    const next = restate(restated, actual, request);
    if (JSON.stringify(next) !== JSON.stringify(restated)) explanations.push(changelog);
    restated = next;
  }
  return { restated, explanations };
}

/** What the later Prometheus says to a difference, where there is one. */
async function laterVerdict(rig: Rig, request: QueryRequest): Promise<string> {
  if (rig.laterUrl === "") return "";
  const difference = await laterDifference(rig, request);
  return difference === null ? "\n  LATER agrees with Varve" : `\n  LATER: ${difference.text}`;
}

/** Null, too, where there is no later Prometheus to ask, or it answers now this, now that. */
async function laterDifference(
  { varveUrl, laterUrl }: Rig,
  request: QueryRequest,
): Promise<Difference | null> {
  if (laterUrl === "") return null;
  const actual = await ask(varveUrl, request);
  let difference: Difference | null = null;
  for (let again = 0; again < REPEATS; again++) {
    difference = differenceOf(request, actual, withoutCounts(await ask(laterUrl, request), actual));
    if (difference === null) return null;
  }
  return difference;
}

/** The first explanation that a later Prometheus does not contradict. */
async function borneOut(rig: Rig, request: QueryRequest, lines: readonly string[]): Promise<string | null> {
  for (const line of lines) if (await laterAgrees(rig, request, line)) return line;
  return null;
}

/** Whether what excuses a difference is so: the later Prometheus must answer as Varve does. */
async function laterAgrees(rig: Rig, request: QueryRequest, line: string): Promise<boolean> {
  return !isOfLaterVersion(line) || (await laterDifference(rig, request)) === null;
}

/** For people: what to send by hand. */
export function printReport(seed: number, { index, query, smallest, text }: Report): string {
  const path = smallest.times.kind === "instant" ? "query" : "query_range";
  return [
    `SEED=${seed} FROM=${index} COUNT=1: ${query}`,
    `  smallest: ${smallest.query}`,
    `  /api/v1/${path}?${parametersOf(smallest)}`,
    `  ${text}`,
  ].join("\n");
}
