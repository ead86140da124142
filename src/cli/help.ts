import { FLAGS, type Flag } from "./flag-table.js";

const INDENT = " ".repeat(8);
const WIDTH = 100;

/** The text of `--help`. */
export function printHelp(): string {
  const entries = FLAGS.map((flag) => {
    const text = [flag.help, choices(flag), auto(flag)].filter((part) => part !== "").join(" ");
    return `  --${flag.name}=${flag.default}\n${wrap(text)}`;
  });
  return [
    "usage: varve [--flag=value …]",
    "",
    "Long-term storage for Prometheus Remote Write: serves on one address, keeps its data in one folder.",
    "",
    "Flags, each with its default:",
    "",
    ...entries,
    `  --help, -h\n${INDENT}Prints this.`,
    `  --version\n${INDENT}Prints the version.`,
    "",
    "Durations: 500ms, 30s, 5m, 1h30m, 1d. Sizes: 512MB, 3GiB (as in Prometheus, KB and KiB are 1024 bytes).",
    "",
  ].join("\n");
}

function choices(flag: Flag): string {
  return flag.choices === undefined ? "" : `One of ${flag.choices.join(", ")}.`;
}

function auto(flag: Flag): string {
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
  const rows = FLAGS.map((flag) => {
    const text = [flag.help, choices(flag), auto(flag)].filter((part) => part !== "").join(" ");
    return `| \`--${flag.name}\` | \`${flag.default}\` | ${text.replaceAll("|", "\\|")} |`;
  });
  return [
    "# Configuration",
    "",
    "Varve is configured by flags, `--name=value` or `--name value`; what is true or false also as `--name` and",
    "`--no-name`. This page is made from the table in `src/cli/flag-table.ts`",
    "(`UPDATE_GOLDEN=1 node test/run.mjs unit/cli` writes it anew).",
    "",
    "| flag | default | meaning |",
    "|---|---|---|",
    ...rows,
    "",
    "Durations: `500ms`, `30s`, `5m`, `1h30m`, `1d`. Sizes: `512MB`, `3GiB`; as in Prometheus, KB and KiB are both",
    "1024 bytes. An unknown flag or a bad value ends the program with exit status 2.",
    "",
  ].join("\n");
}
