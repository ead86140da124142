/** Our blocks in Prometheus' tools and in Prometheus itself, and Prometheus' blocks here. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { gzipSync } from "node:zlib";
import { type Block, openBlock } from "../../dist/block/block-reader.js";
import { BlockSet } from "../../dist/block/block-set.js";
import { writeBlock } from "../../dist/block/block-writer.js";
import { PageCache } from "../../dist/block/page-cache.js";
import { verifyBlock } from "../../dist/block/verify-block.js";
import { writeHeadBlock } from "../../dist/compact/compactor.js";
import { maintainOnce } from "../../dist/compact/maintenance.js";
import { mergeSources } from "../../dist/compact/merge-sources.js";
import { nodeFileSystem as fs } from "../../dist/io/node-file-system.js";
import { Labels } from "../../dist/model/labels.js";
import { SampleColumns } from "../../dist/storage/columns.js";
import { dump, dumpPlain, type PlainSeries, sourceOf } from "../support/block-fixtures.js";
import { peerOrSkip } from "../support/peers.js";
import {
  dumpOf,
  promtool,
  snapshotWith,
  startPrometheus,
  trickySeries,
} from "../support/prometheus-blocks.js";

const HOUR_MS = 3_600_000;

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "varve-blocks-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function onlyBlock(folder: string): Block {
  const set = new BlockSet(fs, folder, new PageCache(1 << 22));
  assert.deepEqual(set.damaged, []);
  assert.equal(set.blocks.length, 1);
  return set.blocks[0];
}

let counter = 0;
function newUlid(): string {
  return `01ARZ3NDEKTSV4RRFFQ6${String(counter++).padStart(6, "0")}`;
}

test("Prometheus' block is read whole, and written anew it is the same to promtool", {
  timeout: 120_000,
}, async (t) => {
  const [prometheus, tool] = [peerOrSkip(t, "prometheus"), peerOrSkip(t, "promtool")];
  if (prometheus === null || tool === null) return;
  const folder = temporaryFolder(t);
  const series = trickySeries();
  const server = await startPrometheus(t, prometheus, folder);
  const snapshot = await snapshotWith(server, series);
  await server.stop();

  const block = onlyBlock(snapshot);
  assert(isDeepStrictEqual(dump(block), dumpPlain(series)), "every sample that was sent, bit for bit");
  assert.deepEqual(verifyBlock(fs, block.dir).problems, []);

  const theirs = dumpOf(tool, snapshot);
  const { minTime, maxTime } = block.meta;
  const rewritten = [block.chunkSeries(), mergeSources([block.chunkSeries()]), sourceOf(series, 1000)];
  for (const [i, source] of rewritten.entries()) {
    const ours = join(folder, `ours-${i}`);
    mkdirSync(ours);
    const written = writeBlock(fs, ours, source, { ulid: newUlid(), minTime, maxTime });
    assert.equal(written?.stats.numSamples, block.meta.stats.numSamples);
    assert(isDeepStrictEqual(dumpOf(tool, ours), theirs), `dump of rewriting ${i}`);
  }
  if (process.env["UPDATE_GOLDEN"] === "1") keepAsGolden(block, theirs);
});

function keepAsGolden(block: Block, dumped: readonly string[]): void {
  const golden = fileURLToPath(new URL("../../data/blocks/", import.meta.url));
  rmSync(golden, { recursive: true, force: true });
  mkdirSync(golden, { recursive: true });
  cpSync(block.dir, join(golden, block.meta.ulid), { recursive: true });
  writeFileSync(join(golden, "dump.txt.gz"), gzipSync(`${dumped.join("\n")}\n`, { level: 9 }));
}

test("blocks of promtool's import are read", (t) => {
  const tool = peerOrSkip(t, "promtool");
  if (tool === null) return;
  const folder = temporaryFolder(t);
  const start = 1_700_000_000;
  const lines = ["# TYPE requests counter"];
  const expected: Record<string, [number, number][]> = {};
  for (const code of ["200", "404"]) {
    const rows: [number, number][] = [];
    for (let i = 0; i < 1000; i++) {
      lines.push(`requests_total{code="${code}"} ${i * 1.5} ${start + i * 15}`);
      rows.push([(start + i * 15) * 1000, i * 1.5]);
    }
    expected[`requests_total{code="${code}"}`] = rows;
  }
  writeFileSync(join(folder, "in.txt"), `${lines.join("\n")}\n# EOF\n`);
  promtool(tool, "tsdb", "create-blocks-from", "openmetrics", join(folder, "in.txt"), join(folder, "data"));
  const set = new BlockSet(fs, join(folder, "data"), new PageCache(1 << 20));
  assert.deepEqual(set.damaged, []);
  assert(set.blocks.length > 1, "several blocks of two hours");
  const found: Record<string, [number, number][]> = {};
  const columns = new SampleColumns();
  for (const block of set.blocks) {
    assert.deepEqual(verifyBlock(fs, block.dir).problems, []);
    const series = block.select([{ name: "code", op: "!=", value: "" }], 0, 1e15);
    for (let i = 0; i < series.count; i++) {
      series.read(i, 0, 1e15, columns);
      const rows = Array.from({ length: columns.count }, (_, k): [number, number] => [
        columns.timestamps[k],
        columns.values[k],
      ]);
      const key = series.labels(i).toString();
      found[key] = [...(found[key] ?? []), ...rows];
    }
  }
  assert.deepEqual(found, expected);
});

/** Three head blocks of two hours, out-of-order duplicates in one, merged into one of six. */
function compactedFolder(folder: string): PlainSeries[] {
  const start = 1_699_999_200_000 - (1_699_999_200_000 % (6 * HOUR_MS));
  const series = Array.from({ length: 40 }, (_, i) => ({
    labels: Labels.fromObject({ __name__: "load", host: `h${i}`, parity: String(i % 2) }),
    samples: Array.from(
      { length: 1440 },
      (_, k) => [start + k * 15_000, Math.floor(1000 * Math.sin(k / 50 + i)) / 8] as const,
    ),
  }));
  const late = series
    .slice(0, 5)
    .map(({ labels, samples }) => ({ labels, samples: samples.slice(100, 300) }));
  const options = { fs, dir: folder, newUlid };
  for (let i = 0; i < 3; i++) {
    writeHeadBlock(sourceOf(series), start + i * 2 * HOUR_MS, start + (i + 1) * 2 * HOUR_MS, options);
  }
  writeHeadBlock(sourceOf(late), start, start + 2 * HOUR_MS, options);
  const limits = { retentionMs: 0, retentionBytes: 0, newestMs: 0, otherBytes: 0 };
  while (maintainOnce({ ...options, ...limits }).kind !== "idle");
  return series;
}

