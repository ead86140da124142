/**
 * `npm run bench -- W1 W2 …`: the engine in this process. No HTTP, no native addon: requests go from memory into
 * slots of the shared memory, through the ingest threads and the log, with one ingest thread and with two.
 *
 *   --workers 1,2      ingest threads to compare     --durability memory    what an answer waits for
 *   --passes 3         fresh databases per figure    --size small           seconds, for a look
 *   --json FILE        the figures as JSON           --write-docs           put the table into docs/
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import type { Engine } from "../dist/workers/contract.js";
import { openEngine } from "../dist/workers/engine.js";
import { writeDocs } from "./docs.js";
import { runIngestThreads } from "./ingest-threads.js";
import { openRequests, type RequestSource } from "./request-cache.js";
import { recentBaseMs, sampleCountOf, type Workload, workloadOf } from "./workloads.js";

type Durability = "fsync" | "write" | "memory";

interface Pass {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly refused: string;
}

interface EngineFigure {
  readonly workload: string;
  readonly workers: number;
  readonly cpuNsPerSample: number;
  readonly wallNsPerSample: number;
  readonly samplesPerSecond: number;
}

const MIB = 1 << 20;

async function openFresh(folder: string, workers: number, durability: Durability): Promise<Engine> {
  const silent = { debug() {}, info() {}, warn: print, error: print };
  return openEngine(
    {
      dataPath: folder,
      durability,
      headMemoryBytesMax: 2048 * MIB,
      outOfOrderWindowMs: 24 * 3_600_000,
      retentionMs: 365 * 24 * 3_600_000,
      ingestWorkers: workers,
      requestBytesMax: 32 * MIB,
      labelsPerSeriesMax: 64,
      labelNameBytesMax: 1024,
      labelValueBytesMax: 4096,
      seriesMax: 0,
      queryTimeoutMs: 120_000,
      querySamplesMax: 50_000_000,
      lookbackDeltaMs: 300_000,
      readSamplesMax: 50_000_000,
      readFrameBytesMax: 1 << 20,
      searchLimitMax: 0,
      queryConcurrencyMax: 1,
      blockRangeMs: 7_200_000,
      retentionBytes: 0,
      freeBytesMin: 0,
      blockCacheBytes: 64 << 20,
      onFatal: (error) => {
        throw error;
      },
    },
    silent,
    () => undefined,
  );
}

function print(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** All requests into a fresh database, each connection's in order, one of each in flight. */
async function runPass(
  source: RequestSource,
  workload: Workload,
  workers: number,
  durability: Durability,
): Promise<Pass> {
  const folder = mkdtempSync(join(tmpdir(), "varve-bench-db-"));
  const engine = await openFresh(folder, workers, durability);
  let refused = "";
  const send = async (connection: number): Promise<void> => {
    const body = new Uint8Array(source.bodyBytesMax);
    const count = source.connections[connection]!.lengths.length;
    for (let request = 0; request < count; request++) {
      const length = source.read(connection, request, body);
      const slot = engine.acquireSlot();
      if (slot === null) throw new Error("no slot is free: more connections than slots");
      slot.write(body.subarray(0, length));
      const answer = await engine.ingest(slot, workload.protocol);
      if (answer.status !== 204 && refused === "") refused = `${answer.status} ${answer.message}`;
    }
  };
  try {
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    await Promise.all(source.connections.map((_, connection) => send(connection)));
    const wallMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { wallMs, cpuMs: (user + system) / 1000, refused };
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The best of some passes: the first ones meet code that is not optimised yet. */
async function measure(
  source: RequestSource,
  workload: Workload,
  workers: number,
  durability: Durability,
  passes: number,
): Promise<EngineFigure> {
  let best: Pass | null = null;
  for (let pass = 0; pass < passes; pass++) {
    const figure = await runPass(source, workload, workers, durability);
    if (figure.refused !== "") throw new Error(`${workload.name}: ${figure.refused}`);
    if (best === null || figure.wallMs < best.wallMs) best = figure;
  }
  const samples = sampleCountOf(workload);
  const { wallMs, cpuMs } = best!;
  return {
    workload: workload.name,
    workers,
    cpuNsPerSample: (cpuMs * 1e6) / samples,
    wallNsPerSample: (wallMs * 1e6) / samples,
    samplesPerSecond: samples / (wallMs / 1000),
  };
}

interface ThreadFigure {
  readonly workload: string;
  readonly threads: number;
  readonly wallNsPerSample: number;
}

async function measureThreads(
  source: RequestSource,
  workload: Workload,
  threads: number,
  passes: number,
): Promise<ThreadFigure> {
  let best = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass < passes; pass++) {
    best = Math.min(best, await runIngestThreads(source, workload, threads));
  }
  return { workload: workload.name, threads, wallNsPerSample: (best * 1e6) / sampleCountOf(workload) };
}

function printThreadFigures(figures: readonly ThreadFigure[]): string {
  const rows = [
    ["workload", "ingest threads, alone", "wall, ns/sample", "of one thread"],
    ["---", "---:", "---:", "---:"],
  ];
  for (const { workload, threads, wallNsPerSample } of figures) {
    const one = figures.find((figure) => figure.workload === workload && figure.threads === 1);
    const scaling = one === undefined ? "" : `${(one.wallNsPerSample / wallNsPerSample).toFixed(2)}×`;
    rows.push([workload, String(threads), wallNsPerSample.toFixed(1), scaling]);
  }
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function printFigures(figures: readonly EngineFigure[], durability: Durability): string {
  const rows = [
    ["workload", "ingest threads", "CPU, ns/sample", "wall, ns/sample", "samples/s", "of one thread"],
    ["---", "---:", "---:", "---:", "---:", "---:"],
  ];
  for (const figure of figures) {
    const one = figures.find(({ workload, workers }) => workload === figure.workload && workers === 1);
    const scaling = one === undefined ? "" : `${(one.wallNsPerSample / figure.wallNsPerSample).toFixed(2)}×`;
    rows.push([
      figure.workload,
      String(figure.workers),
      figure.cpuNsPerSample.toFixed(1),
      figure.wallNsPerSample.toFixed(1),
      Math.round(figure.samplesPerSecond).toLocaleString("en"),
      scaling,
    ]);
  }
  const table = rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
  return `Durability \`${durability}\`.\n\n${table}`;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      workers: { type: "string", default: "1,2" },
      durability: { type: "string", default: "memory" },
      passes: { type: "string", default: "3" },
      size: { type: "string", default: "full" },
      json: { type: "string", default: join(tmpdir(), "varve-bench", "bench.json") },
      "write-docs": { type: "boolean", default: false },
    },
  });
  const size = values.size === "small" ? "small" : "full";
  const durability = values.durability as Durability;
  const figures: EngineFigure[] = [];
  const threadFigures: ThreadFigure[] = [];
  for (const name of positionals.length === 0 ? ["W1", "W1s", "W2", "W2v2"] : positionals) {
    const workload = workloadOf(name, size);
    const source = openRequests(workload, size, recentBaseMs(workload, Date.now()));
    print(`${name} (${size}): ${sampleCountOf(workload)} samples, sha256 ${source.sha256.slice(0, 16)}`);
    for (const workers of values.workers.split(",").map(Number)) {
      const figure = await measure(source, workload, workers, durability, Number(values.passes));
      figures.push(figure);
      print(`  ${JSON.stringify(figure)}`);
      const alone = await measureThreads(source, workload, workers, Number(values.passes));
      threadFigures.push(alone);
      print(`  ${JSON.stringify(alone)}`);
    }
    source.close();
  }
  const table = `${printFigures(figures, durability)}\n\n${printThreadFigures(threadFigures)}`;
  process.stdout.write(`${table}\n`);
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify({ size, durability, figures, threadFigures }, null, 2)}\n`);
  if (values["write-docs"]) writeDocs("engine", table);
}

await main();
