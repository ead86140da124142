/** Entry of the password thread: bcrypt is slow on purpose and must not stop the event loop. */
import { compareSync } from "bcryptjs";
import type { PasswordTask } from "./password-pool.js";

export function verify({ password, hash }: PasswordTask): boolean {
  return compareSync(password, hash);
}
