import * as assert from "node:assert/strict";
import { test } from "node:test";
import { jaroWinkler, scorerOf, subsequenceScore } from "../../../dist/workers/search-score.js";

const PLAIN = { threshold: 0, caseSensitive: true } as const;

function near(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${what}: ${actual}, not ${expected}`);
}

test("characters in their order score by their runs and gaps, as in Prometheus' tests", () => {
  const scores: readonly (readonly [string, string, number])[] = [
    ["my", "my awesome text", (107 / 120) * 0.999],
    ["tex", "my awesome text", (247 / 270) * 0.999],
    ["met", "my awesome text", (43 / 90) * 0.999],
    ["bac", "babac", (43 / 45) * 0.999],
    ["handler1", "handler10", 1149849 / 1152000],
    ["abcd", "abc", 0],
    ["xyz", "prometheus", 0],
  ];
  for (const [pattern, text, score] of scores)
    near(subsequenceScore(pattern, text), score, `${pattern} in ${text}`);
});

test("a substring scores by its place, in characters", () => {
  const scores: readonly (readonly [string, string, number])[] = [
    ["prom", "prometheus", 1],
    ["meth", "prometheus", 0.55],
    ["heus", "prometheus", 0.1],
    ["grafana", "prometheus", -1],
    ["本", "東京日本京都", 0.46],
    ["b", "abc日本", 0.775],
    ["c", "日本cabc", 0.64],
  ];
  for (const [term, value, score] of scores) {
    const scorer = scorerOf({ ...PLAIN, terms: [term], algorithm: "jarowinkler" });
    near(scorer?.(value) ?? 0, score, `${term} in ${value}`);
  }
});

test("Jaro-Winkler is what its papers say", () => {
  near(jaroWinkler("MARTHA", "MARHTA"), 0.961111111111, "martha");
  near(jaroWinkler("DIXON", "DICKSONX"), 0.813333333333, "dixon");
  near(jaroWinkler([..."日本"], [..."京都"]), 0, "nothing in common");
});

test("of several terms the best counts, case does where it shall, and the threshold refuses", () => {
  const any = scorerOf({ ...PLAIN, terms: ["", "zzz", "Prom"], algorithm: "subsequence" });
  assert.equal(any?.("Prometheus"), 1);
  assert.equal(any?.("prometheus"), -1);
  const folded = scorerOf({ ...PLAIN, caseSensitive: false, terms: ["PROM"], algorithm: "subsequence" });
  assert.equal(folded?.("prometheus"), 1);
  const strict = scorerOf({ ...PLAIN, threshold: 0.99, terms: ["pms"], algorithm: "subsequence" });
  assert.equal(strict?.("prometheus"), -1);
  const like = scorerOf({ ...PLAIN, threshold: 0.8, terms: ["promethus"], algorithm: "jarowinkler" });
  assert.ok((like?.("prometheus") ?? 0) > 0.8);
  assert.equal(like?.("grafana"), -1);
  assert.equal(scorerOf({ ...PLAIN, terms: [""], algorithm: "subsequence" }), null);
});
