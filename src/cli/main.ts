import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { RefusalError } from "../base/errors.js";
import { buildConfig } from "./config.js";
import { printHelp } from "./help.js";
import { type Command, parseCommandLine } from "./parse-flags.js";
import { commandOf, runCommand } from "./run-command.js";
import { type OpenEngine, runServer } from "./run-server.js";

const EXIT_USAGE = 2;

/** The program: runs the command line `args` and resolves to the exit status. */
export async function main(args: readonly string[], openEngine: OpenEngine): Promise<number> {
  let command: Command;
  try {
    const row = commandOf(args);
    if (row !== null) return await runCommand(row, args.slice(1));
    command = parseCommandLine(args[0] === "serve" ? args.slice(1) : args);
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    process.stderr.write(`varve: ${error.message}\n`);
    return EXIT_USAGE;
  }
  const version = readVersion();
  if (command.command === "help") {
    process.stdout.write(printHelp());
    return 0;
  }
  if (command.command === "version") {
    process.stdout.write(`varve ${version} (node ${process.version}, ${process.platform}/${process.arch})\n`);
    return 0;
  }
  const machine = { cores: availableParallelism(), memoryBytes: totalmem() };
  return runServer(buildConfig(command.flags, machine), version, openEngine);
}

function readVersion(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
