import { CorruptionError, RefusalError } from "../base/errors.js";
import { type CommandRow, commandOrNull } from "./command-table.js";
import { printCommandHelp } from "./help.js";
import { Output } from "./output.js";
import { parseArguments } from "./parse-flags.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** The command that `args` begin with, null where that is the server. Throws RefusalError for one that is none. */
export function commandOf(args: readonly string[]): CommandRow | null {
  const [name = ""] = args;
  if (name === "" || name.startsWith("-") || name === "serve") return null;
  const row = commandOrNull(name);
  if (row === null)
    throw new RefusalError(
      "bad_data",
      `unexpected argument ${JSON.stringify(name)} (--help lists all flags)`,
    );
  return row;
}

/** Runs a command with the arguments behind its name; resolves to the exit status. */
export async function runCommand(row: CommandRow, args: readonly string[]): Promise<number> {
  const [out, err] = [new Output(process.stdout), new Output(process.stderr)];
  const status = await run(row, args, out, err);
  await out.flush();
  await err.flush();
  return status;
}

async function run(row: CommandRow, args: readonly string[], out: Output, err: Output): Promise<number> {
  const misuse = async (message: string): Promise<number> => {
    await err.line(`varve ${row.name}: ${message}`);
    return EXIT_USAGE;
  };
  try {
    const parsed = parseArguments(args, row.options);
    if (parsed.asks !== "run") {
      await out.write(printCommandHelp(row));
      return 0;
    }
    const { options, operands } = parsed;
    if (operands.length < row.operandsMin) return misuse(`${row.operands} is missing (--help says more)`);
    if (operands.length > row.operandsMax)
      return misuse(`unexpected argument ${JSON.stringify(operands.at(-1))}`);
    const command = await row.load();
    return await command({ options, operands, out, err });
  } catch (error) {
    if (error instanceof RefusalError && error.code === "bad_data") return misuse(error.message);
    await err.line(`varve ${row.name}: ${describe(error)}`);
    return EXIT_FAILED;
  }
}

/** One line for what was foreseen; a stack for what was not. */
function describe(error: unknown): string {
  if (error instanceof RefusalError || error instanceof CorruptionError) return error.message;
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? error.message : (error.stack ?? error.message);
}
