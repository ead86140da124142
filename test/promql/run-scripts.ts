import { readdirSync, readFileSync } from "node:fs";
import { MemoryQueryable } from "../support/memory-queryable.js";
import { runScript, type ScriptReport, type ScriptStorage } from "./runner.js";

/** `node dist-test/promql/run-scripts.js FOLDER`: runs every `*.test` script of a folder. */

export function memoryStorage(): ScriptStorage {
  const queryable = new MemoryQueryable();
  return {
    queryable,
    append: (labels, samples) => queryable.append(labels, samples),
    clear: () => queryable.clear(),
  };
}

export function runFolder(folder: string, storage: ScriptStorage): ScriptReport {
  const report: ScriptReport = { passed: 0, failures: [] };
  for (const name of readdirSync(folder).sort()) {
    if (name.endsWith(".test")) runScript(name, readFileSync(`${folder}/${name}`, "utf8"), storage, report);
  }
  return report;
}

if (process.argv[1]?.endsWith("run-scripts.js")) {
  const folder = process.argv[2];
  if (folder === undefined) {
    process.stderr.write("usage: run-scripts FOLDER\n");
    process.exit(2);
  }
  const { passed, failures } = runFolder(folder, memoryStorage());
  for (const failure of failures) process.stdout.write(`FAIL ${failure}\n`);
  process.stdout.write(`${passed} passed, ${failures.length} failed\n`);
  process.exit(failures.length === 0 ? 0 : 1);
}
