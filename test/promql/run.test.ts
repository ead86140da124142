import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Lexer } from "../../dist/promql/parse/lexer.js";
import { reservedWords } from "../../dist/promql/parse/token.js";
import { languageOf, wordsOf } from "../../dist/workers/query-language.js";
import { DatabaseStorage } from "./database-storage.js";
import { memoryStorage, runFolder } from "./run-scripts.js";
import { runScript, type ScriptReport } from "./runner.js";
import { parseScript } from "./script.js";

const own = fileURLToPath(new URL("../../test/promql/scripts", import.meta.url));

test("our own scripts pass", async () => {
  assert.ok(readdirSync(own).filter((name) => name.endsWith(".test")).length > 0);
  const { passed, failures } = await runFolder(own, memoryStorage());
  assert.deepEqual(failures, []);
  assert.ok(passed > 100, `only ${passed} evaluations`);
});

test("our own scripts pass on the real storage", async () => {
  const storage = new DatabaseStorage();
  const report: ScriptReport = { passed: 0, failures: [] };
  for (const name of readdirSync(own).sort()) {
    // Start timestamps are not kept over Remote Write.
    if (name === "start-timestamps.test") continue;
    await runScript(name, readFileSync(`${own}/${name}`, "utf8"), storage, report);
  }
  await storage.clear();
  assert.deepEqual(storage.refusals, []);
  assert.deepEqual(report.failures, []);
  assert.ok(report.passed > 100, `only ${report.passed} evaluations`);
});

/** Each word and sign of the parser's tables, functions with their parenthesis. */
function partsOf(query: string): Set<string> {
  const parts = new Set<string>();
  const lexer = new Lexer(query);
  for (let last = "", token = lexer.next(); token.kind !== "EOF"; token = lexer.next()) {
    parts.add(token.kind === "(" ? `${last}(` : token.kind);
    last = token.text;
  }
  return parts;
}

test("every function, aggregation, operator and modifier occurs in our own scripts with something expected of it", () => {
  const occurring = new Set<string>();
  for (const name of readdirSync(own)) {
    for (const command of parseScript(readFileSync(`${own}/${name}`, "utf8"))) {
      if (command.kind !== "eval") continue;
      const { series, scalar, text, fail, query } = command;
      const expects = series.length > 0 || scalar !== undefined || text !== undefined;
      if (expects && fail.length === 0) for (const part of partsOf(query)) occurring.add(part);
    }
  }
  const words = wordsOf({ ...languageOf([]), experimentalFunctions: true });
  const wanted = [
    ...Object.keys(words.functions).map((name) => `${name}(`),
    ...Object.keys(words.operators),
    ...reservedWords,
  ];
  assert.deepEqual(
    [...new Set(wanted)].filter((part) => !occurring.has(part)),
    [],
  );
});

const shared = fileURLToPath(new URL("../../../shared/promqltest", import.meta.url));

test("Prometheus' own scripts pass", { skip: !existsSync(shared) && "not on this machine" }, async () => {
  const { passed, failures } = await runFolder(shared, memoryStorage());
  assert.deepEqual(failures, []);
  assert.ok(passed > 2000, `only ${passed} evaluations`);
});

/** The runner must notice what is wrong, or all of the above proves nothing. */
test("wrong expectations are reported", async () => {
  const script = [
    "load 1m",
    "  m 1 2 3",
    "",
    "eval instant at 1m m",
    "  m 3",
    "",
    "eval instant at 1m m",
    "",
    "eval instant at 1m m",
    "  m 2",
    "  other 1",
    "",
    "eval instant at 1m m",
    "  expect fail",
    "",
    "eval instant at 1m rate(m[2m])",
    "  expect no_info",
    "  {} 0.016666",
    "",
    "eval range from 0 to 2m step 1m m",
    "  m 1 2 4",
    "",
    "eval instant at 1m m +",
    "  m 2",
  ].join("\n");
  const report: ScriptReport = { passed: 0, failures: [] };
  await runScript("canary", script, memoryStorage(), report);
  assert.equal(report.passed, 0);
  assert.equal(report.failures.length, 7);
});
