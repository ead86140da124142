import type { RunCommand } from "./command.js";
import type { Option } from "./flag-table.js";

/** A command beside the server: the one source of its `--help` and of docs/CONFIG.md. */
export interface CommandRow {
  readonly name: string;
  /** As in the usage line. */
  readonly operands: string;
  readonly operandsMin: number;
  readonly operandsMax: number;
  /** One sentence. */
  readonly summary: string;
  /** Further lines. */
  readonly details: readonly string[];
  readonly options: readonly Option[];
  /** The code is loaded only where it runs. */
  readonly load: () => Promise<RunCommand>;
}

const PATH_OPTION: Option = {
  name: "storage.tsdb.path",
  kind: "text",
  default: "./varve-data",
  help: "Folder of the database.",
};

export const COMMANDS: readonly CommandRow[] = [
  {
    name: "import",
    operands: "INPUT …",
    operandsMin: 1,
    operandsMax: Number.POSITIVE_INFINITY,
    summary:
      "Takes over Prometheus data folders (blocks and log), OpenMetrics or Prometheus text with timestamps, and VictoriaMetrics' JSON lines, of any age and in any order.",
    details: [
      "INPUT is a Prometheus data folder, a file (`.gz` is decompressed), or `-` for standard input. Samples go straight into blocks of",
      "the folder, which no server may be using then, or with `--to` to a running server. An import that was cut off goes on where it",
      "stopped when the same command is given again. Exit status 1: something could not be taken over; it is named.",
    ],
    options: [
      PATH_OPTION,
      { name: "to", kind: "text", default: "", help: "URL of a running server to send to instead." },
      {
        name: "format",
        kind: "choice",
        choices: ["auto", "openmetrics", "prometheus", "jsonl"],
        default: "auto",
        help: "What the files hold; `auto` looks at them. Standard input needs it.",
      },
      {
        name: "memory",
        kind: "bytes",
        default: "256MiB",
        help: "Samples that are kept before they are written to the working folder, roughly.",
      },
    ],
    load: async () => (await import("./import-command.js")).runImport,
  },
];

export function commandOrNull(name: string): CommandRow | null {
  return COMMANDS.find((row) => row.name === name) ?? null;
}
