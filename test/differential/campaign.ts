/** Asks both servers the queries of a seed and reports where they differ. Query i of a seed is the same on every run. */
import { differenceOf } from "./compare.js";
import { Dice } from "./dice.js";
import type { Expression } from "./expression.js";
import { print } from "./expression.js";
import { QueryGenerator } from "./generate.js";
import { explanationOf } from "./later-version.js";
import { ask, parametersOf, type QueryRequest, type QueryTimes, randomTimes } from "./request.js";
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
    if (found.explanation !== null)
      explained.set(found.explanation, (explained.get(found.explanation) ?? 0) + 1);
    if (found.unexplained === null) continue;
    const fails = async (candidate: QueryRequest) => (await compareAt(rig, candidate)).unexplained;
    const smallest = await shrink(expression, times, fails);
    const { unexplained } = await compareAt(rig, smallest);
    reports.push({ index, query: request.query, smallest, text: (unexplained ?? found.unexplained).text });
  }
  return { ...counts, reports, explained };
}

interface Compared {
  readonly error: boolean;
  readonly empty: boolean;
  readonly unexplained: { readonly text: string; readonly timeMs?: number } | null;
  readonly explanation: string | null;
}

async function compareAt({ varveUrl, prometheusUrl }: Rig, request: QueryRequest): Promise<Compared> {
  const [actual, expected] = await Promise.all([ask(varveUrl, request), ask(prometheusUrl, request)]);
  const difference = differenceOf(request, actual, expected);
  let explanation = difference === null ? null : explanationOf(request, difference, actual, expected);
  if (difference !== null && explanation === null) {
    for (let again = 0; again < REPEATS && explanation === null; again++) {
      const other = await ask(prometheusUrl, request);
      if (differenceOf(request, other, expected) !== null) explanation = OPEN;
    }
  }
  return {
    error: expected.status === "error",
    empty: expected.data?.result.length === 0,
    unexplained: explanation === null ? difference : null,
    explanation,
  };
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
