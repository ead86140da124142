/** Sends hostile queries to a server, several at a time, and judges each answer. */
import * as assert from "node:assert/strict";
import { type HostileQuery, hostileQuery } from "./hostile-queries.js";
import type { TestServer } from "./server.js";

export interface HostileCampaign {
  readonly seed: number;
  readonly count: number;
  /** Queries under way at one time. */
  readonly concurrency: number;
  readonly endMs: number;
  /** No answer may take longer. */
  readonly answerMsMax: number;
}

const EXPECTED: Readonly<Record<number, readonly string[]>> = {
  400: ["bad_data"],
  422: ["execution"],
  503: ["timeout", "unavailable"],
};

/** How many answers had which status. Throws at the first answer that is none, late, or an internal error. */
export async function runHostileCampaign(
  server: TestServer,
  { seed, count, concurrency, endMs, answerMsMax }: HostileCampaign,
): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const query = hostileQuery(seed, index, endMs);
      const what = `SEED=${seed}, query ${index}: ${describe(query)}`;
      const started = performance.now();
      const outcome = await judge(server, query, what);
      const tookMs = performance.now() - started;
      assert.ok(tookMs < answerMsMax, `${what} took ${tookMs} ms`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, sender));
  return outcomes;
}

function describe({ path, params }: HostileQuery): string {
  return `${path} ${params.map(([name, value]) => `${name}=${value.slice(0, 150)}`).join(" ")}`;
}

async function judge(server: TestServer, query: HostileQuery, what: string): Promise<string> {
  const body = new URLSearchParams(query.params.map(([name, value]): [string, string] => [name, value]));
  const response = await fetch(`${server.url}/api/v1/${query.path}`, { method: "POST", body }).catch(
    (error: unknown) =>
      assert.fail(`${what}: ${String(error)}; the server said:\n${server.output().slice(-3000)}`),
  );
  const { status } = response;
  if (status === 204) return "204";
  if (status === 200) {
    // A large answer is read to its end and not kept.
    for await (const part of response.body ?? []) void part;
    return "200";
  }
  const { errorType, error } = (await response.json()) as { errorType: string; error: string };
  assert.ok(EXPECTED[status]?.includes(errorType), `${what}: ${status} ${errorType} ${error}`);
  assert.ok(error.length > 10, `${what}: ${error}`);
  return `${status} ${errorType}`;
}
