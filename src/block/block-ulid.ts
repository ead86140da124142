import { ulid } from "ulid";
import type { Clock } from "../base/clock.js";

/** A new block name: the time in its first ten letters, chance in the rest. */
export function newBlockUlid(clock: Clock): string {
  return ulid(clock.nowMs());
}
