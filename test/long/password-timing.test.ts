/**
 * How long a wrong password takes says nothing about who exists: the times of wrong passwords for a user with a cheap
 * hash, one with a dear hash, and for nobody, must look like draws from one distribution.
 */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { hashSync } from "bcryptjs";
import { basic, startFrontEnd, TRANSPORTS } from "../support/front-end.js";

const ROUNDS = 120;
const USERS = ["cheap", "dear", "nobody"] as const;

/** Mann-Whitney's U as a z-score: 0 where the two cannot be told apart. */
function rankScore(a: readonly number[], b: readonly number[]): number {
  const all = [...a.map((ms) => ({ ms, of: 0 })), ...b.map((ms) => ({ ms, of: 1 }))].sort(
    (x, y) => x.ms - y.ms,
  );
  const rankSum = all.reduce((sum, { of }, i) => sum + (of === 0 ? i + 1 : 0), 0);
  const u = rankSum - (a.length * (a.length + 1)) / 2;
  const mean = (a.length * b.length) / 2;
  return (u - mean) / Math.sqrt((a.length * b.length * (a.length + b.length + 1)) / 12);
}

test("the score tells apart what differs by a tenth", () => {
  const draws = (shift: number) =>
    Array.from({ length: ROUNDS }, (_, i) => 10 + shift + ((i * 7919) % 97) / 97);
  assert.ok(Math.abs(rankScore(draws(0), draws(0.001))) < 1);
  assert.ok(Math.abs(rankScore(draws(0), draws(1))) > 5);
});

for (const transport of TRANSPORTS) {
  test(`${transport}: the time of a wrong password does not tell who exists`, async (t) => {
    const hash = (cost: number) => ({ hash: hashSync("right", cost), scopes: 15 });
    const users = new Map([
      ["cheap", hash(4)],
      ["dear", hash(7)],
    ]);
    const web = { credentials: { users, tokens: [], anonymous: null } };
    const { url } = await startFrontEnd(t, { transport, web });
    const times: Record<(typeof USERS)[number], number[]> = { cheap: [], dear: [], nobody: [] };
    for (let i = -5; i < ROUNDS; i++) {
      // In turns, so that what the machine does meanwhile meets all of them.
      for (let k = 0; k < USERS.length; k++) {
        const user = USERS[(k + i + USERS.length * 5) % USERS.length] as (typeof USERS)[number];
        const started = performance.now();
        const answer = await fetch(`${url}/metrics`, { headers: basic(user, `wrong ${i}`) });
        await answer.text();
        assert.equal(answer.status, 401);
        if (i >= 0) times[user].push(performance.now() - started);
      }
    }
    const median = (ms: readonly number[]) => [...ms].sort((a, b) => a - b)[ms.length >> 1]?.toFixed(2);
    const scores = [rankScore(times.cheap, times.nobody), rankScore(times.dear, times.nobody)];
    t.diagnostic(
      `medians ${USERS.map((user) => `${user} ${median(times[user])} ms`).join(", ")}; scores ${scores.map((z) => z.toFixed(2)).join(", ")}`,
    );
    // A cheaper hash without the rest spent would be 5 ms of 6: a score above 10.
    for (const score of scores) assert.ok(Math.abs(score) < 4, `a score of ${score}`);
  });
}
