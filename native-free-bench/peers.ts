/**
 * `npm run bench:peers -- W1 W2 …`: the same bytes into Varve and into the programs it is compared with, one after
 * the other on this machine, and one table of what each took.
 *
 *   W1:3                            medians of three runs   --repeat 3    the same for all, interleaved
 *   --only varve,victoria-metrics   choose programs
 *   --size small                    seconds, for a look     --json FILE   the figures as JSON
 *   --port 21400                    the loopback port       --write-docs  put the table into docs/ and README.md
 *   compaction                      instead of a workload: what making blocks of W2 costs those who write
 *   load                            instead of a workload: what writing W1 and asking the query mix cost each other
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { isMeasured, measureCompaction } from "./compaction.js";
import { writeDocs } from "./docs.js";
import { measureMixUnderLoad } from "./mix-under-load.js";
import {
  cpuMs,
  diskUse,
  machineTime,
  rssBytes,
  rssPeakBytes,
  stolenSince,
  untilIdle,
} from "./process-figures.js";
import { isInstalled, PROGRAMS, type Program, RunningProgram } from "./programs.js";
import {
  countSamples,
  geometricMean,
  type MixFigure,
  QUERY_MIX,
  runQueryMix,
  runWideQueries,
} from "./query-mix.js";
import {
  FIGURES,
  type Figures,
  median,
  type Outcome,
  printFrontPage,
  printQueryTable,
  printTable,
} from "./report.js";
import { openRequests, type RequestCache } from "./request-cache.js";
import { quantileOf, sendRequests } from "./sender.js";
import {
  recentBaseMs,
  sampleCountOf,
  seriesCountOf,
  spanMs,
  type Workload,
  workloadOf,
} from "./workloads.js";

/** Between two programs, so that the disk and the clock of the processor come to rest. */
const SETTLE_MS = 3000;
const HOUR_MS = 3_600_000;
/** Programs with blocks look once a minute whether there is one to write. */
const UPKEEP_MS = 70_000;

/** One program, one workload, once. */
async function measure(
  program: Program,
  workload: Workload,
  cache: RequestCache,
  baseMs: number,
  port: number,
  isLast: boolean,
): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), `varve-peer-${program.name}-`));
  const figures: Figures = {};
  let running = await RunningProgram.start(program, port, folder);
  try {
    const cpuBefore = cpuMs(running.pid);
    const senderBefore = process.cpuUsage();
    const sent = await sendRequests(cache, { port, path: program.writePath, protocol: workload.protocol });
    const sender = process.cpuUsage(senderBefore);
    const samples = sampleCountOf(workload);
    figures.cpuUs = ((cpuMs(running.pid) - cpuBefore) * 1000) / samples;
    figures.senderCpuUs = (sender.user + sender.system) / samples;
    figures.samplesPerSecond = sent.samplesAcknowledged / (sent.wallMs / 1000);
    figures.p50Ms = quantileOf(sent.latenciesMs, 0.5);
    figures.p99Ms = quantileOf(sent.latenciesMs, 0.99);
    figures.rssPeakMb = rssPeakBytes(running.pid) / 1e6;
    figures.refusedRequests = sent.refusals;
    if (sent.firstRefusal !== "") log(`  ${program.name}: ${sent.firstRefusal}`);
    if (sent.samplesAcknowledged === 0) return figures;
    if (isLong(workload)) {
      if (isLast && !workload.name.endsWith("v2")) {
        await afterSettling(running, workload, baseMs, figures, cpuBefore);
        await running.kill("SIGTERM");
        running = await RunningProgram.start(program, port, folder);
        const { url, pid } = running;
        const [first] = await runQueryMix(url, pid, workload, baseMs, QUERY_MIX.slice(0, 1), 1);
        if (first?.error === "") figures.firstQueryMs = first.firstMs;
      }
      const counted = await orUndefined(program, countSamples(running.url, workload, baseMs));
      if (counted !== undefined) figures.missing = sent.samplesAcknowledged - counted;
      // Answering 2xx to what it does not understand is not a speed.
      if (counted === 0) return { missing: sent.samplesAcknowledged };
    } else {
      if (workload.name === "W5") {
        note(figures, await runWideQueries(running.url, running.pid, workload, baseMs));
      }
      await running.kill("SIGKILL");
      running = await RunningProgram.start(program, port, folder);
      figures.readyMs = running.readyAfterMs;
      const counting = countSettled(running.url, workload, baseMs, sent.samplesAcknowledged);
      const counted = await orUndefined(program, counting);
      if (counted !== undefined) figures.missingAfterKill = sent.samplesAcknowledged - counted;
    }
  } finally {
    await running.kill("SIGTERM").catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
    if (figures.samplesPerSecond !== undefined) rmSync(`${folder}.log`, { force: true });
  }
  return figures;
}

