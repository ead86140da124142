import * as assert from "node:assert/strict";
import { test } from "node:test";
import { labelText, MetricRegistry } from "../../../dist/base/self-metrics.js";

test("families are printed once with all their members", () => {
  const registry = new MetricRegistry();
  registry.counter("a_total", "Help with \\ and\nbreak.", labelText({ x: 'q"\\\n' })).add(2);
  registry.gauge("b", "B.", () => 1.5);
  registry.counter("a_total", "ignored", labelText({ x: "y" })).add();
  registry.gauge("absent", "Left out.", () => Number.NaN);
  registry.gauge("infinite", "Inf.", () => Number.POSITIVE_INFINITY);
  assert.equal(
    registry.text(),
    [
      "# HELP a_total Help with \\\\ and\\nbreak.",
      "# TYPE a_total counter",
      'a_total{x="q\\"\\\\\\n"} 2',
      'a_total{x="y"} 1',
      "# HELP b B.",
      "# TYPE b gauge",
      "b 1.5",
      "# HELP absent Left out.",
      "# TYPE absent gauge",
      "# HELP infinite Inf.",
      "# TYPE infinite gauge",
      "infinite +Inf",
      "",
    ].join("\n"),
  );
  assert.equal(registry.counter("a_total", "", labelText({ x: "y" })).value, 1);
});

test("histogram buckets are cumulative and include their bound", () => {
  const registry = new MetricRegistry();
  const histogram = registry.histogram("h", "H.", [1, 2], 'a="b"');
  for (const value of [0.5, 1, 1.5, 3]) histogram.observe(value);
  assert.deepEqual(registry.text().split("\n").slice(2, -1), [
    'h_bucket{a="b",le="1"} 2',
    'h_bucket{a="b",le="2"} 3',
    'h_bucket{a="b",le="+Inf"} 4',
    'h_sum{a="b"} 6',
    'h_count{a="b"} 4',
  ]);
});
