/**
 * `peers.ts load`: what writing and asking cost each other. A program that holds W2 and has come to rest is asked the
 * query mix, then W1 is written to it with names of its own, then another W1 while a client asks the mix without a
 * pause. The client is a thread of its own, so that the sender does not hold up its clock.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { MixClientJob, MixClientTimes } from "./mix-client-entry.js";
import { cpuMs, untilIdle } from "./process-figures.js";
import { type Program, RunningProgram } from "./programs.js";
import { geometricMean, mixQuestions, QUERY_MIX } from "./query-mix.js";
import { median } from "./report.js";
import { openRequests, type RequestCache } from "./request-cache.js";
import { quantileOf, type SendResult, sendRequests } from "./sender.js";
import { recentBaseMs, withPrefix, workloadOf } from "./workloads.js";

/** Programs look once a minute whether there is a block to write. */
const UPKEEP_MS = 70_000;
const ROUNDS_QUIET = 15;

export interface LoadFigures {
  /** Geometric means of the medians, milliseconds. */
  readonly quietMixMs: number;
  readonly loadedMixMs: number;
  readonly mixTimes: number;
  readonly quietSamplesPerSecond: number;
  readonly loadedSamplesPerSecond: number;
  readonly rateKept: number;
  readonly quietP99Ms: number;
  readonly loadedP99Ms: number;
  /** Queries answered while W1 was written. */
  readonly loadedQueries: number;
  /** CPU of the server for a sample, without queries and with them. */
  readonly quietCpuUs: number;
  readonly loadedCpuUs: number;
  /** By query: quiet and loaded medians. */
  readonly queries: Readonly<Record<string, readonly [quiet: number, loaded: number]>>;
}

export async function measureMixUnderLoad(
  program: Program,
  size: "full" | "small",
  port: number,
): Promise<LoadFigures> {
  const folder = mkdtempSync(join(tmpdir(), `varve-load-${program.name}-`));
  const running = await RunningProgram.start(program, port, folder);
  try {
    const long = workloadOf("W2", size);
    const baseMs = recentBaseMs(long, Date.now());
    await write(running, openRequests(long, size, baseMs));
    if (size === "full") await sleep(UPKEEP_MS);
    await untilIdle(running.pid);
    const paths = mixQuestions(long, baseMs).map(({ path }) => path);
    const wide = workloadOf("W1", size);
    const requests = ["a_", "b_"].map((prefix) =>
      openRequests(withPrefix(wide, prefix), size, recentBaseMs(wide, Date.now())),
    );
    const quiet = await ask(port, paths, ROUNDS_QUIET).times;
    const quietWriting = await write(running, requests[0]!);
    await untilIdle(running.pid);
    const client = ask(port, paths, 1, new Int32Array(new SharedArrayBuffer(4)));
    const loadedWriting = await write(running, requests[1]!);
    client.stop();
    return figuresOf(quiet, await client.times, quietWriting, loadedWriting);
  } finally {
    await running.kill("SIGTERM").catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.log`, { force: true });
  }
}

type Written = SendResult & { readonly cpuUs: number };

async function write(running: RunningProgram, cache: RequestCache): Promise<Written> {
  const { port, pid, program } = running;
  const before = cpuMs(pid);
  const sent = await sendRequests(cache, { port, path: program.writePath, protocol: 1 });
  cache.close();
  if (sent.refusals > 0) throw new Error(`${program.name}: ${sent.firstRefusal}`);
  return { ...sent, cpuUs: (1000 * (cpuMs(pid) - before)) / sent.samplesAcknowledged };
}

interface MixClient {
  readonly times: Promise<MixClientTimes>;
  stop(): void;
}

/** Asks all of `paths` `roundsMin` times; with a gate until `stop`. */
function ask(
  port: number,
  paths: readonly string[],
  roundsMin: number,
  gate: Int32Array = Int32Array.of(1),
): MixClient {
  const job: MixClientJob = { port, paths, roundsMin, gate };
  const worker = new Worker(new URL("mix-client-entry.js", import.meta.url), { workerData: job });
  const times = new Promise<MixClientTimes>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  return { times, stop: () => Atomics.store(gate, 0, 1) };
}

function figuresOf(
  quiet: MixClientTimes,
  loaded: MixClientTimes,
  quietWriting: Written,
  loadedWriting: Written,
): LoadFigures {
  const medians = (times: MixClientTimes): number[] => times.map((one) => median(one));
  const quietMedians = medians(quiet);
  const loadedMedians = medians(loaded);
  const rateOf = ({ samplesAcknowledged, wallMs }: SendResult): number =>
    (1000 * samplesAcknowledged) / wallMs;
  const quietMixMs = geometricMean(quietMedians);
  const loadedMixMs = geometricMean(loadedMedians);
  return {
    quietMixMs,
    loadedMixMs,
    mixTimes: loadedMixMs / quietMixMs,
    quietSamplesPerSecond: rateOf(quietWriting),
    loadedSamplesPerSecond: rateOf(loadedWriting),
    rateKept: rateOf(loadedWriting) / rateOf(quietWriting),
    quietP99Ms: quantileOf(quietWriting.latenciesMs, 0.99),
    loadedP99Ms: quantileOf(loadedWriting.latenciesMs, 0.99),
    loadedQueries: loaded.reduce((sum, one) => sum + one.length, 0),
    quietCpuUs: quietWriting.cpuUs,
    loadedCpuUs: loadedWriting.cpuUs,
    queries: Object.fromEntries(
      QUERY_MIX.map(({ query }, i) => [query, [quietMedians[i]!, loadedMedians[i]!]]),
    ),
  };
}