/** The long workloads end with blocks, disk and queries (W2, once); the others with a kill. */
function isLong(workload: Workload): boolean {
  return workload.name.startsWith("W2");
}

async function afterSettling(
  running: RunningProgram,
  workload: Workload,
  baseMs: number,
  figures: Figures,
  cpuBefore: number,
): Promise<void> {
  const samples = sampleCountOf(workload);
  if (spanMs(workload) > 3 * HOUR_MS) await sleep(UPKEEP_MS);
  await untilIdle(running.pid);
  figures.cpuSettledUs = ((cpuMs(running.pid) - cpuBefore) * 1000) / samples;
  figures.rssSettledMb = rssBytes(running.pid) / 1e6;
  if (running.program.compactPath !== "") {
    await fetch(`${running.url}${running.program.compactPath}`).then((response) => response.arrayBuffer());
    await untilIdle(running.pid);
  }
  const disk = diskUse(running.folder);
  figures.diskBytes = disk.allBytes / samples;
  if (disk.blockSamples > 0) figures.blockBytes = disk.blockBytes / disk.blockSamples;
  note(figures, await runQueryMix(running.url, running.pid, workload, baseMs));
}

/** Prints what each query took and enters it into the figures. */
function note(figures: Figures, mix: readonly MixFigure[]): void {
  for (const { query, error, medianMs, cpuMs: cpu } of mix) {
    log(
      error === ""
        ? `    ${medianMs.toFixed(1).padStart(8)} ms  ${cpu.toFixed(1).padStart(8)} ms CPU  ${query}`
        : `    refused: ${query}: ${error}`,
    );
  }
  figures.queries = Object.fromEntries(mix.map(({ query, medianMs }) => [query, medianMs]));
  if (mix.some(({ error }) => error !== "")) return;
  figures.queryMs = geometricMean(mix.map(({ medianMs }) => medianMs));
  figures.queryCpuMs = mix.reduce((sum, { cpuMs: cpu }) => sum + cpu, 0) / mix.length;
}

/** `work`, or undefined and a line where the program refuses: the other figures are worth having then, too. */
async function orUndefined(program: Program, work: Promise<number>): Promise<number | undefined> {
  try {
    return await work;
  } catch (error) {
    log(`  ${program.name}: ${(error as Error).message}`);
    return undefined;
  }
}

/** Some programs show what they have a few seconds late: asked again until it is all there or 10 s have passed. */
async function countSettled(
  url: string,
  workload: Workload,
  baseMs: number,
  wanted: number,
): Promise<number> {
  const deadline = performance.now() + 10_000;
  let counted = await countSamples(url, workload, baseMs);
  while (counted < wanted && performance.now() < deadline) {
    await sleep(2000);
    counted = Math.max(counted, await countSamples(url, workload, baseMs));
  }
  return counted;
}

/** Sends a little to a server of its own first, so that the first program does not meet an unoptimised sender. */
async function warmSender(): Promise<void> {
  const sink = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => sink.listen(0, "127.0.0.1", resolve));
  const workload = workloadOf("W1", "small");
  const cache = openRequests(workload, "small", recentBaseMs(workload, Date.now()));
  const address = sink.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  for (let pass = 0; pass < 10; pass++) await sendRequests(cache, { port, path: "/", protocol: 1 });
  cache.close();
  sink.closeAllConnections();
  sink.close();
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function compaction(programs: readonly Program[], size: "full" | "small", port: number): Promise<void> {
  const workload = workloadOf("W2", size);
  const cache = openRequests(workload, size, recentBaseMs(workload, Date.now()));
  for (const program of programs.filter(isMeasured)) {
    const figures = await measureCompaction(program, cache, port);
    process.stdout.write(`${program.name} ${JSON.stringify(figures)}\n`);
  }
  cache.close();
}

