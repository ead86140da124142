import { closePool, openPool, type ThreadPool } from "./thread-pool.js";
export interface PasswordTask {
  readonly password: string;
  /** bcrypt, as `htpasswd -B` makes it. */
  readonly hash: string;
  /** The comparison takes as long as one with a hash of this cost (logarithm of the rounds). */
  readonly costMax: number;
}

/** The thread ends when nobody has asked for this long. */
const IDLE_MS = 60_000;

/** Compares passwords with bcrypt hashes on a thread of its own. */
export class PasswordPool {
  private readonly pool: ThreadPool = openPool({
    filename: new URL("bcrypt-entry.js", import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MS,
  });

  /** Never rejects: what cannot be compared does not match. */
  async verify(task: PasswordTask): Promise<boolean> {
    try {
      return (await this.pool.run(task, { name: "verify" })) as boolean;
    } catch {
      return false;
    }
  }

  close(): Promise<void> {
    return closePool(this.pool);
  }
}
