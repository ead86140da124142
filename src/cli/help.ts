import { COMMANDS, type CommandRow } from "./command-table.js";
import { FLAGS, type Option } from "./flag-table.js";

const INDENT = " ".repeat(8);
const WIDTH = 100;

/** The text of `--help`. */
export function printHelp(): string {
  return [
    "usage: varve [serve] [--flag=value …]",
    "       varve COMMAND [--flag=value …] …",
    "",
    "Long-term storage for Prometheus Remote Write: serves on one address, keeps its data in one folder.",
    "",
    "Commands, each with its own --help:",
    "",
    ...COMMANDS.map((row) => `  ${usage(row)}\n${wrap(row.summary)}`),
    "",
    "Flags of the server, each with its default:",
    "",
    ...optionEntries(FLAGS),
    `  --help, -h\n${INDENT}Prints this.`,
    `  --version\n${INDENT}Prints the version.`,
    "",
    "Durations: 500ms, 30s, 5m, 1h30m, 1d. Sizes: 512MB, 3GiB (as in Prometheus, KB and KiB are 1024 bytes).",
    "",
  ].join("\n");
}

/** The text of `varve COMMAND --help`. */
export function printCommandHelp(row: CommandRow): string {
  return [
    `usage: varve ${usage(row)}`,
    "",
    row.summary,
    "",
    ...row.details,
    "",
    "Flags, each with its default:",
    "",
    ...optionEntries(row.options),
    `  --help, -h\n${INDENT}Prints this.`,
    "",
  ].join("\n");
}

function usage({ name, operands, options }: CommandRow): string {
  return [name, ...(options.length > 0 ? ["[--flag=value …]"] : []), operands]
    .filter((part) => part !== "")
    .join(" ");
}

function optionEntries(options: readonly Option[]): string[] {
  return options.map((option) => {
    const text = [option.help, choices(option), auto(option)].filter((part) => part !== "").join(" ");
    return `  --${option.name}=${option.default}\n${wrap(text)}`;
  });
}

function choices(flag: Option): string {
  return flag.choices === undefined ? "" : `One of ${flag.choices.join(", ")}.`;
}

function auto(flag: Option): string {
  return flag.auto === undefined ? "" : `auto: ${flag.auto}.`;
}

function wrap(text: string): string {
  const lines: string[] = [];
  let line = INDENT;
  for (const word of text.split(" ")) {
    if (line.length > INDENT.length && line.length + word.length > WIDTH) {
      lines.push(line.trimEnd());
      line = INDENT;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join("\n");
}

/** docs/CONFIG.md. */
export function printConfigPage(): string {
  return [
    "# Configuration",
    "",
    "Varve is configured by flags, `--name=value` or `--name value`; what is true or false also as `--name` and",
    "`--no-name`. This page is made from the table in `src/cli/flag-table.ts`",
    "(`UPDATE_GOLDEN=1 node test/run.mjs unit/cli` writes it anew).",
    "",
    ...optionTable(FLAGS),
    "",
    "Durations: `500ms`, `30s`, `5m`, `1h30m`, `1d`. Sizes: `512MB`, `3GiB`; as in Prometheus, KB and KiB are both",
    "1024 bytes. An unknown flag or a bad value ends the program with exit status 2.",
    "",
    "## Commands",
    "",
    "`varve` alone, or `varve serve`, is the server. The other commands, from the table in `src/cli/command-table.ts`:",
    ...COMMANDS.flatMap(commandSection),
    "",
  ].join("\n");
}

function optionTable(options: readonly Option[]): string[] {
  const rows = options.map((option) => {
    const text = [option.help, choices(option), auto(option)].filter((part) => part !== "").join(" ");
    return `| \`--${option.name}\` | \`${option.default}\` | ${text.replaceAll("|", "\\|")} |`;
  });
  return ["| flag | default | meaning |", "|---|---|---|", ...rows];
}

function commandSection(row: CommandRow): string[] {
  const table = row.options.length === 0 ? [] : ["", ...optionTable(row.options)];
  return [
    "",
    `### \`varve ${usage(row)}\``,
    "",
    row.summary,
    ...row.details.map((line) => `${line}`),
    ...table,
  ];
}
