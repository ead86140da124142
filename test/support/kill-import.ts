import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const KILLS = 4;

/** Starts an import again and again and kills it as soon as its working folder has grown; returns how often it did. */
export async function killImport(args: readonly string[], dataFolder: string): Promise<number> {
  const work = join(dataFolder, "import");
  const size = (): number => {
    for (;;) {
      try {
        return existsSync(work) ? readdirSync(work, { recursive: true }).length : 0;
      } catch {
        // A folder was renamed while it was being listed.
      }
    }
  };
  let kills = 0;
  for (let i = 0; i < KILLS; i++) {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: "ignore" });
    const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
    const before = size();
    let ended = false;
    void exited.then(() => {
      ended = true;
    });
    while (!ended && size() <= before + 8 * i) await sleep(1);
    child.kill("SIGKILL");
    await exited;
    if (!ended || size() > 0) kills++;
  }
  return kills;
}
