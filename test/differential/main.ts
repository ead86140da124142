/**
 * `npm run differential -- COUNT`: that many random queries to Varve and to the `prometheus` on PATH.
 * SEED= replays, FROM= begins at another query of the seed, REPORTS= stops at that many differences, PROMETHEUS=
 * is another program than the one on PATH, LATER= a later version of it, which is asked where the two differ.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { printReport, runCampaign } from "./campaign.js";
import { corpusRequests, corpusSeries } from "./corpus.js";
import { startRig } from "./rig.js";
import { vocabularyOf } from "./vocabulary.js";

const PORTION = 500;

function programPath(): string {
  const { PATH = "", PROMETHEUS } = process.env;
  const candidates = PATH.split(delimiter).map((folder) => join(folder, "prometheus"));
  for (const path of PROMETHEUS === undefined ? candidates : [PROMETHEUS]) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  throw new Error("prometheus is not on PATH");
}

async function main(): Promise<number> {
  const count = Number(process.argv[2] ?? process.env["COUNT"] ?? 2000);
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  const from = Number(process.env["FROM"] ?? 0);
  const reportsMax = Number(process.env["REPORTS"] ?? 20);
  if (![count, seed, from, reportsMax].every(Number.isSafeInteger))
    throw new Error("COUNT, SEED, FROM and REPORTS are whole numbers");
  const callbacks: (() => Promise<void>)[] = [];
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  try {
    const series = corpusSeries();
    const rig = await startRig(
      { after: (callback) => void callbacks.push(callback) },
      programPath(),
      corpusRequests(series),
      process.env["LATER"],
    );
    print(
      `seed ${seed}, ${count} queries from ${from} on, ${series.length} series; Varve ${rig.varveUrl}, Prometheus ${rig.prometheusUrl}`,
    );
    const explained = new Map<string, number>();
    let [asked, errors, empty, reported] = [0, 0, 0, 0];
    while (asked < count && reported < reportsMax) {
      const portion = {
        seed,
        from: from + asked,
        count: Math.min(PORTION, count - asked),
        reportsMax: reportsMax - reported,
      };
      const outcome = await runCampaign(rig, vocabularyOf(series), portion);
      for (const report of outcome.reports) print(printReport(seed, report));
      for (const [line, times] of outcome.explained) explained.set(line, (explained.get(line) ?? 0) + times);
      [asked, errors, empty] = [asked + outcome.asked, errors + outcome.errors, empty + outcome.empty];
      reported += outcome.reports.length;
      print(
        `${asked} asked: ${errors} errors and ${empty} empty results on both sides, ${reported} differences`,
      );
    }
    for (const [line, times] of explained) print(`${times} explained by: ${line}`);
    return reported === 0 ? 0 : 1;
  } finally {
    for (const callback of callbacks) await callback();
  }
}

process.exit(await main());
