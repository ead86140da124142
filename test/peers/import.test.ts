/** `varve import` of what Prometheus and promtool wrote: the same samples, bit for bit, by promtool's own dump. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ExpositionParser } from "../../dist/wire/exposition-parser.js";
import { TextLines } from "../../dist/wire/text-lines.js";
import { peerOrSkip } from "../support/peers.js";
import {
  dumpOf,
  promtool,
  snapshotWith,
  startPrometheus,
  trickySeries,
  wireSeries,
} from "../support/prometheus-blocks.js";
import { varve } from "../support/varve-command.js";
import { postV2 } from "../support/write-client.js";

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "varve-import-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Samples in any order of lines, as `promtool tsdb dump` prints them. */
function sorted(dump: readonly string[]): string[] {
  return [...dump].sort();
}

for (const compression of ["snappy", "zstd"]) {
  test(
    `a Prometheus data folder: what its log, compressed with ${compression}, holds`,
    {
      timeout: 120_000,
    },
    (t) => importLog(t, compression),
  );
}

async function importLog(t: TestContext, compression: string): Promise<void> {
  const [prometheus, tool] = [peerOrSkip(t, "prometheus"), peerOrSkip(t, "promtool")];
  if (prometheus === null || tool === null) return;
  const folder = temporaryFolder(t);
  const flags = [`--storage.tsdb.wal-compression-type=${compression}`];
  const server = await startPrometheus(t, prometheus, folder, flags);
  for (const series of trickySeries()) {
    const { status, text } = await postV2(server.url, [wireSeries(series)]);
    assert(status < 300, text);
  }
  await server.stop("SIGKILL");
  const ours = join(folder, "ours");
  const { status, stderr } = varve("import", `--storage.tsdb.path=${ours}`, server.dataFolder);
  t.diagnostic(stderr);
  assert.equal(status, 0, stderr);
  const theirs = sorted(dumpOf(tool, server.dataFolder));
  const imported = sorted(dumpOf(tool, ours));
  assert(theirs.length > 1000);
  assert.equal(imported.length, theirs.length);
  assert.deepEqual(imported, theirs);
  assert.deepEqual(
    readdirSync(ours).filter((name) => name === "import"),
    [],
  );
  // Once more: nothing is there twice.
  assert.equal(varve("import", `--storage.tsdb.path=${ours}`, server.dataFolder).status, 0);
  assert.deepEqual(sorted(dumpOf(tool, ours)), theirs);
  const verified = varve("verify", server.dataFolder);
  assert.equal(verified.status, 0, verified.stderr);
}

test("a Prometheus data folder: its blocks", { timeout: 120_000 }, async (t) => {
  const [prometheus, tool] = [peerOrSkip(t, "prometheus"), peerOrSkip(t, "promtool")];
  if (prometheus === null || tool === null) return;
  const folder = temporaryFolder(t);
  const server = await startPrometheus(t, prometheus, folder);
  const snapshot = await snapshotWith(server, trickySeries());
  await server.stop();
  const ours = join(folder, "ours");
  const { status, stderr } = varve("import", `--storage.tsdb.path=${ours}`, snapshot);
  assert.equal(status, 0, stderr);
  assert.deepEqual(dumpOf(tool, ours), dumpOf(tool, snapshot));
});

test("OpenMetrics text, as promtool reads it", { timeout: 120_000 }, (t) => {
  const tool = peerOrSkip(t, "promtool");
  if (tool === null) return;
  const folder = temporaryFolder(t);
  const lines = ["# HELP requests some help", "# TYPE requests counter"];
  const start = 1_600_000_000;
  for (let i = 0; i < 5000; i++) {
    lines.push(`requests_total{path="/a",n="${i % 7}"} ${i * 1.5} ${start + 15 * Math.floor(i / 7)}.125`);
  }
  lines.push(
    "# TYPE other gauge",
    'other{x="a \\"quoted\\" \\\\ λ\\n"} NaN 1600000000',
    "other -Inf 1600000000.5",
  );
  lines.push('{"utf8.name","label.a"="b"} 0x10 1600000001'.replace("0x10", "1e-300"), "# EOF");
  const file = join(folder, "data.om");
  writeFileSync(file, `${lines.join("\n")}\n`);
  const theirs = join(folder, "theirs");
  promtool(tool, "tsdb", "create-blocks-from", "openmetrics", file, theirs);
  const ours = join(folder, "ours");
  const { status, stderr } = varve("import", `--storage.tsdb.path=${ours}`, file);
  assert.equal(status, 0, stderr);
  assert.deepEqual(sorted(dumpOf(tool, ours)), sorted(dumpOf(tool, theirs)));
});

/** Lines that may or may not be OpenMetrics, each judged by promtool and by us. */
const LINES: readonly string[] = [
  "a 1 1600000000",
  "a{} 1 1600000000",
  'a{b="c",} 1 1600000000',
  'a{b="c" } 1 1600000000',
  'a{b ="c"} 1 1600000000',
  'a {b="c"} 1 1600000000',
  'a{b="c"}1 1600000000',
  "a  1 1600000000",
  "a 1  1600000000",
  "a 1 1600000000 ",
  "a 1 1600000000.5 # {} 1",
  'a 1 1600000000 # {x="y"} 1 1600000000',
  'a 1 1600000000 #{x="y"} 1',
  'a 1 1600000000 # {"x"="y"} 1',
  "a 0x1p-2 1600000000",
  "a 1_000 1600000000",
  "a 1e400 1600000000",
  "a +Inf 1600000000",
  "a inf 1600000000",
  "a NaN 1600000000",
  "a 1. 1600000000",
  "a .5 1600000000",
  "a 1 NaN",
  "a 1 1.6e9",
  '{"a b"} 1 1600000000',
  '{"a b","c d"="e"} 1 1600000000',
  '{"a","b"} 1 1600000000',
  '{b="c"} 1 1600000000',
  'a{"b c"="d"} 1 1600000000',
  'a{b="c\\n\\"\\\\"} 1 1600000000',
  'a{b="c\\x"} 1 1600000000',
  'a{b="c} 1 1600000000',
  "a{b=c} 1 1600000000",
  'a{1b="c"} 1 1600000000',
  "1a 1 1600000000",
  "a:b 1 1600000000",
  "ä 1 1600000000",
  "# TYPE a counter",
  "# TYPE a untyped",
  "# TYPE a",
  "# HELP a",
  "# HELP a some text",
  "# UNIT a_seconds seconds",
  "# a comment",
  "#",
  "",
];

test("what is OpenMetrics text is what promtool takes for it", { timeout: 120_000 }, (t) => {
  const tool = peerOrSkip(t, "promtool");
  if (tool === null) return;
  const folder = temporaryFolder(t);
  const differing = LINES.filter((line, i) => {
    const file = join(folder, `${i}.om`);
    writeFileSync(file, `first 1 1600000000\n${line}\n# EOF\n`);
    let theirs = true;
    try {
      promtool(tool, "tsdb", "create-blocks-from", "openmetrics", file, join(folder, `theirs-${i}`));
    } catch {
      theirs = false;
    }
    return theirs !== readsWhole(file);
  });
  assert.deepEqual(differing, []);
});

/** True if nothing in the file is complained of. */
function readsWhole(file: string): boolean {
  let problems = 0;
  const parser = new ExpositionParser<null>("openmetrics", {
    series: () => null,
    sample() {},
    exemplar() {},
    metadata() {},
    problem: () => void problems++,
  });
  const lines = new TextLines(parser);
  lines.push(readFileSync(file));
  lines.finish();
  return problems === 0 && parser.ended;
}
