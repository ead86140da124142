/**
 * `npm run differential:api -- COUNT`: that many random requests to Varve and to the `prometheus` on PATH.
 * SEED= replays, FROM= begins at another request of the seed, REPORTS= stops at that many differences, PROMETHEUS=
 * is another program than the one on PATH. KIND=search asks `/api/v1/search/*`, which takes a Prometheus of 3.14 or later.
 */
import { corpusSeries } from "../differential/corpus.js";
import { programPath } from "../differential/program.js";
import { vocabularyOf } from "../differential/vocabulary.js";
import { startApiRig } from "./api-rig.js";
import { printApiReport, runApiCampaign } from "./campaign.js";
import { openClient } from "./request.js";
import { SEARCH } from "./search-endpoints.js";

async function main(): Promise<number> {
  const count = Number(process.argv[2] ?? process.env["COUNT"] ?? 2000);
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  const from = Number(process.env["FROM"] ?? 0);
  const reportsMax = Number(process.env["REPORTS"] ?? 20);
  if (![count, seed, from, reportsMax].every(Number.isSafeInteger)) {
    throw new Error("COUNT, SEED, FROM and REPORTS are whole numbers");
  }
  const callbacks: (() => Promise<void>)[] = [];
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const client = openClient();
  try {
    const series = corpusSeries();
    const cleanup = { after: (callback: () => Promise<void>) => void callbacks.push(callback) };
    const rig = await startApiRig(cleanup, programPath(), series, Date.now());
    print(
      `seed ${seed}, ${count} requests from ${from} on; Varve ${rig.varveUrl}, Prometheus ${rig.prometheusUrl}`,
    );
    const startMs = Date.now();
    const kind = process.env["KIND"] === "search" ? { kind: SEARCH } : {};
    const campaign = { seed, from, count, reportsMax, ...kind };
    const outcome = await runApiCampaign(rig, client, vocabularyOf(series), campaign);
    const { asked, statuses, reports, open, explained } = outcome;
    for (const report of reports) print(printApiReport(seed, report));
    const byStatus = [...statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${times} × ${status}`);
    print(`${asked} requests in ${Math.round((Date.now() - startMs) / 1000)} s: ${byStatus.join(", ")}`);
    print(`${reports.length} differences; ${open} where Prometheus answers now this, now that`);
    for (const [name, times] of explained) {
      print(times > 0 ? `${times} explained by: ${name}` : `explained nothing: ${name}`);
    }
    return reports.length === 0 ? 0 : 1;
  } finally {
    client.close();
    for (const callback of callbacks) await callback();
  }
}

process.exit(await main());
