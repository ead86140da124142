/**
 * The house: what docs/STYLE.md asks and no other tool checks. Each rule has a canary: a planted offence that it must
 * catch. Flags, routes and error codes are held to their pages in unit/cli and unit/http.
 */
import * as assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { test } from "node:test";
import { RecordType } from "../dist/wal/record-format.js";
import { listFiles, ROOT, readText, readTexts } from "./support/repository.js";
import { constantsOf, deadReferences, differentNumbers, missingWords } from "./support/tidy-docs.js";
import {
  longFunctions,
  offencesInLength,
  offencesInSource,
  offencesInWords,
  type SourceText,
} from "./support/tidy-source.js";

/** Files above the bound, with their lines. The list may only shrink. */
const LONG_FILES: ReadonlyMap<string, number> = new Map();

const KERNEL_BYTES_MAX = 64 * 1024;
const RUN_TIME_PACKAGES_MAX = 9;

/** Files that have to spell what they forbid. */
const SPELLS_THE_RULES = /^test\/(tidy\.test|support\/tidy-\w+)\.ts$/;
const BINARY = /\.(gz|rwcap|png|wasm|tsbuildinfo)$/;

const page = (path: string): SourceText => ({ path, text: readText(path) });
const planted = (path: string, text: string): SourceText => ({ path, text });

interface PackageFile {
  readonly dependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
}
const packageFile = JSON.parse(readText("package.json")) as PackageFile;
const runTimePackages = [
  ...Object.keys(packageFile.dependencies),
  ...Object.keys(packageFile.optionalDependencies),
];

test("no file is longer than a noun needs", () => {
  const files = ["src", "test", "native-free-bench"].flatMap((folder) => readTexts(folder, /\.(ts|mjs)$/));
  assert.ok(files.length > 200, "the files are found");
  assert.deepEqual(offencesInLength(files, LONG_FILES), []);
});

test("canary: a long file, and a list that is out of date, are caught", () => {
  const long = planted("src/head/long.ts", "//\n".repeat(601));
  assert.equal(offencesInLength([long], new Map()).length, 1);
  assert.equal(offencesInLength([long], new Map([["src/head/long.ts", 601]])).length, 0);
  assert.match(offencesInLength([long], new Map([["src/head/long.ts", 600]])).join(), /grew/);
  assert.match(offencesInLength([long], new Map([["src/head/long.ts", 602]])).join(), /shrank/);
  assert.match(offencesInLength([], new Map([["src/head/long.ts", 601]])).join(), /gone/);
});

test("no function of the kernel is longer than a screen", () => {
  assert.deepEqual(readTexts("src/kernel/assembly", /\.ts$/).flatMap(longFunctions), []);
  const body = "  x++;\n".repeat(70);
  assert.equal(
    longFunctions(planted("src/kernel/assembly/a.ts", `function f(): void {\n${body}}\n`)).length,
    1,
  );
});

test("every room keeps to what it may use", () => {
  const sources = readTexts("src", /\.ts$/).filter(({ path }) => !path.startsWith("src/kernel/assembly/"));
  assert.deepEqual(sources.flatMap(offencesInSource), []);
});

const FORBIDDEN: readonly (readonly [path: string, line: string, what: RegExp])[] = [
  ["src/head/a.ts", "async function f(): Promise<void> {}", /async/],
  ["src/promql/a.ts", "const f = async () => 1;", /async/],
  ["src/block/a.ts", "new Promise(() => {});", /Promise/],
  ["src/head/a.ts", 'import { readFileSync } from "node:fs";', /fs: take/],
  ["src/workers/a.ts", 'import * as fs from "fs/promises";', /fs: take/],
  ["src/http/a.ts", "const now = Date.now();", /Date\.now/],
  ["src/db/a.ts", "const now = new Date();", /new Date/],
  ["src/workers/a.ts", "const now = performance.now();", /performance\.now/],
  ["src/promql/a.ts", "const chance = Math.random();", /Math\.random/],
  ["src/wire/a.ts", "const bytes = Buffer.from(text);", /Buffer/],
  ["src/db/a.ts", "setInterval(f, 1);", /setInterval/],
  ["src/http/a.ts", "console.log(1);", /console/],
  ["src/http/a.ts", "const x = y as any;", /any/],
  ["src/wire/prometheus-json.ts", "const x = JSON.stringify(y);", /JSON\.stringify/],
];

