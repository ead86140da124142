/** Random requests to every endpoint of Varve and of a real Prometheus with the same data: the replies must be the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startApiRig } from "../api-differential/api-rig.js";
import { printApiReport, runApiCampaign } from "../api-differential/campaign.js";
import { generateRequest } from "../api-differential/generate.js";
import { openClient } from "../api-differential/request.js";
import { corpusSeries } from "../differential/corpus.js";
import { vocabularyOf } from "../differential/vocabulary.js";
import { peerOrSkip } from "../support/peers.js";

const FIXED_SEED = 1;
const FIXED_COUNT = 2000;
const REPORTS_MAX = 5;

test("requests of a seed are the same on every run", () => {
  const vocabulary = vocabularyOf(corpusSeries());
  const requests = (seed: number): unknown[] =>
    Array.from({ length: 200 }, (_, index) => generateRequest(seed, index, vocabulary));
  assert.deepEqual(requests(7), requests(7));
  assert.notDeepEqual(requests(7), requests(8));
});

// New seeds are for `npm run differential:api`.
test("random requests of a fixed seed: Varve replies as Prometheus, but for what docs/API.md names", async (t) => {
  const prometheus = peerOrSkip(t, "prometheus");
  if (prometheus === null) return;
  const series = corpusSeries();
  const client = openClient();
  t.after(() => client.close());
  const rig = await startApiRig(t, prometheus, series, Date.now());
  const campaign = { seed: FIXED_SEED, from: 0, count: FIXED_COUNT, reportsMax: REPORTS_MAX };
  const outcome = await runApiCampaign(rig, client, vocabularyOf(series), campaign);
  const { asked, statuses, reports, open, explained } = outcome;
  t.diagnostic(`SEED=${FIXED_SEED}: ${asked} requests, ${open} where Prometheus answers now this, now that`);
  for (const [name, times] of explained) t.diagnostic(`${times} explained by: ${name}`);
  assert.equal(reports.length, 0, reports.map((report) => printApiReport(FIXED_SEED, report)).join("\n"));
  assert.equal(asked, FIXED_COUNT);
  assert.ok((statuses.get(200) ?? 0) > 0.4 * FIXED_COUNT, "many requests succeed");
  assert.ok((statuses.get(400) ?? 0) > 0.2 * FIXED_COUNT, "many requests are refused");
  assert.ok(open < 0.02 * FIXED_COUNT, "Prometheus agrees with itself");
  const idle = [...explained].filter(([, times]) => times === 0).map(([name]) => name);
  assert.deepEqual(idle, [], "each difference is still one");
});
