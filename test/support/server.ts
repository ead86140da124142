/**
 * The real server in a process of its own: `node dist/main.js` on a free loopback port, its data in a temporary
 * folder. A server belongs to the test that started it: it is killed and its folder removed when the test ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export interface ServerOptions {
  /** Further flags, e.g. `--storage.durability=memory`. */
  readonly flags?: readonly string[];
  /** Flags of node itself, e.g. `--max-old-space-size=64`. */
  readonly nodeFlags?: readonly string[];
  /** An existing folder to use; it is the caller's to remove. */
  readonly dataDirectory?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** How long `/-/ready` may take. */
  readonly readyTimeoutMs?: number;
}

/** What `node:test` hands to a test: anything that runs a function at the end. */
export interface Cleanup {
  after(callback: () => Promise<void>): void;
}

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const OUTPUT_CHARACTERS_MAX = 1 << 20;
const STOP_TIMEOUT_MS = 15_000;

export class TestServer {
  readonly port: number;
  /** `http://127.0.0.1:<port>`, no slash at the end. */
  readonly url: string;
  readonly dataDirectory: string;
  /** Milliseconds from the last start to the first 200 of `/-/ready`. */
  readyAfterMs = 0;
  readonly #options: ServerOptions;
  #child: ChildProcess | null = null;
  #exited: Promise<number | null> = Promise.resolve(null);
  #output = "";

  constructor(port: number, dataDirectory: string, options: ServerOptions) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.dataDirectory = dataDirectory;
    this.#options = options;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("the server does not run");
    return pid;
  }

  get running(): boolean {
    return this.#child !== null;
  }

  /** Everything it printed to stdout and stderr so far (the last MiB), over all its starts. */
  output(): string {
    return this.#output;
  }

  /** Starts the process without waiting for it. */
  launch(): void {
    if (this.#child !== null) throw new Error("the server runs already");
    const args = [
      ...(this.#options.nodeFlags ?? []),
      MAIN,
      `--web.listen-address=127.0.0.1:${this.port}`,
      `--storage.tsdb.path=${this.dataDirectory}`,
      ...(this.#options.flags ?? []),
    ];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...this.#options.env },
    });
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    this.#child = child;
    running.add(child);
    this.#exited = new Promise((resolve) => {
      child.once("error", (error) => keep(Buffer.from(`${error.message}\n`)));
      child.once("close", (code) => {
        running.delete(child);
        this.#child = null;
        resolve(code);
      });
    });
  }

  /** Starts it and waits for `/-/ready`. Throws with its output where it ends or stays unready. */
  async start(): Promise<void> {
    const startedAt = performance.now();
    this.launch();
    const deadline = startedAt + (this.#options.readyTimeoutMs ?? 20_000);
    while (this.#child !== null && performance.now() < deadline) {
      const response = await fetch(`${this.url}/-/ready`).catch(() => null);
      if (response?.status === 200) {
        this.readyAfterMs = performance.now() - startedAt;
        return;
      }
      await sleep(10);
    }
    const why = this.#child === null ? "ended" : "did not become ready";
    await this.kill();
    throw new Error(`the server ${why}; it said:\n${this.#output}`);
  }

  /** SIGTERM, and its exit code. */
  async stop(): Promise<number | null> {
    this.#child?.kill("SIGTERM");
    const timer = new AbortController();
    const late = sleep(STOP_TIMEOUT_MS, "late" as const, { signal: timer.signal }).catch(() => null);
    const code = await Promise.race([this.#exited, late]);
    timer.abort();
    if (code !== "late") return code;
    await this.kill();
    throw new Error(`the server did not end within ${STOP_TIMEOUT_MS} ms of SIGTERM:\n${this.#output}`);
  }

  /** SIGKILL, now. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#exited;
  }

  /** Stops what runs (SIGTERM) and starts it again on the same port and folder. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Resident memory now. */
  rssBytes(): number {
    return processStatusBytes(this.pid, "VmRSS");
  }

  /** The most resident memory since it started. */
  rssPeakBytes(): number {
    return processStatusBytes(this.pid, "VmHWM");
  }
}

/** Starts a server that lives as long as the test (`t` of node:test), or until its `stop()` or `kill()`. */
export async function startServer(t: Cleanup, options: ServerOptions = {}): Promise<TestServer> {
  const server = await prepareServer(t, options);
  await server.start();
  return server;
}

/** The same, not started yet. */
async function prepareServer(t: Cleanup, options: ServerOptions = {}): Promise<TestServer> {
  const directory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), "varve-test-"));
  const server = new TestServer(await freePort(), directory, options);
  t.after(async () => {
    await server.kill();
    if (options.dataDirectory === undefined) rmSync(directory, { recursive: true, force: true });
  });
  return server;
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

/** A field of /proc/PID/status that is given in kB. */
function processStatusBytes(pid: number, field: "VmRSS" | "VmHWM"): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (found === null) throw new Error(`no ${field} of process ${pid}`);
  return Number(found[1]) * 1024;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
