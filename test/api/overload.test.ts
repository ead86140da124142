/** More than the server can take: it says so and keeps what it acknowledged. The figures are in test/long. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { TRANSPORTS } from "../support/front-end.js";
import { overload, percentile, slowLoris } from "../support/overload.js";

const MEDIAN_MS_MAX = 1000;

for (const transport of TRANSPORTS) {
  const flags = [`--web.transport=${transport}`];

  test(`${transport}: a flood leaves a trickle through and loses nothing acknowledged`, async (t) => {
    const { p50Ms } = await overload(t, flags, { connections: 300, samples: 100, durationMs: 3000 });
    assert.ok(p50Ms < MEDIAN_MS_MAX, `median of the trickle is ${p50Ms} ms`);
  });

  test(`${transport}: a thousand slow bodies leave the others alone`, async (t) => {
    const { latenciesMs } = await slowLoris(t, flags, 1000);
    assert.ok(percentile(latenciesMs, 0.5) < MEDIAN_MS_MAX);
  });
}
