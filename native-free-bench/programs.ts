/** The programs that are compared, and how each is started: default settings wherever a default can take the load. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdirSync, openSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export interface Program {
  readonly name: string;
  /** The command and its flags, for the table's notes. */
  command(port: number, folder: string): readonly string[];
  /** Written to the data folder before the start. */
  readonly files?: Readonly<Record<string, string>>;
  readonly writePath: string;
  /** What must be called before the disk is measured: "" where nothing. */
  readonly compactPath: string;
}

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));

export const PROGRAMS: readonly Program[] = [
  {
    name: "varve",
    command: (port, folder) => [
      process.execPath,
      MAIN,
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.tsdb.path=${folder}`,
    ],
    writePath: "/api/v1/write",
    compactPath: "",
  },
  {
    name: "victoria-metrics",
    command: (port, folder) => [
      "victoria-metrics",
      `-httpListenAddr=127.0.0.1:${port}`,
      `-storageDataPath=${folder}`,
      "-retentionPeriod=10y",
      // Without these it refuses to count a million series; they cost nothing while writing.
      "-search.maxUniqueTimeseries=5000000",
      "-search.maxSamplesPerQuery=2000000000",
      "-loggerLevel=WARN",
    ],
    writePath: "/api/v1/write",
    compactPath: "/internal/force_merge",
  },
  {
    name: "prometheus",
    files: { "prometheus.yml": "global:\n  scrape_interval: 1m\n" },
    command: (port, folder) => [
      "prometheus",
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.tsdb.path=${folder}`,
      "--storage.tsdb.retention.time=10y",
      "--web.enable-remote-write-receiver",
      "--log.level=warn",
    ],
    writePath: "/api/v1/write",
    compactPath: "",
  },
];

/** Whether the program's command is there. */
export function isInstalled(program: Program): boolean {
  const command = program.command(0, "")[0]!;
  if (command.includes("/")) return true;
  const { PATH = "" } = process.env;
  return PATH.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** A program that runs on a loopback port with its data in `folder`. */
export class RunningProgram {
  readonly program: Program;
  readonly port: number;
  readonly folder: string;
  readonly pid: number;
  /** From the start of the process to the first 200 of `/-/ready`. */
  readyAfterMs = 0;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;

  private constructor(program: Program, port: number, folder: string, child: ChildProcess) {
    this.program = program;
    this.port = port;
    this.folder = folder;
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.#closed = new Promise((resolve) => {
      child.once("error", () => resolve());
      child.once("close", () => resolve());
    });
    children.add(child);
    child.once("close", () => children.delete(child));
  }

  static async start(program: Program, port: number, folder: string): Promise<RunningProgram> {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(program.files ?? {})) writeFileSync(join(folder, name), text);
    const [command, ...args] = program.command(port, folder);
    const log = openSync(`${folder}.log`, "a");
    const startedAt = performance.now();
    const child = spawn(command!, args, { stdio: ["ignore", log, log] });
    const running = new RunningProgram(program, port, folder, child);
    await running.#untilReady(startedAt);
    return running;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async #untilReady(startedAt: number): Promise<void> {
    while (performance.now() - startedAt < 120_000) {
      const status = await fetch(`${this.url}/-/ready`).then(
        async (response) => {
          await response.arrayBuffer();
          return response.status;
        },
        () => 0,
      );
      if (status === 200) {
        this.readyAfterMs = performance.now() - startedAt;
        return;
      }
      if (this.#child.exitCode !== null || this.pid === 0) break;
      await sleep(5);
    }
    await this.kill("SIGKILL");
    throw new Error(`${this.program.name} did not become ready; see ${this.folder}.log`);
  }

  /** Sends the signal and waits for the end of the process. */
  async kill(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#child.kill(signal);
    const hard = setTimeout(() => this.#child.kill("SIGKILL"), 60_000);
    await this.#closed;
    clearTimeout(hard);
  }
}
