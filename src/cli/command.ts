import type { Output } from "./output.js";
import type { ParsedFlags } from "./parse-flags.js";

/** What a command is run with. */
export interface CommandCall {
  readonly options: ParsedFlags<string>;
  readonly operands: readonly string[];
  /** What was asked for. */
  readonly out: Output;
  /** What is said about it. */
  readonly err: Output;
}

/** Runs to the exit status. A RefusalError becomes one line on stderr and status 1. */
export type RunCommand = (call: CommandCall) => Promise<number>;
