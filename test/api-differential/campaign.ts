/** Sends both servers the requests of a seed and reports where their replies differ. */
import type { Rig } from "../differential/rig.js";
import type { Vocabulary } from "../differential/vocabulary.js";
import { differenceOf } from "./compare.js";
import type { Endpoint } from "./endpoints.js";
import { type Evidence, RULES, type Rule } from "./explained.js";
import { generateRequest } from "./generate.js";
import type { Oracle } from "./oracle.js";
import { type ApiRequest, type Client, printRequest, type Reply } from "./request.js";

/** Prometheus walks through some maps in an order that Go draws by lot: then its own replies differ. */
const REPEATS = 4;

export interface ApiRig extends Rig {
  /** A Prometheus that scrapes what the others were sent as metadata: its own API tells of scraped metadata only. */
  readonly metadataUrl: string;
  readonly oracle: Oracle;
}

export interface ApiCampaign {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Asking stops at this many reports. */
  readonly reportsMax: number;
  /** Absent: all that 3.5 has. */
  readonly kind?: Kind;
}

/** A part of the API that only later versions have. */
export interface Kind {
  readonly endpoints: readonly Endpoint[];
  /** A pair at the end of every query string. */
  readonly always: string;
  /** What is deliberate, beside RULES. */
  readonly rules: readonly Rule[];
}

export interface ApiReport {
  readonly index: number;
  readonly smallest: ApiRequest;
  readonly text: string;
}

export interface ApiOutcome {
  readonly asked: number;
  /** How many of each status Prometheus gave. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly reports: readonly ApiReport[];
  /** Requests where Prometheus' own replies differ. */
  readonly open: number;
  /** How often each rule explained something. */
  readonly explained: ReadonlyMap<string, number>;
}

interface Compared {
  readonly status: number;
  readonly unexplained: string | null;
  readonly rules: readonly string[];
  readonly open: boolean;
}

export async function runApiCampaign(
  rig: ApiRig,
  client: Client,
  vocabulary: Vocabulary,
  { seed, from, count, reportsMax, kind }: ApiCampaign,
): Promise<ApiOutcome> {
  const rules = [...RULES, ...(kind?.rules ?? [])];
  const statuses = new Map<number, number>();
  const explained = new Map(rules.map(({ name }) => [name, 0]));
  const reports: ApiReport[] = [];
  let [asked, open] = [0, 0];
  const compareOne = (one: ApiRequest): Promise<Compared> =>
    compareAt(rig, client, kind === undefined ? one : { ...one, query: [...one.query, kind.always] }, rules);
  for (let index = from; index < from + count && reports.length < reportsMax; index++) {
    const request = generateRequest(seed, index, vocabulary, kind?.endpoints);
    const found = await compareOne(request);
    asked++;
    statuses.set(found.status, (statuses.get(found.status) ?? 0) + 1);
    if (found.open) open++;
    for (const name of found.rules) explained.set(name, (explained.get(name) ?? 0) + 1);
    if (found.unexplained === null) continue;
    const smallest = await shrink(request, async (one) => (await compareOne(one)).unexplained !== null);
    const { unexplained } = await compareOne(smallest);
    reports.push({ index, smallest, text: unexplained ?? found.unexplained });
  }
  return { asked, statuses, reports, open, explained };
}

async function compareAt(
  rig: ApiRig,
  client: Client,
  request: ApiRequest,
  all: readonly Rule[],
): Promise<Compared> {
  const expectedUrl = request.path === "/api/v1/metadata" ? rig.metadataUrl : rig.prometheusUrl;
  const [actual, expected] = await Promise.all([
    client.ask(rig.varveUrl, request),
    client.ask(expectedUrl, request),
  ]);
  const { status } = expected;
  if (differenceOf(request, actual, expected) === null)
    return { status, unexplained: null, rules: [], open: false };
  const evidence = { oracle: rig.oracle, ask: (one: ApiRequest) => client.ask(expectedUrl, one) };
  const { restated, rules } = await restateAll(all, expected, actual, request, evidence);
  const unexplained = differenceOf(request, actual, restated);
  if (unexplained === null) return { status, unexplained, rules, open: false };
  for (let again = 0; again < REPEATS; again++) {
    const other = await client.ask(expectedUrl, request);
    if (differenceOf(request, other, expected) !== null)
      return { status, unexplained: null, rules: [], open: true };
  }
  return { status, unexplained, rules: [], open: false };
}

async function restateAll(
  all: readonly Rule[],
  expected: Reply,
  actual: Reply,
  request: ApiRequest,
  evidence: Evidence,
): Promise<{ restated: Reply; rules: string[] }> {
  const rules: string[] = [];
  let restated = expected;
  for (const { name, restate } of all) {
    const next = await restate(restated, actual, request, evidence);
    if (next !== restated && JSON.stringify(next) !== JSON.stringify(restated)) rules.push(name);
    restated = next;
  }
  return { restated, rules };
}

/** Leaves out parameters and headers for as long as the difference stays. */
async function shrink(
  request: ApiRequest,
  fails: (one: ApiRequest) => Promise<boolean>,
): Promise<ApiRequest> {
  let smallest = request;
  for (let changed = true; changed; ) {
    changed = false;
    for (const candidate of smallerThan(smallest)) {
      if (!(await fails(candidate))) continue;
      smallest = candidate;
      changed = true;
      break;
    }
  }
  return smallest;
}

function smallerThan(request: ApiRequest): ApiRequest[] {
  const without = <T>(all: readonly T[], at: number): T[] => all.filter((_, i) => i !== at);
  const { query, form, headers } = request;
  return [
    ...(request.streamed === true ? [{ ...request, streamed: false }] : []),
    ...query.map((_, at) => ({ ...request, query: without(query, at) })),
    ...(form ?? []).map((_, at) => ({ ...request, form: without(form ?? [], at) })),
    ...Object.keys(headers)
      .filter((name) => name !== "Content-Type" && name !== "Content-Encoding")
      .map((gone) => ({
        ...request,
        headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== gone)),
      })),
  ];
}

/** For people: what to send by hand. */
export function printApiReport(seed: number, { index, smallest, text }: ApiReport): string {
  return `SEED=${seed} FROM=${index} COUNT=1\n  ${printRequest(smallest)}\n  ${text}`;
}
