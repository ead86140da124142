import assert from "node:assert/strict";
import { test } from "node:test";
import { RefusalError } from "../../../dist/base/errors.js";
import { underControl } from "../../../dist/base/patience.js";
import { Labels } from "../../../dist/model/labels.js";
import { evaluateInstant, evaluateRange } from "../../../dist/promql/query.js";
import { MemoryQueryable } from "../../support/memory-queryable.js";

function storageOf(series: number, samples: number): MemoryQueryable {
  const storage = new MemoryQueryable();
  for (let i = 0; i < series; i++) {
    const labels = Labels.fromObject({ __name__: "m", i: String(i), type: i % 2 === 0 ? "even" : "odd" });
    storage.append(
      labels,
      Array.from({ length: samples }, (_, s) => ({ t: s * 1000, value: i * 1000 + s })),
    );
  }
  return storage;
}

function refusal(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof RefusalError && error.code === code && message.test(error.message);
}

test("a query over the sample limit is refused", () => {
  const storage = storageOf(20, 50);
  const options = { maxSamples: 100 };
  const tooMany = refusal("execution", /^query processing would load too many samples into memory/);
  assert.throws(() => evaluateRange("m", storage, 0, 49_000, 1000, options), tooMany);
  assert.throws(() => evaluateInstant("sum_over_time(m[1y:1s])", storage, 49_000, options), tooMany);
  assert.throws(() => evaluateRange("1", storage, 0, 1e15, 1, options), tooMany);
  assert.equal(evaluateInstant("sum(m)", storage, 49_000, options).value.type, "vector");
});

test("the control is asked during long work and ends it", () => {
  const storage = storageOf(50, 2000);
  let asked = 0;
  const control = {
    checkpoint: (): void => {
      asked++;
      if (asked > 3) throw new RefusalError("canceled", "nobody waits");
    },
  };
  assert.throws(
    () => evaluateRange("sum(quantile_over_time(0.5, m[10m]))", storage, 0, 2e6, 1000, { control }),
    refusal("canceled", /nobody waits/),
  );
});

test("a range query refuses steps and types that it cannot have", () => {
  const storage = storageOf(1, 1);
  assert.throws(() => evaluateRange("m", storage, 0, 10, 0), refusal("bad_data", /zero or negative/));
  assert.throws(
    () => evaluateRange("m[5m]", storage, 0, 10, 1),
    refusal("bad_data", /invalid expression type "range vector" for range query/),
  );
  assert.deepEqual(evaluateRange("m", storage, 10, 0, 1).value, { type: "matrix", series: [] });
});

test("experimental parts of the language are off unless asked for", () => {
  const storage = storageOf(1, 1);
  for (const query of ["info(m)", "m smoothed", "m[1m+1m]", "limitk(1, m)"]) {
    assert.throws(() => evaluateInstant(query, storage, 0), RefusalError, query);
  }
});

test("names go away at once, or at the end where that is asked for", () => {
  const storage = storageOf(1, 2);
  const query = 'label_replace(rate(m[1m]), "n", "$1", "__name__", "(.*)")';
  const labelsOf = (delayedNameRemoval: boolean): string => {
    const { value } = evaluateInstant(query, storage, 1000, { delayedNameRemoval });
    return value.type === "vector" ? value.samples[0].labels.toString() : "";
  };
  assert.equal(labelsOf(false), '{i="0", type="even"}');
  assert.equal(labelsOf(true), '{i="0", n="m", type="even"}');
});

test("label_replace refuses a quotation that is open at its end, as Prometheus", () => {
  const storage = storageOf(1, 2);
  const replace = (pattern: string): string =>
    `label_replace(m, "n", "x", "type", ${JSON.stringify(pattern)})`;
  for (const pattern of ["even\\Q", "even|\\Qa\\E\\Q.", "\\Q\\\\"]) {
    assert.throws(
      () => evaluateInstant(replace(pattern), storage, 1000),
      /invalid regular expression/,
      pattern,
    );
  }
  for (const pattern of ["\\Qeven\\E", "even|\\\\Q", "\\Qa\\\\E|even"]) {
    const { value } = evaluateInstant(replace(pattern), storage, 1000);
    assert.equal(value.type === "vector" && value.samples[0].labels.get("n"), "x", pattern);
  }
});

test("whoever waits is asked for often, whatever is done with many series", () => {
  const storage = storageOf(4000, 1);
  const queries = [
    "m",
    'count_values("v", m)',
    'histogram_quantile(0.9, label_replace(m, "le", "$1", "i", "(.*)"))',
    "sum by (i) (m)",
    "m * on () group_left () vector(1)",
    "m and on (i) m",
    'label_join(m, "n", "-", "i", "type")',
    'sort_by_label(m, "i")',
    "topk(10, m)",
  ];
  for (const query of queries) {
    let looks = 0;
    const control = { checkpoint: () => void looks++ };
    underControl(control.checkpoint, () =>
      evaluateInstant(query, storage, 0, { control, experimentalFunctions: true }),
    );
    assert.ok(looks >= 4, `${query}: ${looks} looks`);
  }
});

/** Every step of a range query is what an instant query at its time gives. */
test("range and instant queries agree", () => {
  const storage = storageOf(4, 300);
  const queries = [
    "m",
    "rate(m[30s])",
    "sum by (type) (increase(m[1m]))",
    "max_over_time(m[45s])",
    "avg_over_time(m[17s])",
    "stddev_over_time(m[17s])",
    "topk(2, m)",
    "m / on (i) group_left sum by (i) (m)",
    "m > 1500 or m < 100",
    "max_over_time(rate(m[20s])[1m:7s])",
    "quantile(0.3, m offset 10s)",
    'count_values("v", floor(m / 500))',
  ];
  for (const query of queries) {
    const range = evaluateRange(query, storage, 20_000, 290_000, 13_500).value;
    assert.equal(range.type, "matrix");
    const byTime = new Map<number, Map<string, number>>();
    for (const { labels, timestamps, values } of range.series) {
      timestamps.forEach((t, i) => {
        byTime.set(t, (byTime.get(t) ?? new Map()).set(labels.toString(), values[i]));
      });
    }
    for (let t = 20_000; t <= 290_000; t += 13_500) {
      const instant = evaluateInstant(query, storage, t).value;
      assert.equal(instant.type, "vector");
      const expected = new Map(instant.samples.map(({ labels, value }) => [labels.toString(), value]));
      assert.deepEqual(
        new Map([...(byTime.get(t) ?? [])].sort()),
        new Map([...expected].sort()),
        `${query} at ${t}`,
      );
    }
  }
});
