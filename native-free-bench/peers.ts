/**
 * `npm run bench:peers -- W1 W2 …`: the same bytes into Varve and into the programs it is compared with, one after
 * the other on this machine, and one table of what each took.
 *
 *   W1:3                            medians of three runs   --repeat 3    the same for all, interleaved
 *   --only varve,victoria-metrics   choose programs
 *   --size small                    seconds, for a look     --json FILE   the figures as JSON
 *   --port 21400                    the first loopback port --write-docs  put the table into docs/ and README.md
 *   compaction                      instead of a workload: what making blocks of W2 costs those who write
 *   load                            instead of a workload: what writing W1 and asking the query mix cost each other
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { isMeasured, measureCompaction } from "./compaction.js";
import { Connection } from "./connection.js";
import { writeDocs } from "./docs.js";
import { askTogether, isAsked, type Load, Measurement } from "./measurement.js";
import { measureMixUnderLoad } from "./mix-under-load.js";
import { machineTime, stolenSince } from "./process-figures.js";
import { isInstalled, PROGRAMS, type Program } from "./programs.js";
import {
  FIGURES,
  type Figures,
  median,
  type Outcome,
  printFrontPage,
  printQueryTable,
  printTable,
} from "./report.js";
import { openRequests } from "./request-cache.js";
import { sendRequests } from "./sender.js";
import { recentBaseMs, sampleCountOf, seriesCountOf, workloadOf } from "./workloads.js";

/** Between two programs, so that the disk and the clock of the processor come to rest. */
const SETTLE_MS = 3000;
/** One workload into all programs, and the questions about it to all of them side by side where `asks`. */
async function measureAll(
  programs: readonly Program[],
  load: Load,
  port: number,
  asks: boolean,
): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  try {
    for (const [i, program] of programs.entries()) {
      const one = await Measurement.start(program, port + i, load, log);
      measured.push(one);
      await one.write();
      if (asks) await one.settle();
      else await end(one);
      if (load.isFull) await sleep(SETTLE_MS);
    }
    if (asks) {
      await askTogether(measured, load);
      for (const one of measured) await end(one);
    }
  } finally {
    for (const one of measured) await one.close();
  }
  return measured;
}

async function end(one: Measurement): Promise<void> {
  await one.finish();
  await one.close();
  log(`  ${one.program.name} ${JSON.stringify(one.figures)}`);
}

/** Sends and asks a little first, of a server of its own, so that the first program does not meet unoptimised code. */
async function warmUp(): Promise<void> {
  const body = Buffer.alloc(100_000, '{"values":[[1,"23.4"]]}');
  const answers = new Map([
    ["/plain", { headers: {}, body }],
    ["/gzip", { headers: { "Content-Encoding": "gzip" }, body: gzipSync(body) }],
  ]);
  const sink = createServer((request, response) => {
    const answer = answers.get(request.url ?? "");
    if (answer !== undefined) response.writeHead(200, answer.headers).end(answer.body);
    request.resume();
    if (answer === undefined) request.on("end", () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => sink.listen(0, "127.0.0.1", resolve));
  const workload = workloadOf("W1", "small");
  const cache = openRequests(workload, "small", recentBaseMs(workload, Date.now()));
  const address = sink.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  for (let pass = 0; pass < 10; pass++) await sendRequests(cache, { port, path: "/", protocol: 1 });
  cache.close();
  const connection = await Connection.open(port);
  for (let pass = 0; pass < 100; pass++) {
    for (const path of answers.keys()) await connection.get(path);
  }
  connection.close();
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
  await warmUp();
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
    const shared: Load = { workload, cache, baseMs, isFull: size === "full" };
    const runs = new Map<string, Figures[]>(programs.map((program) => [program.name, []]));
    for (let repeat = 0; repeat < Number(repeats); repeat++) {
      const isLast = repeat === Number(repeats) - 1;
      const asks = isLast && isAsked(workload);
      for (const { program, figures } of await measureAll(programs, shared, Number(values.port), asks)) {
        runs.get(program.name)!.push(figures);
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
