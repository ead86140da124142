/** Programs of others that tests talk to: found on PATH, started on loopback, stopped with the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cleanup } from "./server.js";

export type PeerName =
  | "k6"
  | "node_exporter"
  | "prometheus"
  | "promtool"
  | "victoria-metrics"
  | "vmagent"
  | "vmctl";

/** What a program may be called; the first one found is taken. */
const COMMANDS: Readonly<Record<PeerName, readonly string[]>> = {
  k6: ["k6"],
  node_exporter: ["node_exporter", "prometheus-node-exporter"],
  prometheus: ["prometheus"],
  promtool: ["promtool"],
  "victoria-metrics": ["victoria-metrics"],
  vmagent: ["vmagent"],
  vmctl: ["vmctl"],
};

const OUTPUT_CHARACTERS_MAX = 1 << 20;

/**
 * The path of a program, or null after marking the test as skipped. With VARVE_REQUIRE_PEERS=1 (CI) a missing
 * program is a failure.
 */
export function peerOrSkip(t: TestContext, name: PeerName): string | null {
  const path = findPeer(name);
  if (path === null) t.skip(`${name} is not on PATH`);
  return path;
}

/** As `peerOrSkip`, for a test that goes on without the program. */
export function findPeer(name: PeerName): string | null {
  const { PATH = "", VARVE_REQUIRE_PEERS = "" } = process.env;
  for (const command of COMMANDS[name]) {
    for (const folder of PATH.split(delimiter)) {
      const path = join(folder, command);
      if (isExecutable(path)) return path;
    }
  }
  if (VARVE_REQUIRE_PEERS === "1") throw new Error(`${name} is not on PATH`);
  return null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface PeerProcess {
  readonly pid: number;
  /** Its exit code; null where a signal ended it. */
  readonly exited: Promise<number | null>;
  /** stdout and stderr so far (the last MiB). */
  output(): string;
  stop(signal?: "SIGTERM" | "SIGKILL" | "SIGINT"): Promise<number | null>;
}

/** Starts a program that is stopped when the test ends, if it still runs. */
export function startPeer(
  t: Cleanup,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): PeerProcess {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  running.add(child);
  const exited = new Promise<number | null>((resolve) => {
    child.once("error", (error) => keep(Buffer.from(`${error.message}\n`)));
    child.once("close", (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  const stop = async (signal: "SIGTERM" | "SIGKILL" | "SIGINT" = "SIGTERM"): Promise<number | null> => {
    child.kill(signal);
    const hard = setTimeout(() => child.kill("SIGKILL"), 15_000);
    const code = await exited;
    clearTimeout(hard);
    return code;
  };
  t.after(async () => void (await stop("SIGKILL")));
  return { pid: child.pid ?? 0, exited, output: () => output, stop };
}

/** Waits until `condition` holds. Throws with what `describe` says after `timeoutMs`. */
export async function until(
  condition: () => Promise<boolean> | boolean,
  timeoutMs: number,
  describe: () => string,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (await condition()) return;
    await sleep(100);
  }
  throw new Error(`not so after ${timeoutMs} ms: ${describe()}`);
}

/** Waits for a 200 of an address. */
export function untilOk(url: string, peer: PeerProcess, timeoutMs = 20_000): Promise<void> {
  const isOk = async (): Promise<boolean> => {
    const response = await fetch(url).catch(() => null);
    await response?.arrayBuffer();
    return response?.status === 200;
  };
  return until(isOk, timeoutMs, () => `${url} answers; the program said:\n${peer.output()}`);
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
