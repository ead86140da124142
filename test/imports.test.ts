/** Canary of the import table: each planted import must be refused. */
import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { ROOT } from "./support/repository.js";

/** File, line to add, and the rule that refuses it. */
const PLANTED: readonly (readonly [file: string, line: string, rule: string])[] = [
  ["promql/query.ts", 'import "../head/head-reader.js";', "not-in-allowed"],
  ["block/block-reader.ts", 'import "../head/head-reader.js";', "not-in-allowed"],
  ["http/router.ts", 'import "../promql/query.js";', "not-in-allowed"],
  ["base/limits.ts", 'import "../model/labels.js";', "not-in-allowed"],
  ["model/regexp-shape.ts", 'import "./regexp.js";', "no-circular"],
  ["wire/go-json.ts", 'import "node:fs";', "one-door-to-the-disk"],
  ["http/listen.ts", 'import type {} from "uWebSockets.js";', "door-to-uWebSockets.js"],
  ["head/head-reader.ts", 'import "msgpackr/pack";', "door-to-msgpackr"],
  ["wire/params.ts", 'import "fast-check";', "no-package-without-a-door"],
  ["workers/engine.ts", 'import "./ingest-entry.js";', "nobody-imports-a-thread-entry"],
];

interface Cruise {
  readonly summary: { readonly violations: readonly { from: string; rule: { name: string } }[] };
}

function cruise(folder: string): string[] {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      `${ROOT}/node_modules/dependency-cruiser/bin/dependency-cruise.mjs`,
      ...["--config", ".dependency-cruiser.cjs", "--output-type", "json", "src"],
    ],
    { cwd: folder, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  assert.match(stdout, /^\{/, stderr);
  const { violations } = (JSON.parse(stdout) as Cruise).summary;
  return violations.map(({ from, rule }) => `${rule.name} ${from}`);
}

test("an import against the table of rooms is refused", (t) => {
  const folder = mkdtempSync(`${tmpdir()}/varve imports `);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ["src", "package.json", ".dependency-cruiser.cjs"])
    cpSync(`${ROOT}/${name}`, `${folder}/${name}`, { recursive: true });
  symlinkSync(`${ROOT}/node_modules`, `${folder}/node_modules`);
  for (const [file, line] of PLANTED) appendFileSync(`${folder}/src/${file}`, `\n${line}\n`);
  const refused = cruise(folder);
  for (const [file, line, rule] of PLANTED) {
    // A circle is told from any of its files.
    const told = rule === "no-circular" ? `${rule} src/model/` : `${rule} src/${file}`;
    assert.ok(
      refused.some((text) => text.startsWith(told)),
      `${file}: ${line}\n${refused.join("\n")}`,
    );
  }
});
