import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mergeQueryables } from "../../../dist/db/merged-queryable.js";
import { compileMatchers, matchesLabels } from "../../../dist/index/matcher.js";
import { compareUtf8, Labels } from "../../../dist/model/labels.js";
import type { SampleColumns } from "../../../dist/storage/columns.js";
import type { Queryable } from "../../../dist/storage/queryable.js";
import {
  columnsOf,
  dump,
  dumpPlain,
  type PlainSample,
  type PlainSeries,
} from "../../support/block-fixtures.js";
import { histogramRun } from "../../support/histogram-arbitraries.js";

/** The plainest store. */
function storeOf(all: readonly PlainSeries[]): Queryable {
  const find = (matchers: Parameters<Queryable["select"]>[0]): PlainSeries[] => {
    const compiled = compileMatchers(matchers);
    return all.filter(({ labels }) => matchesLabels(compiled, labels));
  };
  return {
    select(matchers, from, to) {
      const found = find(matchers);
      return {
        count: found.length,
        sorted: false,
        labels: (i) => found[i].labels,
        read(i, mint, maxt, columns: SampleColumns) {
          const rows = found[i].samples.filter(([t]) => t >= Math.max(from, mint) && t <= Math.min(to, maxt));
          const { timestamps, valueWords, histograms, count } = columnsOf(rows);
          columns.clear();
          columns.reserve(count);
          columns.timestamps.set(timestamps.subarray(0, count));
          columns.valueWords.set(valueWords.subarray(0, 2 * count));
          columns.histograms = histograms;
          columns.count = count;
        },
      };
    },
    labelNames: (matchers) =>
      [...new Set(find(matchers).flatMap(({ labels }) => Object.keys(labels.toObject())))].sort(compareUtf8),
    labelValues: (name, matchers) =>
      [...new Set(find(matchers).map(({ labels }) => labels.get(name)))]
        .filter((v) => v !== "")
        .sort(compareUtf8),
  };
}

test("is one store with the samples of all, the first one's where times are equal", () => {
  const floats = fc
    .uniqueArray(fc.nat(500), { maxLength: 60 })
    .map((times) =>
      times.sort((a, b) => a - b).map((t) => [1_700_000_000_000 + t * 1000, t % 5] as PlainSample),
    );
  const histograms = histogramRun.map((run) =>
    run.histograms.map((h, i) => [run.timestamps[i], h] as PlainSample),
  );
  const store = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.oneof(floats, floats, histograms));
  fc.assert(
    fc.property(fc.array(store, { maxLength: 4 }), (stores) => {
      const plain = stores.map((one) =>
        Object.entries(one).map(([name, samples]) => ({ labels: Labels.fromObject({ name }), samples })),
      );
      const expected = new Map<string, Map<number, PlainSample>>();
      for (const { labels, samples } of plain.flat()) {
        const rows = expected.get(labels.get("name")) ?? new Map<number, PlainSample>();
        expected.set(labels.get("name"), rows);
        for (const sample of samples) if (!rows.has(sample[0])) rows.set(sample[0], sample);
      }
      const merged = mergeQueryables(plain.map(storeOf));
      const whole = [...expected].map(([name, rows]) => ({
        labels: Labels.fromObject({ name }),
        samples: [...rows.values()].sort((a, b) => a[0] - b[0]),
      }));
      assert.deepEqual(dump(merged), dumpPlain(whole.filter(({ samples }) => samples.length > 0)));
    }),
    { numRuns: 200 },
  );
});

test("lists the labels of all stores once", () => {
  const one = storeOf([{ labels: Labels.fromObject({ x: "2", y: "1" }), samples: [] }]);
  const two = storeOf([{ labels: Labels.fromObject({ x: "1", z: "1" }), samples: [] }]);
  const merged = mergeQueryables([one, two]);
  assert.deepEqual(merged.labelNames([], 0, 1), ["x", "y", "z"]);
  assert.deepEqual(merged.labelValues("x", [], 0, 1), ["1", "2"]);
  assert.deepEqual(merged.labelValues("x", [{ name: "z", op: "=", value: "1" }], 0, 1), ["1"]);
  assert.equal(mergeQueryables([]).select([], 0, 1).count, 0);
});
