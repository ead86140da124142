/** Long work of a query looks now and then whether anybody waits: the kinds of work that no evaluator loop is around. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { underControl, worked } from "../../../dist/base/patience.js";
import { compareLabels, Labels } from "../../../dist/model/labels.js";
import { compileRegexp } from "../../../dist/model/regexp.js";
import { quantileOf } from "../../../dist/promql/functions/quantile.js";
import { encodeSeries } from "../../../dist/wire/prometheus-json.js";

/** How often `work` looks. */
function looksOf(work: () => void): number {
  let looks = 0;
  underControl(() => {
    looks++;
  }, work);
  return looks;
}

const LABELS = Array.from({ length: 20_000 }, (_, i) =>
  Labels.from([
    ["__name__", "m"],
    ["id", `id-${(i * 7919) % 20_000}`],
  ]),
);

test("sorting, regular expressions, large windows and the writing of answers look", () => {
  assert.ok(looksOf(() => [...LABELS].sort(compareLabels)) >= 5);
  assert.ok(looksOf(() => encodeSeries(LABELS)) >= 5);
  const regexp = compileRegexp("(a+)+b|x[0-9]+(y|z)*");
  assert.ok(looksOf(() => LABELS.filter((labels) => regexp.test(labels.get("id")))) >= 5);
  assert.ok(looksOf(() => quantileOf(0.5, new Float64Array(1 << 20).fill(1))) >= 5);
});

test("what a look throws ends the work, and nobody is asked behind it", () => {
  const refused = new Error("nobody waits");
  let looks = 0;
  const look = (): void => {
    looks++;
    throw refused;
  };
  assert.throws(() => underControl(look, () => [...LABELS].sort(compareLabels)), refused);
  worked(1e9);
  assert.equal(looks, 1);
});

test("the quantile of a large window is that of its sorted values, NaN below all", () => {
  for (const length of [3, 65_536, 65_537, 200_001, 262_144]) {
    const values = Float64Array.from({ length }, (_, i) =>
      i % 1000 === 3 ? Number.NaN : ((i * 7919) % 100_003) - 50_000,
    );
    const sorted = [...values].sort(
      (a, b) => (Number.isNaN(a) ? -1 : 0) - (Number.isNaN(b) ? -1 : 0) || a - b,
    );
    for (const q of [0, 0.01, 0.5, 1]) {
      const rank = q * (length - 1);
      const [low, high] = [sorted[Math.floor(rank)]!, sorted[Math.min(Math.floor(rank) + 1, length - 1)]!];
      const weight = rank - Math.floor(rank);
      const expected = low * (1 - weight) + high * weight;
      assert.ok(Object.is(quantileOf(q, values.slice()), expected), `${q} of ${length}`);
    }
  }
});
