/** A thread of `mix-under-load.ts`: asks one address after the other, round and round, until it is told to stop. */
import { parentPort, workerData } from "node:worker_threads";

export interface MixClientJob {
  readonly addresses: readonly string[];
  /** Rounds at least, whatever the gate says. */
  readonly roundsMin: number;
  /** Stops once this is not 0. */
  readonly gate: Int32Array;
}

/** Milliseconds of every answer, by address. */
export type MixClientTimes = number[][];

const { addresses, roundsMin, gate } = workerData as MixClientJob;
const times: MixClientTimes = addresses.map(() => []);
for (let round = 0; ; round++) {
  for (const [i, address] of addresses.entries()) {
    const startedAt = performance.now();
    const response = await fetch(address);
    const body = await response.arrayBuffer();
    const tookMs = performance.now() - startedAt;
    if (response.status !== 200)
      throw new Error(`${address}: ${new TextDecoder().decode(body).slice(0, 300)}`);
    if (round < roundsMin || Atomics.load(gate, 0) === 0) times[i]!.push(tookMs);
  }
  if (round + 1 >= roundsMin && Atomics.load(gate, 0) !== 0) break;
}
parentPort!.postMessage(times);
