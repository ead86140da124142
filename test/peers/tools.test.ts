/** `varve analyze`, `inspect`, `export` and `verify` beside promtool, on blocks of Prometheus'. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { peerOrSkip } from "../support/peers.js";
import {
  dumpOf,
  promtool,
  snapshotWith,
  startPrometheus,
  trickySeries,
} from "../support/prometheus-blocks.js";
import { startServer } from "../support/server.js";
import { varve } from "../support/varve-command.js";

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "varve-tools-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A snapshot of Prometheus with the tricky series, Prometheus ended. */
async function prometheusBlocks(t: TestContext, prometheus: string): Promise<string> {
  const server = await startPrometheus(t, prometheus, temporaryFolder(t));
  const snapshot = await snapshotWith(server, trickySeries());
  await server.stop();
  return snapshot;
}

/** The output without the order of entries that are equal: promtool's is chance. */
function entriesOf(text: string): string[] {
  const sections = text.split("\n\n").filter((section) => !section.startsWith("What each label"));
  return sections.slice(0, 7).map((section) => section.trim().split("\n").sort().join("\n"));
}

test("analyze prints what promtool does, and more", { timeout: 120_000 }, async (t) => {
  const [prometheus, tool] = [peerOrSkip(t, "prometheus"), peerOrSkip(t, "promtool")];
  if (prometheus === null || tool === null) return;
  const blocks = await prometheusBlocks(t, prometheus);
  dumpOf(tool, blocks);
  const theirs = promtool(tool, "tsdb", "analyze", "--limit=1000", blocks);
  const { status, stdout, stderr } = varve("analyze", "--limit=1000", blocks);
  assert.equal(status, 0, stderr);
  assert.deepEqual(entriesOf(stdout), entriesOf(theirs));
  assert.match(stdout, /What each label costs[\s\S]*\n__name__ /);
});

test("export to OpenMetrics text is promtool's, and comes back the same", { timeout: 120_000 }, async (t) => {
  const [prometheus, tool] = [peerOrSkip(t, "prometheus"), peerOrSkip(t, "promtool")];
  if (prometheus === null || tool === null) return;
  const blocks = await prometheusBlocks(t, prometheus);
  const theirDump = dumpOf(tool, blocks);
  const theirs = promtool(tool, "tsdb", "dump-openmetrics", blocks).split("\n");
  const ours = varve("export", `--storage.tsdb.path=${blocks}`, "--format=openmetrics");
  assert.equal(ours.status, 0, ours.stderr);
  assert.match(ours.stderr, /samples are native histograms/);
  // promtool writes numbers as Go's %g does.
  const plain = (line: string): string => {
    const [time = "", value = "", ...series] = line.split(" ").reverse();
    const number = value.replace("Inf", "Infinity");
    return series.length === 0 ? line : `${series.reverse().join(" ")} ${Number(number)} ${time}`;
  };
  assert.deepEqual(ours.stdout.split("\n").map(plain).sort(), theirs.map(plain).sort());

  const folder = temporaryFolder(t);
  const file = join(folder, "all.jsonl.gz");
  assert.equal(varve("export", `--storage.tsdb.path=${blocks}`, `--output=${file}`).status, 0);
  const back = join(folder, "back");
  const imported = varve("import", `--storage.tsdb.path=${back}`, file);
  assert.equal(imported.status, 0, imported.stderr);
  assert.deepEqual(dumpOf(tool, back).sort(), theirDump.sort());
});

test("a Prometheus data folder is served in place, and left as it is", { timeout: 120_000 }, async (t) => {
  const prometheus = peerOrSkip(t, "prometheus");
  if (prometheus === null) return;
  const folder = temporaryFolder(t);
  const theirs = await startPrometheus(t, prometheus, folder);
  await snapshotWith(theirs, trickySeries());
  const query = async (url: string, expression: string): Promise<unknown> => {
    const params = new URLSearchParams({ query: expression, time: "1700001000" });
    const response = await fetch(`${url}/api/v1/query?${params}`);
    const { data } = (await response.json()) as { data: { result: { metric: unknown }[] } };
    return data.result.map((row) => JSON.stringify(row)).sort();
  };
  const expressions = [
    '{__name__=~".+"}',
    "sum(rate(float[10m]))",
    "histogram[20m]",
    "float[20m]",
    'count({__name__=~".+"})',
  ];
  const expected = await Promise.all(expressions.map((expression) => query(theirs.url, expression)));
  assert(expected.every((rows) => (rows as unknown[]).length > 0));
  await theirs.stop();
  const before = readdirSync(theirs.dataFolder, { recursive: true }).sort();
  const server = await startServer(t, {
    dataDirectory: theirs.dataFolder,
    flags: ["--storage.read-only", "--storage.tsdb.retention.time=0s"],
  });
  for (const [i, expression] of expressions.entries()) {
    assert.deepEqual(await query(server.url, expression), expected[i], expression);
  }
  const write = await fetch(`${server.url}/api/v1/import/prometheus`, { method: "POST", body: "up 1\n" });
  assert.equal(write.status, 503);
  assert.match(await write.text(), /--storage.read-only/);
  assert.equal(await server.stop(), 0);
  assert.deepEqual(readdirSync(theirs.dataFolder, { recursive: true }).sort(), before, "nothing was written");
});

test("inspect and verify read what Prometheus wrote, and find what was changed in it", {
  timeout: 120_000,
}, async (t) => {
  const prometheus = peerOrSkip(t, "prometheus");
  if (prometheus === null) return;
  const blocks = await prometheusBlocks(t, prometheus);
  const [ulid = ""] = readdirSync(blocks).filter((name) => name.length === 26);
  const intact = varve("verify", blocks);
  assert.deepEqual([intact.status, intact.stdout.trim().split("\n").at(-1)], [0, "everything is intact"]);
  for (const file of ["", "/meta.json", "/index", "/tombstones", "/chunks/000001"]) {
    const { status, stdout, stderr } = varve("inspect", `${blocks}/${ulid}${file}`);
    assert.equal(status, 0, `${file}: ${stderr}`);
    assert(stdout.split("\n").length > (file === "/tombstones" ? 1 : 3), file);
  }
  const path = `${blocks}/${ulid}/chunks/000001`;
  const bytes = readFileSync(path);
  bytes[5000] ^= 4;
  writeFileSync(path, bytes);
  const damaged = varve("verify", blocks);
  assert.equal(damaged.status, 1);
  assert.match(damaged.stdout, /chunks\/000001 at \d+: chunk: checksum mismatch\n {2}affected: 20\d\d-/);
});
