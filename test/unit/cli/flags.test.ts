import * as assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { RefusalError } from "../../../dist/base/errors.js";
import { buildConfig } from "../../../dist/cli/config.js";
import { FLAGS } from "../../../dist/cli/flag-table.js";
import { parseAddress, parseBytes } from "../../../dist/cli/flag-values.js";
import { printConfigPage, printHelp } from "../../../dist/cli/help.js";
import { parseCommandLine } from "../../../dist/cli/parse-flags.js";

const MACHINE = { cores: 4, memoryBytes: 8 * 2 ** 30 };

function config(...args: string[]) {
  const command = parseCommandLine(args);
  assert.ok(command.command === "serve");
  return buildConfig(command.flags, MACHINE);
}

function refusal(...args: string[]): string {
  try {
    parseCommandLine(args);
  } catch (error) {
    assert.ok(error instanceof RefusalError);
    return error.message;
  }
  throw new Error(`${args.join(" ")} was not refused`);
}

test("defaults are those that README, k6 and Grafana rely on", () => {
  const { flags, ...values } = config();
  assert.deepEqual(values, {
    host: "127.0.0.1",
    port: 9090,
    transport: "auto",
    readTimeoutMs: 30_000,
    connectionsMax: 4096,
    corsOrigin: ".*",
    webConfigFile: "",
    lifecycle: false,
    adminApi: false,
    dataPath: "./varve-data",
    readOnly: false,
    durability: "fsync",
    relabelConfigFile: "",
    urlTemplates: [],
    budgetText: "",
    features: [],
    headMemoryBytesMax: 2 * 2 ** 30,
    outOfOrderWindowMs: 86_400_000,
    retentionMs: 365 * 24 * 60 * 60 * 1000,
    retentionBytes: 0,
    freeBytesMin: 256 * 2 ** 20,
    blockRangeMs: 7_200_000,
    blockCacheBytes: 128 * 2 ** 20,
    ingestWorkers: 3,
    requestBytesMax: 32 * 2 ** 20,
    labelsPerSeriesMax: 64,
    labelNameBytesMax: 1024,
    labelValueBytesMax: 4096,
    seriesMax: 0,
    queryTimeoutMs: 120_000,
    querySamplesMax: 50_000_000,
    otlp: {
      strategy: "UnderscoreEscapingWithSuffixes",
      promotedAttributes: [],
      promoteAll: false,
      keepIdentifying: false,
      nhcb: false,
      promoteScope: false,
      allowDelta: false,
    },
    readSamplesMax: 50_000_000,
    readConcurrencyMax: 10,
    readFrameBytesMax: 1 << 20,
    searchLimitMax: 10_000,
    lookbackDeltaMs: 300_000,
    queryConcurrencyMax: 20,
    logLevel: "info",
    logSlowQueryMs: 5000,
    logFormat: "logfmt",
  });
  assert.deepEqual(Object.keys(flags).sort(), FLAGS.map((flag) => flag.name).sort());
  assert.equal(flags["ingest.workers"], "auto");
});

test("the head takes a quarter of the memory, at most 3 GiB", () => {
  const command = parseCommandLine([]);
  assert.ok(command.command === "serve");
  const large = buildConfig(command.flags, { cores: 1, memoryBytes: 64 * 2 ** 30 });
  assert.equal(large.headMemoryBytesMax, 3 * 2 ** 30);
  assert.equal(large.ingestWorkers, 1);
});

test("a value follows behind = or as the next argument", () => {
  const both = config("--web.listen-address=:80", "--storage.durability", "memory", "--ingest.workers=2");
  assert.deepEqual([both.host, both.port, both.durability, both.ingestWorkers], ["0.0.0.0", 80, "memory", 2]);
  assert.equal(config("--storage.tsdb.path=a=b").dataPath, "a=b");
  assert.equal(config("--storage.head-memory-limit=512MB").headMemoryBytesMax, 512 * 2 ** 20);
  assert.equal(config("--query.timeout=1h30m").queryTimeoutMs, 5_400_000);
});

test("a switch needs no value, and can be switched off", () => {
  for (const [args, on] of [
    [["--web.enable-lifecycle"], true],
    [["--web.enable-lifecycle=true"], true],
    [["--web.enable-lifecycle", "--web.enable-admin-api"], true],
    [["--no-web.enable-lifecycle"], false],
    [["--web.enable-lifecycle=false"], false],
  ] as const) {
    assert.equal(config(...args).lifecycle, on, args.join(" "));
  }
  assert.match(refusal("--web.enable-lifecycle=yes"), /neither true nor false/);
  assert.match(refusal("--no-web.enable-lifecycle=true"), /needs no value/);
  assert.match(refusal("--web.enable-lifecycle", "--no-web.enable-lifecycle"), /given twice/);
  assert.match(refusal("--no-query.timeout"), /unknown flag/);
});

test("a mistake is named with what would be right", () => {
  assert.match(refusal("--web.listen-adress=:1"), /^unknown flag --web\.listen-adress/);
  assert.match(refusal("serve"), /^unexpected argument "serve"/);
  assert.match(refusal("--query.timeout"), /needs a value/);
  assert.match(refusal("--query.timeout=5m", "--query.timeout=5m"), /given twice/);
  assert.match(refusal("--query.timeout=soon"), /^--query\.timeout: "soon" is not a duration: 30s/);
  assert.match(refusal("--storage.durability=maybe"), /not one of fsync, write, memory/);
  assert.match(refusal("--ingest.workers=0"), /at least 1/);
  assert.match(refusal("--ingest.workers=1.5"), /whole number/);
  assert.match(refusal("--limits.request-bytes=many"), /is not a size/);
  assert.match(refusal("--limits.request-bytes=auto"), /is not a size/);
  assert.match(refusal("--web.listen-address=localhost"), /is not an address/);
});

test("help and version win over everything behind them", () => {
  assert.equal(parseCommandLine(["--help", "--nonsense"]).command, "help");
  assert.equal(parseCommandLine(["-h"]).command, "help");
  assert.equal(parseCommandLine(["--version"]).command, "version");
});

test("sizes", () => {
  for (const [text, bytes] of [
    ["0", 0],
    ["1048576", 2 ** 20],
    ["512MB", 512 * 2 ** 20],
    ["3GiB", 3 * 2 ** 30],
    ["1.5KiB", 1536],
    ["2kb", 2048],
  ] as const) {
    assert.equal(parseBytes(text), bytes);
  }
  for (const text of ["", "MB", "-1", "1XB", "1e3", "0.3B", "9999999PB"])
    assert.throws(() => parseBytes(text), text);
});

test("addresses", () => {
  assert.deepEqual(parseAddress("[::1]:9090"), { host: "::1", port: 9090 });
  assert.deepEqual(parseAddress(":0"), { host: "0.0.0.0", port: 0 });
  assert.deepEqual(parseAddress("example.com:1"), { host: "example.com", port: 1 });
  for (const text of ["", "9090", "a:b", "::1:9090", "a:70000", "[a]:1:2"]) {
    assert.throws(() => parseAddress(text), text);
  }
});

test("--help names every flag with its default", () => {
  const help = printHelp();
  for (const flag of FLAGS) assert.ok(help.includes(`  --${flag.name}=${flag.default}\n`), flag.name);
  for (const line of help.split("\n")) assert.ok(line.length <= 110, line);
});

test("docs/CONFIG.md is what the table of flags makes", () => {
  const file = fileURLToPath(new URL("../../../docs/CONFIG.md", import.meta.url));
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, printConfigPage());
  assert.equal(readFileSync(file, "utf8"), printConfigPage());
});
