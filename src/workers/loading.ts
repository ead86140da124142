import { setTimeout as sleep } from "node:timers/promises";

const LOAD_MS_MAX = 5000;
const LOAD_POLL_MS = 5;

/**
 * Waits until threads have loaded their modules, but not for ever: to be called before they are ended, for a thread
 * that is ended while it loads takes the process with it (Node 20: "v8::Module::IsGraphAsync").
 */
export async function untilLoaded(loaded: () => boolean): Promise<void> {
  for (let waitedMs = 0; waitedMs < LOAD_MS_MAX && !loaded(); waitedMs += LOAD_POLL_MS) {
    await sleep(LOAD_POLL_MS);
  }
}
