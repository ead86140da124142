/**
 * A server under everything at once, with time squeezed so that a block is cut every minute: 200,000 samples a
 * second, series that come and go, late samples, queries, deletions, compaction and retention. Its answers are held
 * to the model's, its memory is watched.
 */
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { treeBytes } from "../../dist-bench/process-figures.js";
import { seededRandom } from "../support/random.js";
import type { TestServer } from "../support/server.js";
import { SoakLoad } from "../support/soak-load.js";
import { SoakModel, TICK_MS } from "../support/soak-model.js";
import { Checks, LOOKBACK_MS } from "./checks.js";

/** Blocks of a minute, merged into blocks of three and nine; as much disk as ten minutes or so need. */
export const SOAK_FLAGS: readonly string[] = [
  "--storage.tsdb.min-block-duration=1m",
  "--storage.tsdb.retention.time=90m",
  `--query.lookback-delta=${LOOKBACK_MS / 1000}s`,
];

const ASK_MS = 200;
const DELETE_EACH_MS = 15_000;
const WATCH_MS = 5000;
const PRINT_EACH = 6;

export interface SoakReport {
  readonly seconds: number;
  readonly samples: number;
  readonly samplesPerSecond: number;
  readonly questions: number;
  readonly samplesCompared: number;
  readonly deletions: number;
  readonly writeMsMax: number;
  readonly queryMsMax: number;
  /** Medians of the second and the last quarter of the run. */
  readonly rssMb: readonly [before: number, after: number];
  readonly rssMbMax: number;
  readonly descriptorsMax: number;
  readonly diskMbMax: number;
  readonly problems: readonly string[];
}

interface Watched {
  readonly rssMb: number;
  readonly descriptors: number;
  readonly diskMb: number;
}

export async function runSoak(
  server: TestServer,
  seconds: number,
  seed: number,
  print: (line: string) => void,
): Promise<SoakReport> {
  const startMs = Date.now();
  const model = new SoakModel(startMs);
  const load = new SoakLoad(server.url, model);
  const checks = new Checks(server.url, model, seededRandom(seed));
  const endMs = startMs + seconds * 1000;
  const goes = (): boolean => Date.now() < endMs && server.running && load.refusals.length === 0;
  const watched: Watched[] = [];
  const watching = watch(server, model, goes, watched, print);
  const asking = ask(checks, goes, print);
  await send(load, model, goes);
  await Promise.all([watching, asking]);
  const rss = watched.map(({ rssMb }) => rssMb);
  const quarter = (n: number): number =>
    median(rss.slice(Math.floor((rss.length * n) / 4), Math.ceil((rss.length * (n + 1)) / 4)));
  const problems = [...load.refusals.map((refusal) => `write: ${refusal}`), ...checks.problems];
  if (!server.running) problems.push("the server ended");
  for (const line of server.output().split("\n")) {
    if (line.includes("level=error") || line.includes("level=warn")) problems.push(line);
  }
  const took = (Date.now() - startMs) / 1000;
  return {
    seconds: took,
    samples: load.samples,
    samplesPerSecond: Math.round(load.samples / took),
    questions: checks.asked,
    samplesCompared: checks.samplesCompared,
    deletions: model.deleted.length,
    writeMsMax: Math.round(load.latencyMsMax),
    queryMsMax: Math.round(checks.latencyMsMax),
    rssMb: [quarter(1), quarter(3)],
    rssMbMax: Math.max(...rss),
    descriptorsMax: Math.max(...watched.map(({ descriptors }) => descriptors)),
    diskMbMax: Math.max(...watched.map(({ diskMb }) => diskMb)),
    problems,
  };
}

/** A tick each `TICK_MS`; late ones follow at once. */
async function send(load: SoakLoad, model: SoakModel, goes: () => boolean): Promise<void> {
  while (goes() && (await load.tick())) {
    const early = model.startMs + model.ticks * TICK_MS - Date.now();
    if (early > 0) await sleep(early);
  }
}

async function ask(checks: Checks, goes: () => boolean, print: (line: string) => void): Promise<void> {
  let deletes = true;
  let deletedAt = performance.now();
  while (goes()) {
    await checks.ask();
    if (deletes && performance.now() - deletedAt > DELETE_EACH_MS) {
      deletedAt = performance.now();
      deletes = await checks.delete();
      if (!deletes) print("the server offers no deletion");
    }
    await sleep(ASK_MS);
  }
}

async function watch(
  server: TestServer,
  model: SoakModel,
  goes: () => boolean,
  watched: Watched[],
  print: (line: string) => void,
): Promise<void> {
  for (let i = 1; goes(); i++) {
    await sleep(WATCH_MS);
    if (!server.running) return;
    const figures: Watched = {
      rssMb: Math.round(server.rssBytes() / 1e6),
      descriptors: readdirSync(`/proc/${server.pid}/fd`).length,
      diskMb: Math.round(treeBytes(server.dataDirectory, "allocated") / 1e6),
    };
    watched.push(figures);
    if (i % PRINT_EACH !== 0) continue;
    const behindMs = Date.now() - model.startMs - model.ticks * TICK_MS;
    const blocks = readdirSync(server.dataDirectory).filter((name) => /^[0-9A-Z]{26}$/.test(name)).length;
    const head = await metricsOf(server.url, ["varve_head_memory_bytes", "varve_head_series"]);
    print(`${(i * WATCH_MS) / 1000} s: ${JSON.stringify({ ...figures, blocks, behindMs, ...head })}`);
  }
}

async function metricsOf(url: string, names: readonly string[]): Promise<Record<string, number>> {
  const text = await fetch(`${url}/metrics`).then((answer) => answer.text());
  return Object.fromEntries(
    names.map((name) => [name, Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1])]),
  );
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
