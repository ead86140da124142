/**
 * A thread that is ended while it loads its modules takes the process with it (Node 20: "v8::Module::IsGraphAsync",
 * also where the process exits). So every pool of threads is made here, and who ends one waits until it has loaded.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Piscina } from "piscina";

const LOAD_MS_MAX = 5000;
const LOAD_POLL_MS = 5;

export type ThreadPool = Piscina;
type PoolOptions = ConstructorParameters<typeof Piscina>[0];

/**
 * `execArgv` of threads that give way to others: `nice` from 1, a little, to 19, as that of nice(1). Without the flags of
 * the process: a thread is not made with those of V8.
 */
export function lowerPriority(nice: number): string[] {
  return ["--import", new URL(`low-priority-entry.js?nice=${nice}`, import.meta.url).href];
}

/** Pools that were not closed, each with the ids of its threads that have loaded. */
const open = new Map<Piscina, Set<number>>();

export function openPool(options: PoolOptions): ThreadPool {
  const pool = new Piscina({ ...options, recordTiming: false });
  const loaded = new Set<number>();
  // Of these the pool says at once that they are there; their first message is that they have loaded.
  const first = new Set(pool.threads.map(({ threadId }) => threadId));
  for (const thread of pool.threads) {
    const { threadId } = thread;
    thread.once("message", () => loaded.add(threadId));
  }
  pool.on("workerCreate", ({ id }: { readonly id: number }) => {
    for (const old of loaded) if (!pool.threads.some(({ threadId }) => threadId === old)) loaded.delete(old);
    if (!first.delete(id)) loaded.add(id);
  });
  open.set(pool, loaded);
  return pool;
}

/** Ends the threads once they have loaded, and rejects what they had to do. */
export async function closePool(pool: ThreadPool): Promise<void> {
  await untilLoaded([pool]);
  open.delete(pool);
  await pool.destroy();
}

/** To be awaited before the process exits: until no thread loads any more, but not for ever. */
export function allLoaded(): Promise<void> {
  return untilLoaded([...open.keys()]);
}

async function untilLoaded(pools: readonly Piscina[]): Promise<void> {
  for (let waitedMs = 0; waitedMs < LOAD_MS_MAX && pools.some(isLoading); waitedMs += LOAD_POLL_MS) {
    await sleep(LOAD_POLL_MS);
  }
}

/** A thread that has ended is no longer among the pool's. */
function isLoading(pool: Piscina): boolean {
  const loaded = open.get(pool);
  return pool.threads.some(({ threadId }) => loaded?.has(threadId) === false);
}
