/** Entry of the password thread: bcrypt is slow on purpose and must not stop the event loop. */
import { compareSync, getRounds, hashSync } from "bcryptjs";
import type { PasswordTask } from "./password-pool.js";

/**
 * Every comparison takes the rounds of the dearest hash: where one is cheaper, the rest is spent on hashes that
 * nobody reads (2^c + 2^c + 2^(c+1) … + 2^(m-1) = 2^m), and the time does not tell which user was meant.
 */
export function verify({ password, hash, costMax }: PasswordTask): boolean {
  const matches = compareSync(password, hash);
  for (let cost = getRounds(hash); cost < costMax; cost++) hashSync(password, cost);
  return matches;
}
