import { closePool, openPool, type ThreadPool } from "./thread-pool.js";
export interface PasswordTask {
  readonly password: string;
  /** bcrypt, as `htpasswd -B` makes it: the user's, and others. The costs and their order are those of every task. */
  readonly hashes: readonly string[];
  /** Which one is the user's: what the others say does not count. */
  readonly own: number;
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
