/** Entry of the password thread: bcrypt is slow on purpose and must not stop the event loop. */
import { compareSync } from "bcryptjs";
import type { PasswordTask } from "./password-pool.js";

/** Compares with every hash, whatever the others say: the time does not tell which one was meant. */
export function verify({ password, hashes, own }: PasswordTask): boolean {
  return hashes.map((hash) => compareSync(password, hash))[own] === true;
}
