/** Puts measured tables between their marks in the documentation, with the machine and the date. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

const FILES = ["../docs/BENCHMARKS.md", "../README.md"];

/** Replaces what stands between `<!-- name:begin -->` and `<!-- name:end -->`. Files without the marks stay. */
export function writeDocs(name: string, table: string): void {
  for (const file of FILES) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const text = readFileSync(path, "utf8");
    const begin = `<!-- ${name}:begin -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf(`<!-- ${name}:end -->`);
    if (from < 0 || to < from) continue;
    const written = `${begin}\n${machineLine()}\n\n${table}\n`;
    writeFileSync(path, text.slice(0, from) + written + text.slice(to));
  }
}

/** The machine, the versions and the day, in one line. */
export function machineLine(): string {
  const processor = cpus()[0]?.model.trim() ?? "unknown processor";
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  const day = new Date().toISOString().slice(0, 10);
  return `Measured ${day} on ${cpus().length} cores of ${processor}, ${memoryGb} GB, Linux ${release()}, Node ${process.version}, at ${commit()}.`;
}

function commit(): string {
  try {
    return `commit ${execFileSync("git", ["rev-parse", "--short", "HEAD"], {
      stdio: ["ignore", "pipe", "ignore"],
    })
      .toString()
      .trim()}`;
  } catch {
    return "an unknown commit";
  }
}
