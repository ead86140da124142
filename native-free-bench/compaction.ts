/**
 * `peers.ts compaction`: what making and merging blocks costs those who write. The eight hours of W2 are sent at a
 * steady pace, twice: to a program that cuts blocks of two hours as it does by default, and to one that cuts none
 * because a block would span a day. What the first took more is compaction: CPU, memory, and the latency of the
 * seconds in which it ran, which are those with an unfinished block in the folder and the one behind them.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuMs, diskUse, machineTime, rssBytes, stolenSince } from "./process-figures.js";
import { type Program, RunningProgram } from "./programs.js";
import type { RequestCache } from "./request-cache.js";
import { quantileOf, sendRequests } from "./sender.js";

const SECONDS = 75;
const WITHOUT_BLOCKS: Readonly<Record<string, readonly string[]>> = {
  varve: ["--storage.tsdb.min-block-duration=1d"],
  prometheus: ["--storage.tsdb.min-block-duration=1d", "--storage.tsdb.max-block-duration=31d"],
};
/** Programs look once a minute whether there is something to do; the load ends in between. */
const UPKEEP_MS = 50_000;
/** What both programs call a block that they write. */
const UNFINISHED = ".tmp-for-creation";
/** What is cleaned up behind a block belongs to it. */
const BEHIND_MS = 1000;
const LOOK_MS = 50;

export interface CompactionFigures {
  /** All CPU from the first request until idle again, per sample. */
  readonly cpuUs: number;
  /** What of it the run without blocks did not take, per sample that ended up in a block. */
  compactionCpuUs: number;
  /** 99th percentile of the answers in seconds with compaction, and in the others. */
  readonly compactingP99Ms: number;
  readonly quietP99Ms: number;
  readonly compactingSeconds: number;
  /** The share of the processors that the host gave to others meanwhile, 0 to 1. */
  readonly stolen: number;
  /** Largest resident memory, and how much more that is than without blocks. */
  readonly rssPeakMb: number;
  rssMoreMb: number;
  readonly blockBytesPerSample: number;
  readonly blockSamples: number;
}

interface Second {
  readonly latenciesMs: number[];
  isCompacting: boolean;
}

/** Programs that can be kept from cutting blocks. */
export function isMeasured(program: Program): boolean {
  return WITHOUT_BLOCKS[program.name] !== undefined;
}

export async function measureCompaction(
  program: Program,
  cache: RequestCache,
  port: number,
): Promise<CompactionFigures> {
  const without = await run(program, WITHOUT_BLOCKS[program.name] ?? [], cache, port);
  const figures = await run(program, [], cache, port);
  const samples = samplesOf(cache);
  figures.compactionCpuUs = ((figures.cpuUs - without.cpuUs) * samples) / figures.blockSamples;
  figures.rssMoreMb = figures.rssPeakMb - without.rssPeakMb;
  return figures;
}

async function run(
  program: Program,
  flags: readonly string[],
  cache: RequestCache,
  port: number,
): Promise<CompactionFigures> {
  const folder = mkdtempSync(join(tmpdir(), `varve-compaction-${program.name}-`));
  const command = (...at: [number, string]): readonly string[] => [...program.command(...at), ...flags];
  const running = await RunningProgram.start({ ...program, command }, port, folder);
  try {
    const { pid } = running;
    const cpuBefore = cpuMs(pid);
    const seconds: Second[] = [];
    let rssPeak = 0;
    let unfinishedAt = Number.NEGATIVE_INFINITY;
    const machineBefore = machineTime();
    const startedAt = performance.now();
    const secondOf = (atMs: number): Second => {
      const index = Math.floor((atMs - startedAt) / 1000);
      while (seconds.length <= index) seconds.push({ latenciesMs: [], isCompacting: false });
      return seconds[index]!;
    };
    const watch = setInterval(() => {
      rssPeak = Math.max(rssPeak, rssBytes(pid));
      const now = performance.now();
      if (readdirSync(folder).some((name) => name.includes(UNFINISHED))) unfinishedAt = now;
      if (now - unfinishedAt <= BEHIND_MS) secondOf(now).isCompacting = true;
    }, LOOK_MS);
    const sent = await sendRequests(cache, {
      port,
      path: program.writePath,
      protocol: 1,
      requestsPerSecond: cache.requestCount / SECONDS,
      answered: (sentAt, tookMs) => secondOf(sentAt).latenciesMs.push(tookMs),
    });
    if (sent.refusals > 0) throw new Error(`${program.name}: ${sent.firstRefusal}`);
    const loaded = seconds.slice(1, Math.floor(sent.wallMs / 1000));
    if (flags.length === 0) await sleep(UPKEEP_MS);
    await untilQuiet(pid);
    clearInterval(watch);
    const machine = { cpuMs: cpuMs(pid) - cpuBefore, rssPeak, stolen: stolenSince(machineBefore) };
    return figuresOf(loaded, machine, folder, samplesOf(cache));
  } finally {
    await running.kill("SIGTERM").catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.log`, { force: true });
  }
}

function figuresOf(
  loaded: readonly Second[],
  machine: { readonly cpuMs: number; readonly rssPeak: number; readonly stolen: number },
  folder: string,
  samples: number,
): CompactionFigures {
  const p99 = (chosen: readonly Second[]): number =>
    quantileOf(
      chosen.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b),
      0.99,
    );
  const compacting = loaded.filter(({ isCompacting }) => isCompacting);
  const disk = diskUse(folder);
  return {
    cpuUs: (machine.cpuMs * 1000) / samples,
    compactionCpuUs: 0,
    compactingP99Ms: p99(compacting),
    quietP99Ms: p99(loaded.filter(({ isCompacting }) => !isCompacting)),
    compactingSeconds: compacting.length,
    stolen: machine.stolen,
    rssPeakMb: machine.rssPeak / 1e6,
    rssMoreMb: 0,
    blockBytesPerSample: disk.blockSamples === 0 ? 0 : disk.blockBytes / disk.blockSamples,
    blockSamples: disk.blockSamples,
  };
}

/** Until the process took next to no CPU for three seconds. */
async function untilQuiet(pid: number): Promise<void> {
  let before = cpuMs(pid);
  for (let quiet = 0; quiet < 3; ) {
    await sleep(1000);
    const now = cpuMs(pid);
    quiet = now - before > 30 ? 0 : quiet + 1;
    before = now;
  }
}

function samplesOf(cache: RequestCache): number {
  return cache.connections.flatMap(({ samples }) => samples).reduce((sum, count) => sum + count, 0);
}
