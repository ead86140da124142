/** A thread of `mix-under-load.ts`: asks one question after the other, round and round, until it is told to stop. */
import { parentPort, workerData } from "node:worker_threads";
import { Connection } from "./connection.js";

export interface MixClientJob {
  readonly port: number;
  /** With their parameters. */
  readonly paths: readonly string[];
  /** Rounds at least, whatever the gate says. */
  readonly roundsMin: number;
  /** Stops once this is not 0. */
  readonly gate: Int32Array;
}

/** Milliseconds of every answer, by path. */
export type MixClientTimes = number[][];

const { port, paths, roundsMin, gate } = workerData as MixClientJob;
const times: MixClientTimes = paths.map(() => []);
const connection = await Connection.open(port);
for (let round = 0; ; round++) {
  for (const [i, path] of paths.entries()) {
    const startedAt = performance.now();
    const answer = await connection.get(path);
    const tookMs = performance.now() - startedAt;
    if (answer.status !== 200) throw new Error(`${path}: ${answer.text().slice(0, 300)}`);
    if (round < roundsMin || Atomics.load(gate, 0) === 0) times[i]!.push(tookMs);
  }
  if (round + 1 >= roundsMin && Atomics.load(gate, 0) !== 0) break;
}
connection.close();
parentPort!.postMessage(times);
