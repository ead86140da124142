/** One program and one workload: written to, left to come to rest, asked beside the others, ended and started again. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuMs, diskUse, rssBytes, rssPeakBytes, untilIdle } from "./process-figures.js";
import { type Program, RunningProgram } from "./programs.js";
import {
  type Asked,
  askInTurn,
  countSamples,
  geometricMean,
  type MixFigure,
  mixQuestions,
  wideQuestions,
} from "./query-mix.js";
import type { Figures } from "./report.js";
import type { RequestCache } from "./request-cache.js";
import { quantileOf, sendRequests } from "./sender.js";
import { sampleCountOf, type Workload } from "./workloads.js";

/** Programs with blocks look once a minute whether there is one to write. */
const UPKEEP_MS = 70_000;

/** The bytes that every program gets. */
export interface Load {
  readonly workload: Workload;
  readonly cache: RequestCache;
  /** Time of the first sample. */
  readonly baseMs: number;
  /** As opposed to a small one, for a look. */
  readonly isFull: boolean;
}

export class Measurement implements Asked {
  readonly program: Program;
  readonly port: number;
  figures: Figures = {};
  private readonly load: Load;
  private readonly folder: string;
  private readonly log: (line: string) => void;
  private running: RunningProgram;
  private cpuBeforeMs = 0;
  private acknowledged = 0;
  private wasAsked = false;

  private constructor(running: RunningProgram, load: Load, log: (line: string) => void) {
    this.program = running.program;
    this.port = running.port;
    this.folder = running.folder;
    this.running = running;
    this.load = load;
    this.log = log;
  }

  static async start(
    program: Program,
    port: number,
    load: Load,
    log: (line: string) => void,
  ): Promise<Measurement> {
    const folder = mkdtempSync(join(tmpdir(), `varve-peer-${program.name}-`));
    return new Measurement(await RunningProgram.start(program, port, folder), load, log);
  }

  get pid(): number {
    return this.running.pid;
  }

  /** Sends all of the workload. */
  async write(): Promise<void> {
    const { figures, load, port, program, pid } = this;
    const samples = sampleCountOf(load.workload);
    this.cpuBeforeMs = cpuMs(pid);
    const senderBefore = process.cpuUsage();
    const { protocol } = load.workload;
    const sent = await sendRequests(load.cache, { port, path: program.writePath, protocol });
    const sender = process.cpuUsage(senderBefore);
    this.acknowledged = sent.samplesAcknowledged;
    figures.cpuUs = ((cpuMs(pid) - this.cpuBeforeMs) * 1000) / samples;
    figures.senderCpuUs = (sender.user + sender.system) / samples;
    figures.samplesPerSecond = sent.samplesAcknowledged / (sent.wallMs / 1000);
    figures.p50Ms = quantileOf(sent.latenciesMs, 0.5);
    figures.p99Ms = quantileOf(sent.latenciesMs, 0.99);
    figures.rssPeakMb = rssPeakBytes(pid) / 1e6;
    figures.refusedRequests = sent.refusals;
    if (sent.firstRefusal !== "") this.log(`  ${program.name}: ${sent.firstRefusal}`);
  }

  /** Until what writing left to do is done; after a long workload, how much lies on the disk. */
  async settle(): Promise<void> {
    const { figures, load, pid, program } = this;
    const samples = sampleCountOf(load.workload);
    if (load.isFull) await sleep(UPKEEP_MS);
    await untilIdle(pid);
    figures.cpuSettledUs = ((cpuMs(pid) - this.cpuBeforeMs) * 1000) / samples;
    figures.rssSettledMb = rssBytes(pid) / 1e6;
    if (!isLong(load.workload)) return;
    if (program.compactPath !== "") {
      await fetch(`${this.running.url}${program.compactPath}`).then((response) => response.arrayBuffer());
      await untilIdle(pid);
    }
    const disk = diskUse(this.folder);
    figures.diskBytes = disk.allBytes / samples;
    if (disk.blockSamples > 0) figures.blockBytes = disk.blockBytes / disk.blockSamples;
  }

  /** Enters what its queries took. */
  note(mix: readonly MixFigure[]): void {
    const { figures } = this;
    this.wasAsked = true;
    this.log(`  ${this.program.name}`);
    for (const { query, error, medianMs, cpuMs: cpu } of mix) {
      this.log(
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

  /** What is there after an end: of a long workload an orderly one, of the others one by `kill -9`. */
  async finish(): Promise<void> {
    const { figures, load, acknowledged } = this;
    const { workload, baseMs } = load;
    if (acknowledged === 0) return;
    if (isLong(workload)) {
      if (this.wasAsked) {
        await this.startAgain("SIGTERM");
        const [question] = mixQuestions(workload, baseMs);
        const [[first] = []] = await askInTurn([this], [question!], 1);
        if (first?.error === "") figures.firstQueryMs = first.firstMs;
      }
      const counted = await this.orUndefined(countSamples(this.running.url, workload, baseMs));
      if (counted !== undefined) figures.missing = acknowledged - counted;
      // Answering 2xx to what it does not understand is not a speed.
      if (counted === 0) this.figures = { missing: acknowledged };
    } else {
      await this.startAgain("SIGKILL");
      figures.readyMs = this.running.readyAfterMs;
      const counted = await this.orUndefined(this.countSettled());
      if (counted !== undefined) figures.missingAfterKill = acknowledged - counted;
    }
  }

  /** Ends the program and removes its data. */
  async close(): Promise<void> {
    await this.running.kill("SIGTERM").catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true });
    if (this.figures.samplesPerSecond !== undefined) rmSync(`${this.folder}.log`, { force: true });
  }

  private async startAgain(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await this.running.kill(signal);
    this.running = await RunningProgram.start(this.program, this.port, this.folder);
  }

  /** `work`, or undefined and a line where the program refuses: the other figures are worth having then, too. */
  private async orUndefined(work: Promise<number>): Promise<number | undefined> {
    try {
      return await work;
    } catch (error) {
      this.log(`  ${this.program.name}: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Some programs show what they have a few seconds late: asked again until it is all there or 10 s have passed. */
  private async countSettled(): Promise<number> {
    const { workload, baseMs } = this.load;
    const deadline = performance.now() + 10_000;
    let counted = await countSamples(this.running.url, workload, baseMs);
    while (counted < this.acknowledged && performance.now() < deadline) {
      await sleep(2000);
      counted = Math.max(counted, await countSamples(this.running.url, workload, baseMs));
    }
    return counted;
  }
}

/** Asks all of them side by side what is asked of the workload: a quick minute of the machine is everybody's. */
export async function askTogether(measured: readonly Measurement[], load: Load): Promise<void> {
  const { workload, baseMs } = load;
  const questions = isLong(workload) ? mixQuestions(workload, baseMs) : wideQuestions(workload, baseMs);
  const figures = await askInTurn(measured, questions);
  for (const [i, one] of measured.entries()) one.note(figures[i]!);
}

export function isAsked({ name }: Workload): boolean {
  return name === "W2" || name === "W5";
}

/** The long workloads end with blocks and disk, the others with a kill. */
function isLong(workload: Workload): boolean {
  return workload.name.startsWith("W2");
}
