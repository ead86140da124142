/**
 * `npm run differential -- COUNT`: that many random queries to Varve and to the `prometheus` on PATH.
 * SEED= replays, FROM= begins at another query of the seed, REPORTS= stops at that many differences, PROMETHEUS=
 * is another program than the one on PATH, LATER= a later version of it, which is asked where the two differ: what
 * excuses a difference by a later version must then be so there. NEWER=1 asks for what came after 3.5, too, FEATURES=
 * are further values of `--enable-feature`, LAYOUT=blocks puts samples into
 * overlapping blocks and head, LAYOUT=deletions deletes in blocks and head,
 * ONLY=texts leaves out all but the texts for `format_query` and `parse_query` and the patterns of matchers,
 * EXPLAINED= names a file that gets every query whose difference has an explanation.
 */
import { appendFileSync } from "node:fs";
import { printReport, runCampaign } from "./campaign.js";
import { corpusRequests, corpusSeries } from "./corpus.js";
import { Coverage } from "./coverage.js";
import { programPath } from "./program.js";
import { NEWER_FEATURES, type RigOptions, startRig } from "./rig.js";
import { BEGIN_MS } from "./span.js";
import { runPatterns, runTexts } from "./text-campaign.js";
import { vocabularyOf } from "./vocabulary.js";

const PORTION = 500;
/** One text to print and parse, and one pattern, for so many queries. */
const TEXT_SHARE = 4;

const NEWER = process.env["NEWER"] === "1";
const HOUR_MS = 3_600_000;
/** From whole series to pieces out of the middle of blocks and of the head. */
const DELETIONS = [
  { match: 'node_load1{instance=~"host-0000.*"}', startMs: BEGIN_MS, endMs: BEGIN_MS + HOUR_MS / 2 },
  {
    match: '{__name__=~"node_cpu_seconds_total",cpu="0"}',
    startMs: BEGIN_MS + 1_000_000,
    endMs: BEGIN_MS + 2_000_123,
  },
  { match: 'edge_special{kind=~"wave|cycle"}', startMs: BEGIN_MS + HOUR_MS, endMs: BEGIN_MS + 2 * HOUR_MS },
  { match: "edge_native_seconds", startMs: BEGIN_MS + 3_000_000, endMs: BEGIN_MS + 3_600_000 },
  { match: 'edge_resets_total{instance="b"}', startMs: 0, endMs: BEGIN_MS + 3 * HOUR_MS },
  { match: 'k6_http_req_duration_seconds{method="POST"}', startMs: BEGIN_MS, endMs: BEGIN_MS + HOUR_MS },
];

function rigOptions(): RigOptions {
  const { LATER = "", FEATURES = "", LAYOUT = "" } = process.env;
  return {
    later: LATER,
    features: [...(NEWER ? NEWER_FEATURES : []), ...FEATURES.split(",").filter((one) => one !== "")],
    ...(LAYOUT === "blocks" ? { inBlocks: true } : {}),
    ...(LAYOUT === "deletions" ? { inBlocks: true, inOrder: true, deletions: DELETIONS } : {}),
  };
}

async function main(): Promise<number> {
  const count = Number(process.argv[2] ?? process.env["COUNT"] ?? 2000);
  const only = process.env["ONLY"] ?? "";
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
      rigOptions(),
    );
    const coverage = new Coverage();
    const vocabulary = vocabularyOf(series, NEWER);
    const { EXPLAINED = "" } = process.env;
    const onAsked = (query: string, lines: readonly string[]): void => {
      coverage.add(query);
      for (const line of EXPLAINED === "" ? [] : lines) appendFileSync(EXPLAINED, `${line}\n  ${query}\n`);
    };
    print(
      `seed ${seed}, ${count} queries from ${from} on, ${series.length} series; Varve ${rig.varveUrl}, Prometheus ${rig.prometheusUrl}`,
    );
    const explained = new Map<string, number>();
    let [asked, errors, empty, reported] = [0, 0, 0, 0];
    while (only !== "texts" && asked < count && reported < reportsMax) {
      const portion = {
        seed,
        from: from + asked,
        count: Math.min(PORTION, count - asked),
        reportsMax: reportsMax - reported,
        onAsked,
      };
      const outcome = await runCampaign(rig, vocabulary, portion);
      for (const report of outcome.reports) print(printReport(seed, report));
      for (const [line, times] of outcome.explained) explained.set(line, (explained.get(line) ?? 0) + times);
      [asked, errors, empty] = [asked + outcome.asked, errors + outcome.errors, empty + outcome.empty];
      reported += outcome.reports.length;
      print(
        `${asked} asked: ${errors} errors and ${empty} empty results on both sides, ${reported} differences`,
      );
    }
    const share = { seed, from, count: Math.ceil(count / TEXT_SHARE) };
    for (const [what, run] of [
      ["texts", (reportsMax: number) => runTexts(rig, vocabulary, { ...share, reportsMax })],
      ["patterns", (reportsMax: number) => runPatterns(rig, { ...share, reportsMax })],
    ] as const) {
      const outcome = await run(reportsMax - reported);
      for (const report of outcome.reports) print(report);
      reported += outcome.reports.length;
      print(
        `${outcome.asked} ${what}: ${outcome.refused} refused on both sides, ${outcome.reports.length} differences`,
      );
    }
    for (const [line, times] of explained) print(`${times} explained by: ${line}`);
    print(coverage.print());
    return reported === 0 ? 0 : 1;
  } finally {
    for (const callback of callbacks) await callback();
  }
}

process.exit(await main());
