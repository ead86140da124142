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

const LIMIT_OPTION: Option = {
  name: "limit",
  kind: "count",
  min: 1,
  default: "20",
  help: "Entries of each list.",
};

const MATCH_OPTION: Option = {
  name: "match",
  kind: "text",
  default: "",
  help: 'Selector of the series, such as `{job="node"}`; without it, all.',
};

export const COMMANDS: readonly CommandRow[] = [
  {
    name: "verify",
    operands: "DIR",
    operandsMin: 1,
    operandsMax: 1,
    summary:
      "Reads everything in a data folder: every checksum, the order and the sums of indexes, log and checkpoints.",
    details: [
      "Names what is damaged and the times that are affected. Nothing is written, and no lock is taken: it may run beside a server.",
      "Exit status 1: something is damaged.",
    ],
    options: [],
    load: async () => (await import("./verify-command.js")).runVerify,
  },
  {
    name: "inspect",
    operands: "FILE",
    operandsMin: 1,
    operandsMax: 1,
    summary:
      "Prints a file of a data folder readably: segment, checkpoint, block, index, chunks, tombstones, meta.json.",
    details: [
      "Folders of a block or a log are taken, too, and segments of Prometheus' own log. Exit status 1: it is damaged.",
    ],
    options: [
      LIMIT_OPTION,
      MATCH_OPTION,
      {
        name: "offset",
        kind: "count",
        default: "0",
        help: "Byte at which to begin in a segment or in chunks; the record or chunk that begins there is shown whole.",
      },
    ],
    load: async () => (await import("./inspect-command.js")).runInspect,
  },
  {
    name: "analyze",
    operands: "DIR",
    operandsMin: 1,
    operandsMax: 1,
    summary:
      "Says what the labels of a block cost: what `promtool tsdb analyze` prints, and series, bytes and churn by label.",
    details: [],
    options: [
      { name: "block", kind: "text", default: "", help: "ULID of the block; without it, the newest one." },
      LIMIT_OPTION,
      MATCH_OPTION,
    ],
    load: async () => (await import("./analyze-command.js")).runAnalyze,
  },
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
  {
    name: "export",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    summary:
      "Writes samples as JSON lines (VictoriaMetrics' format), OpenMetrics text, Prometheus text or CSV.",
    details: [
      "Out of a data folder, which is only read (also while a server uses it), or with `--from` out of a running server. Native",
      "histograms are in JSON lines only. `varve import` reads all of them but CSV back.",
    ],
    options: [
      PATH_OPTION,
      { name: "from", kind: "text", default: "", help: "URL of a running server to ask instead." },
      {
        name: "match",
        kind: "texts",
        default: "",
        help: 'Selector of the series, such as `{job="node"}`; may be given several times. Without it, all.',
      },
      { name: "start", kind: "text", default: "", help: "First time: seconds since 1970, or RFC 3339." },
      { name: "end", kind: "text", default: "", help: "Last time, inclusive." },
      {
        name: "format",
        kind: "choice",
        choices: ["jsonl", "openmetrics", "prometheus", "csv"],
        default: "jsonl",
        help: "What to write.",
      },
      {
        name: "columns",
        kind: "text",
        default: "",
        help: "Of CSV, separated by commas: label names, `__series__`, `__value__`, `__timestamp__`, `__timestamp__:rfc3339`, `__timestamp__:unix_s`. Without it, the series, the time in milliseconds and the value.",
      },
      {
        name: "output",
        kind: "text",
        default: "-",
        help: "File to write; `-`: standard output. `.gz` is compressed.",
      },
    ],
    load: async () => (await import("./export-command.js")).runExport,
  },
  {
    name: "replay",
    operands: "FILE",
    operandsMin: 1,
    operandsMax: 1,
    summary: "Sends the write requests of a capture (`/api/v1/admin/capture`) again.",
    details: [
      "In their order, one at a time, to the paths that they came for or to that of the URL. A server that is busy (429, 503) is asked",
      "again up to four times. Credentials: `--header`, or VARVE_AUTHORIZATION in the environment. Exit status 1: a request was refused.",
    ],
    options: [
      { name: "to", kind: "text", default: "http://127.0.0.1:9090", help: "URL of the server to send to." },
      {
        name: "speed",
        kind: "text",
        default: "1x",
        help: "How many times faster than it was captured (`10x`), or `max`: as fast as answers come.",
      },
      {
        name: "header",
        kind: "texts",
        default: "",
        help: "`Name: value`, sent with each request in place of a captured one; may be given several times.",
      },
    ],
    load: async () => (await import("./replay-command.js")).runReplay,
  },
];

export function commandOrNull(name: string): CommandRow | null {
  return COMMANDS.find((row) => row.name === name) ?? null;
}
