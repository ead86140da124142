/**
 * `npm run soak -- SECONDS`: a soak of that length (default: 20 minutes) against the server of this repository. Ends
 * with 1 where anything was refused, wrong or warned of, or where memory grew. SEED= repeats the questions.
 */
import { startServer } from "../support/server.js";
import { runSoak, SOAK_FLAGS } from "./soak.js";

/** What the resident memory may grow by, from the second quarter of the run to the last. */
const GROWTH_MAX = 0.1;
const GROWTH_SECONDS_MIN = 600;

async function main(): Promise<number> {
  const seconds = Number(process.argv[2] ?? 1200);
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  if (![seconds, seed].every(Number.isSafeInteger)) throw new Error("SECONDS and SEED are whole numbers");
  const callbacks: (() => Promise<void>)[] = [];
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  try {
    const cleanup = { after: (callback: () => Promise<void>) => void callbacks.push(callback) };
    const server = await startServer(cleanup, { flags: SOAK_FLAGS });
    print(`seed ${seed}, ${seconds} s, server ${server.pid}`);
    const report = await runSoak(server, seconds, seed, print);
    print(JSON.stringify(report, null, 2));
    const [before, after] = report.rssMb;
    const grew = seconds >= GROWTH_SECONDS_MIN && after > before * (1 + GROWTH_MAX);
    if (grew) print(`memory grew from ${before} to ${after} MB`);
    return report.problems.length > 0 || grew ? 1 : 0;
  } finally {
    for (const callback of callbacks) await callback();
  }
}

process.exitCode = await main();