test("canary: everything forbidden is caught where it is forbidden", () => {
  for (const [path, line, what] of FORBIDDEN) {
    assert.match(offencesInSource(planted(path, `${line}\n`)).join(), what, `${path}: ${line}`);
  }
  const allowed: readonly (readonly [string, string])[] = [
    ["src/workers/a.ts", "async function f(): Promise<void> {}"],
    ["src/wal/group-commit.ts", "async function f(): Promise<void> {}"],
    ["src/base/clock.ts", "const now = Date.now();"],
    ["src/io/node-file-system.ts", 'import * as fs from "node:fs";'],
    ["src/http/a.ts", "const bytes = Buffer.from(text);"],
    [
      "src/head/a.ts",
      "// Date.now(), async, console.log, Buffer\nconst x = 'async'; y.Buffer = new Date(5);",
    ],
  ];
  for (const [path, line] of allowed) assert.deepEqual(offencesInSource(planted(path, line)), [], line);
});

test("no text keeps work for later, a machine's path or a registry's address", () => {
  const texts = listFiles("")
    .filter((path) => !BINARY.test(path) && !SPELLS_THE_RULES.test(path))
    .map(page);
  assert.deepEqual(texts.flatMap(offencesInWords), []);
});

test("canary: such words are caught", () => {
  for (const line of [
    "// TODO: later",
    "// @ts-nocheck",
    "see /home/somebody/x",
    `"resolved": ${'"https://example.com/x.tgz"'}`,
    ["https://registry", "example.com/x"].join("."),
  ]) {
    assert.equal(offencesInWords(planted("a.md", line)).length, 1, line);
  }
  assert.deepEqual(offencesInWords(planted("a.md", "the homework/work of src/home/a")), []);
});

test("pages refer to files that are there", () => {
  const pages = ["README.md", ...listFiles("docs"), ...listFiles("data")].filter((path) =>
    path.endsWith(".md"),
  );
  const exists = (path: string): boolean => existsSync(`${ROOT}/${path}`);
  assert.deepEqual(
    pages.flatMap((path) => deadReferences(page(path), exists)),
    [],
  );
  const dead =
    "[a](../gone.md) [b](https://example.com) `src/gone.ts` `docs/format/wal.md` [c](format/wal.md#x)";
  assert.deepEqual(
    deadReferences(planted("docs/a.md", dead), (path) => path === "docs/format/wal.md"),
    ["docs/a.md: link to ../gone.md", "docs/a.md: `src/gone.ts`"],
  );
});

test("docs/format/wal.md has the log's record types and numbers", () => {
  const wal = page("docs/format/wal.md");
  assert.deepEqual(differentNumbers(wal, RecordType), []);
  const { SERIES: _, ...fewer } = RecordType;
  assert.equal(differentNumbers(wal, fewer).length, 1);
  assert.equal(differentNumbers(wal, { ...RecordType, NEW: 8 }).length, 1);
  const constants = constantsOf(page("src/wal/record-format.ts"));
  assert.deepEqual(missingWords(wal, [constants.get("RECORD_MAGIC") ?? "no RECORD_MAGIC"]), []);
});

test("the pages of Prometheus' formats have their magic numbers", () => {
  const constants = constantsOf(page("src/block/block-format.ts"));
  for (const [name, path] of [
    ["INDEX_MAGIC", "docs/format/index.md"],
    ["CHUNKS_MAGIC", "docs/format/chunks.md"],
    ["TOMBSTONES_MAGIC", "docs/format/tombstones.md"],
  ] as const) {
    const digits = constants.get(name)?.replace("0x", "") ?? `no ${name}`;
    assert.ok(page(path).text.toLowerCase().includes(digits), `${path}: ${name}`);
  }
});

test("docs/LIMITS.md has every bound of src/base/limits.ts", () => {
  const limits = page("docs/LIMITS.md");
  const names = [...constantsOf(page("src/base/limits.ts")).keys()];
  assert.ok(names.length > 10);
  assert.deepEqual(missingWords(limits, names), []);
  assert.deepEqual(missingWords(limits, ["FORGOTTEN_BYTES_MAX"]), ["docs/LIMITS.md: FORGOTTEN_BYTES_MAX"]);
});

test("docs/ARCHITECTURE.md has a paragraph on every run-time package", () => {
  const { text } = page("docs/ARCHITECTURE.md");
  for (const name of runTimePackages) assert.match(text, new RegExp(`^\\*\\*${name}\\*\\* \\(`, "m"), name);
});

test("every folder of data/ says where its files come from", () => {
  const folders = new Set(listFiles("data").map((path) => path.split("/").slice(0, 2).join("/")));
  folders.delete("data/README.md");
  assert.ok(folders.size > 0);
  for (const folder of folders) assert.ok(existsSync(`${ROOT}/${folder}/README.md`), `${folder}/README.md`);
});

test("the kernel stays small", () => {
  assert.ok(statSync(`${ROOT}/dist/kernel/kernel.wasm`).size <= KERNEL_BYTES_MAX);
});

test("packages at run time are few", () => {
  assert.ok(runTimePackages.length <= RUN_TIME_PACKAGES_MAX, runTimePackages.join(" "));
});