test("promtool lists, analyses and dumps a merged block as it was put in", (t) => {
  const tool = peerOrSkip(t, "promtool");
  if (tool === null) return;
  const folder = temporaryFolder(t);
  const series = compactedFolder(folder);
  const block = onlyBlock(folder);
  assert.deepEqual(verifyBlock(fs, block.dir).problems, []);
  assert.equal(block.meta.stats.numChunks, 40 * 3, "480 samples a chunk");
  const lines = dumpOf(tool, folder);
  const expected = series.flatMap(({ labels, samples }) => {
    const pairs = [...labels].map(([name, value]) => `${name}="${value}"`).join(", ");
    return samples.map(([timestamp, value]) => `{${pairs}} ${value} ${timestamp}`);
  });
  assert.deepEqual([...lines].sort(), expected.sort());
  assert.match(promtool(tool, "tsdb", "list", folder), new RegExp(`${block.meta.ulid} .* 57600 +120 +40 `));
  const analysis = promtool(tool, "tsdb", "analyze", folder);
  assert.match(analysis, /Total Series: 40\n/);
  assert.match(analysis, /Postings \(unique label pairs\): 43\n/);
});

test("Prometheus serves a folder of ours, deletions included", { timeout: 120_000 }, async (t) => {
  const prometheus = peerOrSkip(t, "prometheus");
  if (prometheus === null) return;
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "data"));
  const series = compactedFolder(join(folder, "data"));
  const block = onlyBlock(join(folder, "data"));
  const { minTime, maxTime } = block.meta;
  block.deleteSeries([{ name: "host", op: "=~", value: "h[12]" }], minTime + HOUR_MS, minTime + 2 * HOUR_MS);
  const ours = dump(openBlock(fs, block.dir, new PageCache(1 << 20)));
  const server = await startPrometheus(t, prometheus, folder);
  const seconds = (maxTime - minTime) / 1000;
  const query = `load[${seconds}s]`;
  const answer = await fetch(
    `${server.url}/api/v1/query?query=${encodeURIComponent(query)}&time=${maxTime / 1000}`,
  );
  const { data } = (await answer.json()) as {
    data: { result: { metric: Record<string, string>; values: [number, string][] }[] };
  };
  assert.equal(data.result.length, series.length);
  for (const { metric, values } of data.result) {
    const rows = ours[Labels.fromObject(metric).toString()] as [number, string][];
    // A range selector leaves its left edge out.
    const inside = rows.filter(([timestamp]) => timestamp > minTime);
    assert.deepEqual(
      values.map(([timestamp]) => Math.round(timestamp * 1000)),
      inside.map(([timestamp]) => timestamp),
    );
    const bits = new Uint32Array(2);
    const float = new Float64Array(bits.buffer);
    const texts = values.map(([, text]) => {
      float[0] = Number(text);
      return `${bits[1].toString(16)}:${bits[0].toString(16)}`;
    });
    assert.deepEqual(
      texts,
      inside.map(([, text]) => text),
    );
  }
  await server.stop();
});
