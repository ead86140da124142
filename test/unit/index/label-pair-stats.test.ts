import assert from "node:assert/strict";
import { test } from "node:test";
import { LargestCounts, labelPairStats, utf8Bytes } from "../../../dist/index/label-pair-stats.js";

const SERIES: readonly Readonly<Record<string, string>>[] = [
  { __name__: "up", job: "a", pod: "x" },
  { __name__: "up", job: "a", pod: "yy" },
  { __name__: "up", job: "b" },
  { __name__: "größe", job: "b" },
];

function countsOf(series: typeof SERIES) {
  const names = new Map<string, Map<string, number>>([["gone", new Map([["value", 0]])]]);
  for (const labels of series) {
    for (const [name, value] of Object.entries(labels)) {
      const values = names.get(name) ?? new Map<string, number>();
      names.set(name, values.set(value, (values.get(value) ?? 0) + 1));
    }
  }
  return {
    seriesCount: series.length,
    eachLabelName: (visit: (name: string, count: number) => void) => {
      for (const [name, values] of names) visit(name, values.size);
    },
    eachLabelValue: (name: string, visit: (value: string, count: number) => void) => {
      for (const [value, count] of names.get(name) ?? []) visit(value, count);
    },
  };
}

test("counts as Prometheus' index does", () => {
  const stats = labelPairStats(countsOf(SERIES), 10);
  assert.equal(stats.numSeries, 4);
  assert.equal(stats.numLabelPairs, 6);
  assert.deepEqual(stats.seriesByMetricName, [
    { name: "up", count: 3 },
    { name: "größe", count: 1 },
  ]);
  assert.deepEqual(stats.valuesByLabelName, [
    { name: "__name__", count: 2 },
    { name: "job", count: 2 },
    { name: "pod", count: 2 },
  ]);
  assert.deepEqual(stats.bytesByLabelName, [
    { name: "__name__", count: 3 * (9 + 3) + (9 + 8) },
    { name: "job", count: 4 * (4 + 2) },
    { name: "pod", count: 2 * 4 + 2 + 3 },
  ]);
  assert.deepEqual(stats.seriesByLabelPair.slice(0, 2), [
    { name: "__name__=up", count: 3 },
    { name: "job=a", count: 2 },
  ]);
});

test("keeps the largest of many, equal ones by name", () => {
  const largest = new LargestCounts(3);
  for (let i = 0; i < 10_000; i++) largest.push(`n${String(i).padStart(5, "0")}`, (i * 7919) % 5000);
});

test("bytes of UTF-8", () => {
  for (const text of ["", "abc", "größe", "日本", "🦀x"]) {
    assert.equal(utf8Bytes(text), new TextEncoder().encode(text).length);
  }
});
