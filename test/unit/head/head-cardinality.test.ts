import * as assert from "node:assert/strict";
import { test } from "node:test";
import type { Cardinality, CountedName } from "../../../dist/head/head-cardinality.js";
import { LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/random.js";

const clock = new FakeClock();
const START = clock.nowMs() - 3_600_000;
const UNLIMITED = 100_000;

type LabelList = [string, string][];

async function write(local: LocalDatabase, series: readonly LabelList[], timestamp: number): Promise<void> {
  const request = series.map((labels) => ({ labels, samples: [{ timestamp, value: 1 }] }));
  assert.equal((await local.writeSeries(request)).status, 204);
}

function count(local: LocalDatabase, refs: Uint32Array | null, limit = UNLIMITED): Cardinality {
  const { cardinality } = local.head;
  return refs === null
    ? cardinality.whole(limit, "job", () => {})
    : cardinality.of(refs, limit, "job", () => {});
}

function descending(counts: ReadonlyMap<string, number>): CountedName[] {
  return [...counts]
    .map(([name, value]) => ({ name, value }))
    .sort((a, b) => b.value - a.value || (a.name < b.name ? -1 : 1));
}

function naive(series: readonly LabelList[]): Cardinality {
  const [metrics, pairs, names, bytes, values] = Array.from({ length: 5 }, () => new Map<string, number>());
  const add = (counts: Map<string, number> | undefined, key: string, by = 1): void => {
    counts?.set(key, (counts.get(key) ?? 0) + by);
  };
  const inMemory = (text: string): number => {
    const length = new TextEncoder().encode(text).length;
    return length + (length < 255 ? 1 : 4);
  };
  for (const labels of series) {
    for (const [name, value] of labels) {
      if (pairs?.has(`${name}=${value}`) === false) add(names, name);
      add(pairs, `${name}=${value}`);
      add(bytes, name, inMemory(name) + inMemory(value));
      if (name === "__name__") add(metrics, value);
      if (name === "job") add(values, value);
    }
  }
  return {
    seriesCount: series.length,
    labelPairCount: pairs?.size ?? 0,
    metrics: descending(metrics ?? new Map()),
    labelNames: descending(names ?? new Map()),
    labelBytes: descending(bytes ?? new Map()),
    labelPairs: descending(pairs ?? new Map()),
    labelValues: descending(values ?? new Map()),
  };
}

function someSeries(random: () => number, count: number): LabelList[] {
  return Array.from({ length: count }, (_, i) => {
    const labels: LabelList = [
      ["__name__", `metric_${Math.floor(random() ** 2 * 9)}`],
      ["id", String(i)],
    ];
    if (random() < 0.7) labels.push(["job", `größe-${Math.floor(random() * 5)}`]);
    if (random() < 0.1) labels.push(["z", "🦀".repeat(60 + Math.floor(random() * 8))]);
    return labels;
  });
}

test("counts of all series, of many and of a few are those of a naive count", async () => {
  const random = seededRandom(11);
  const local = new LocalDatabase(new MemFileSystem(), clock);
  const series = someSeries(random, 3000);
  await write(local, series, START);
  assert.deepEqual(count(local, null), naive(series));
  for (const share of [0, 0.001, 0.1, 0.13, 0.5, 1]) {
    const refs = Uint32Array.from(series.keys()).filter(() => random() < share);
    const chosen = [...refs].map((ref) => series[ref] ?? []);
    assert.deepEqual(count(local, refs), naive(chosen), `a share of ${share}`);
  }
  const { labelPairs, metrics } = count(local, null, 3);
  assert.deepEqual(labelPairs, naive(series).labelPairs.slice(0, 3));
  assert.deepEqual(metrics, naive(series).metrics.slice(0, 3));
  await local.close();
});

test("series that have ended do not count, and those that took their refs do", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock, { blockRangeMs: 600_000 });
  const base = Math.floor(START / 600_000) * 600_000;
  const series = someSeries(seededRandom(12), 400);
  const staying = series.filter((_, i) => i % 4 === 0);
  await write(local, series, base);
  await write(local, staying, base + 900_000);
  local.maintain(base + 600_000);
  assert.deepEqual(count(local, null), naive(staying));
  const fresh = someSeries(seededRandom(13), 100).map((labels): LabelList => [...labels, ["zz", "new"]]);
  await write(local, fresh, base + 900_000);
  assert.deepEqual(count(local, null), naive([...staying, ...fresh]));
  const refs = local.head.refs([{ name: "zz", op: "=", value: "new" }], base, base + 3_600_000);
  assert.deepEqual(count(local, refs), naive(fresh));
  await local.close();
});
