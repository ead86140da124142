import { readdirSync, readFileSync } from "node:fs";
import { MemoryQueryable } from "../support/memory-queryable.js";
import { DatabaseStorage } from "./database-storage.js";
import { runScript, type ScriptReport, type ScriptStorage } from "./runner.js";

/**
 * `node dist-test/promql/run-scripts.js FOLDER [memory]`: runs every `*.test` script of a folder against the real
 * storage, or against the naive one of the tests.
 */

export function memoryStorage(): ScriptStorage {
  const queryable = new MemoryQueryable();
  return {
    queryable,
    append: (labels, samples) => queryable.append(labels, samples),
    clear: () => queryable.clear(),
  };
}

/** Scripts whose samples have start timestamps: no chunk that Prometheus 3.5 reads has a place for them. */
const NAIVE_ONLY: ReadonlySet<string> = new Set(["start_timestamps.test"]);

export async function runFolder(folder: string, storage: ScriptStorage): Promise<ScriptReport> {
  const report: ScriptReport = { passed: 0, failures: [] };
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith(".test")) continue;
    const naive = storage instanceof DatabaseStorage && NAIVE_ONLY.has(name);
    if (naive) process.stdout.write(`${name}: the storage keeps no start timestamps; on the naive one\n`);
    const text = readFileSync(`${folder}/${name}`, "utf8");
    await runScript(name, text, naive ? memoryStorage() : storage, report);
  }
  return report;
}

if (process.argv[1]?.endsWith("run-scripts.js")) {
  const folder = process.argv[2];
  if (folder === undefined) {
    process.stderr.write("usage: run-scripts FOLDER [memory]\n");
    process.exit(2);
  }
  const storage = process.argv[3] === "memory" ? memoryStorage() : new DatabaseStorage();
  const { passed, failures } = await runFolder(folder, storage);
  for (const failure of failures) process.stdout.write(`FAIL ${failure}\n`);
  if (storage instanceof DatabaseStorage) {
    for (const refusal of storage.refusals) process.stdout.write(`REFUSED ${refusal}\n`);
  }
  process.stdout.write(`${passed} passed, ${failures.length} failed\n`);
  process.exit(failures.length === 0 ? 0 : 1);
}
