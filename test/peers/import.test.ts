/** `varve import` of what Prometheus and promtool wrote: the same samples, bit for bit, by promtool's own dump. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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

test("a Prometheus data folder: what its log holds", { timeout: 120_000 }, async (t) => {
  const [prometheus, tool] = [peerOrSkip(t, "prometheus"), peerOrSkip(t, "promtool")];
  if (prometheus === null || tool === null) return;
  const folder = temporaryFolder(t);
  const server = await startPrometheus(t, prometheus, folder);
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
});

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
