import * as assert from "node:assert/strict";
import { test } from "node:test";
import { labelText, MetricRegistry } from "../../../dist/base/self-metrics.js";
import { selfMetricsJson } from "../../../dist/http/self-metrics-json.js";
import { startFrontEnd } from "../../support/front-end.js";

test("families are ProtoJSON, sorted by name, with finite buckets only", () => {
  const registry = new MetricRegistry();
  const requests = 'a "quoted" \\ path';
  registry
    .histogram("z_seconds", "How long.\nIn seconds.", [0.1, 1], labelText({ route: requests }))
    .observe(0.5);
  registry.counter("b_total", "Counted.", labelText({ b: "2", a: "1" })).add(3);
  registry.gauge("a", "A gauge.", () => Number.POSITIVE_INFINITY);
  registry.gauge("absent", "No value now.", () => Number.NaN);
  assert.deepEqual(
    selfMetricsJson(registry.text(), () => true),
    [
      { name: "a", help: "A gauge.", type: "GAUGE", metric: [{ gauge: { value: "Infinity" } }] },
      {
        name: "b_total",
        help: "Counted.",
        type: "COUNTER",
        metric: [
          {
            label: [
              { name: "a", value: "1" },
              { name: "b", value: "2" },
            ],
            counter: { value: 3 },
          },
        ],
      },
      {
        name: "z_seconds",
        help: "How long.\nIn seconds.",
        type: "HISTOGRAM",
        metric: [
          {
            label: [{ name: "route", value: requests }],
            histogram: {
              sampleCount: "1",
              sampleSum: 0.5,
              bucket: [
                { cumulativeCount: "0", upperBound: 0.1 },
                { cumulativeCount: "1", upperBound: 1 },
              ],
            },
          },
        ],
      },
    ],
  );
});

test("the endpoint answers what /metrics has, chosen by an anchored pattern", async (t) => {
  const { url } = await startFrontEnd(t, {});
  const ask = async (query: string) => {
    const answer = await fetch(`${url}/api/v1/status/self_metrics${query}`);
    return {
      status: answer.status,
      json: (await answer.json()) as { data: { name: string }[]; error?: string },
    };
  };
  await ask("");
  const text = await (await fetch(`${url}/metrics`)).text();
  const names = (await ask("")).json.data.map(({ name }) => name);
  for (const name of names) assert.ok(text.includes(`# TYPE ${name} `), name);
  assert.ok(names.includes("varve_fake") && names.includes("process_resident_memory_bytes"));
  const chosen = await ask("?metric_name_pattern=varve_fa.e");
  assert.deepEqual(chosen.json.data, [
    { name: "varve_fake", help: "A fake.", type: "GAUGE", metric: [{ gauge: { value: 1 } }] },
  ]);
  assert.deepEqual((await ask("?metric_name_pattern=fake")).json.data, []);
  const wrong = await ask("?metric_name_pattern=(");
  assert.equal(wrong.status, 400);
  assert.match(wrong.json.error ?? "", /^invalid metric_name_pattern: /);
});
