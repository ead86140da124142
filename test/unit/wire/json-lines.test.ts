import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Labels } from "../../../dist/model/labels.js";
import { isStaleAt, setStaleAt } from "../../../dist/model/stale.js";
import type { SampleColumns } from "../../../dist/storage/columns.js";
import { JsonLinesParser, printJsonLine, printJsonMetric } from "../../../dist/wire/json-lines.js";
import { TextLines } from "../../../dist/wire/text-lines.js";
import { labelPairs } from "../../support/arbitraries.js";
import { columnsOf } from "../../support/block-fixtures.js";
import { canonicalHistogram, histogramRun } from "../../support/histogram-arbitraries.js";

interface Heard {
  readonly rows: unknown[];
  readonly problems: string[];
}

function read(text: string): Heard {
  const heard: Heard = { rows: [], problems: [] };
  const lines = new TextLines(
    new JsonLinesParser<Labels>({
      series: (labels) => labels,
      sample: (labels, value, time, stale) => heard.rows.push([labels.key, time, stale ? "stale" : value]),
      histogram: (labels, histogram, time) => heard.rows.push([labels.key, time, histogram]),
      problem: (reason, line) => heard.problems.push(`${line} ${reason}`),
    }),
  );
  lines.push(new TextEncoder().encode(text));
  lines.finish();
  return heard;
}

test("what VictoriaMetrics writes", () => {
  const { rows, problems } = read(
    '{"metric":{"__name__":"up","job":"a"},"values":[1,null,"Infinity","-Infinity",1e-7],"timestamps":[1,2,3,4,5]}\r\n\n' +
      '{"timestamps":[9],"values":["nan"],"metric":{"__name__":"λ"},"other":1}',
  );
  assert.deepEqual(problems, []);
  const key = Labels.fromObject({ __name__: "up", job: "a" }).key;
  assert.deepEqual(rows, [
    [key, 1, 1],
    [key, 2, Number.NaN],
    [key, 3, Infinity],
    [key, 4, -Infinity],
    [key, 5, 1e-7],
    [Labels.fromObject({ __name__: "λ" }).key, 9, Number.NaN],
  ]);
});

test("a bad line costs that line only, whole, and is named", () => {
  const good = '{"metric":{"__name__":"a"},"values":[1],"timestamps":[1]}';
  for (const bad of [
    "x",
    "[]",
    "{}",
    '{"metric":{"__name__":1},"values":[1],"timestamps":[1]}',
    '{"metric":{},"values":[1],"timestamps":[1]}',
    '{"metric":{"__name__":"\\ud800"},"values":[1],"timestamps":[1]}',
    '{"metric":{"__name__":"a"},"values":[1,2],"timestamps":[1]}',
    '{"metric":{"__name__":"a"},"values":[1,"x"],"timestamps":[1,2]}',
    '{"metric":{"__name__":"a"},"values":[1,{}],"timestamps":[1,2]}',
    '{"metric":{"__name__":"a"},"values":[1],"timestamps":[1.5]}',
    '{"metric":{"__name__":"a"},"values":[],"timestamps":[]}',
    '{"metric":{"__name__":"a"},"histograms":[1],"timestamps":[1]}',
    '{"metric":{"__name__":"a"},"histograms":[{"schema":3,"count":1.5,"sum":1}],"timestamps":[1]}',
    '{"metric":{"__name__":"a"},"histograms":[{"schema":9,"count":1,"sum":1}],"timestamps":[1]}',
    '{"metric":{"__name__":"a"},"histograms":[{"schema":3,"count":1,"sum":1,"positive":[[0,[-1]]]}],"timestamps":[1]}',
  ]) {
    const { rows, problems } = read(`${good}\n${bad}\n${good}\n`);
    assert.equal(rows.length, 2, bad);
    assert.equal(problems.length, 1, bad);
    assert.match(problems[0] as string, /^2 ./);
  }
});

test("what is written is read back bit for bit: floats", () => {
  const sample = fc.oneof(fc.double(), fc.constant("stale" as const));
  fc.assert(
    fc.property(labelPairs, fc.array(sample, { minLength: 1, maxLength: 20 }), (pairs, values) => {
      const labels = Labels.from([["__name__", "x"], ...pairs.filter(([name]) => name !== "__name__")]);
      const columns = columnsOf(values.map((value, i) => [i, value === "stale" ? 0 : value] as const));
      values.forEach((value, i) => {
        if (value === "stale") setStaleAt(columns.valueWords, i);
      });
      const { rows, problems } = read(printJsonLine(printJsonMetric(labels), columns, 0, columns.count));
      assert.deepEqual(problems, []);
      assert.equal(rows.length, values.length);
      rows.forEach((row, i) => {
        const [key, time, value] = row as [string, number, unknown];
        assert(key === labels.key && time === i && Object.is(value, values[i]));
        assert.equal(value === "stale", isStaleAt(columns.valueWords, i));
      });
    }),
  );
});

test("what is written is read back: histograms", () => {
  fc.assert(
    fc.property(histogramRun, ({ timestamps, histograms }) => {
      const columns: SampleColumns = columnsOf(
        timestamps.map((time, i) => [time, histograms[i] as never] as const),
      );
      const line = printJsonLine(
        printJsonMetric(Labels.fromObject({ __name__: "h" })),
        columns,
        0,
        columns.count,
      );
      const { rows, problems } = read(line);
      assert.deepEqual(problems, []);
      assert.deepEqual(
        rows.map((row) => canonicalHistogram((row as [unknown, unknown, never])[2])),
        histograms.map(canonicalHistogram),
      );
    }),
  );
});