async function load(
  programs: readonly Program[],
  size: "full" | "small",
  port: number,
  repeats: number,
): Promise<void> {
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const program of programs) {
      const figures = await measureMixUnderLoad(program, size, port);
      process.stdout.write(`${program.name} ${JSON.stringify(figures)}\n`);
    }
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: "string", default: "" },
      repeat: { type: "string", default: "1" },
      size: { type: "string", default: "full" },
      port: { type: "string", default: "21400" },
      json: { type: "string", default: join(tmpdir(), "varve-bench", "peers.json") },
      "write-docs": { type: "boolean", default: false },
    },
  });
  const size = values.size === "small" ? "small" : "full";
  const names = positionals.length === 0 ? ["W1", "W2"] : positionals;
  const only = values.only === "" ? PROGRAMS.map(({ name }) => name) : values.only.split(",");
  const programs = PROGRAMS.filter(({ name }) => only.includes(name));
  for (const program of programs) {
    if (!isInstalled(program)) throw new Error(`${program.name} is not on PATH; choose others with --only`);
  }
  if (loadavg()[0]! > 0.5) log(`the machine is not quiet: load ${loadavg()[0]!.toFixed(2)}`);
  const startedAt = machineTime();
  await warmSender();
  if (names.includes("compaction")) return compaction(programs, size, Number(values.port));
  if (names.includes("load")) return load(programs, size, Number(values.port), Number(values.repeat));
  const outcomes: Outcome[] = [];
  for (const wanted of names) {
    const [name = "", repeats = values.repeat] = wanted.split(":");
    const workload = workloadOf(name, size);
    const baseMs = recentBaseMs(workload, Date.now());
    const cache = openRequests(workload, size, baseMs);
    log(
      `${name} (${size}): ${seriesCountOf(workload)} series, ${sampleCountOf(workload)} samples, ` +
        `${cache.requestCount} requests, ${(cache.bytes / 1e6).toFixed(1)} MB, sha256 ${cache.sha256.slice(0, 16)}`,
    );
    const runs = new Map<string, Figures[]>(programs.map((program) => [program.name, []]));
    for (let repeat = 0; repeat < Number(repeats); repeat++) {
      const isLast = repeat === Number(repeats) - 1;
      for (const program of programs) {
        const figures = await measure(program, workload, cache, baseMs, Number(values.port), isLast);
        runs.get(program.name)!.push(figures);
        log(`  ${program.name} ${JSON.stringify(figures)}`);
        await sleep(size === "small" ? 0 : SETTLE_MS);
      }
    }
    cache.close();
    for (const [program, figures] of runs) {
      const medians: Figures = {};
      for (const { key } of FIGURES) {
        const seen = figures.map((figure) => figure[key]).filter((value) => value !== undefined);
        if (seen.length > 0) medians[key] = median(seen);
      }
      const queries = figures.map((figure) => figure.queries).find((seen) => seen !== undefined);
      if (queries !== undefined) medians.queries = queries;
      outcomes.push({ workload: name, program, figures: medians });
    }
  }
  const stolen = `The host gave ${(stolenSince(startedAt) * 100).toFixed(1)} % of the time of the processors to others.`;
  log(stolen);
  const shown = programs.map(({ name }) => name);
  const table = [printTable(outcomes, shown), printQueryTable(outcomes, shown)].filter(Boolean).join("\n\n");
  process.stdout.write(`${table}\n`);
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify({ size, workloads: names, outcomes }, null, 2)}\n`);
  if (!values["write-docs"]) return;
  writeDocs("peers", `${table}\n\n${stolen}`);
  writeDocs("front-page", printFrontPage(outcomes, shown));
}

await main();
