import * as assert from "node:assert/strict";
import { test } from "node:test";
import { startFrontEnd } from "../../support/front-end.js";

test("features follow the flags", async (t) => {
  const featuresWith = async (flags: Record<string, string>) => {
    const { url } = await startFrontEnd(t, { flags });
    const answer = (await (await fetch(`${url}/api/v1/features`)).json()) as {
      data: Record<string, Record<string, boolean>>;
    };
    return answer.data;
  };
  const plain = await featuresWith({ "enable-feature": "" });
  assert.deepEqual(Object.keys(plain), [
    "api",
    "otlp_receiver",
    "promql",
    "promql_functions",
    "promql_operators",
    "tsdb",
  ]);
  assert.equal(plain["api"]?.["remote_write_receiver"], true);
  assert.equal(plain["api"]?.["lifecycle"], false);
  assert.equal(plain["promql"]?.["per_step_stats"], false);
  // As many as Prometheus 3.14 lists.
  assert.equal(Object.keys(plain["promql_functions"] ?? {}).length, 90);
  assert.equal(Object.keys(plain["promql_operators"] ?? {}).length, 35);
  assert.equal(plain["promql_functions"]?.["rate"], true);
  assert.equal(plain["promql_functions"]?.["sort_by_label"], false);
  assert.equal(plain["promql_operators"]?.["limitk"], false);
  const other = await featuresWith({
    "enable-feature": "promql-per-step-stats,promql-binop-fill-modifiers",
    "storage.read-only": "true",
    "web.enable-lifecycle": "true",
  });
  assert.equal(other["api"]?.["remote_write_receiver"], false);
  assert.equal(other["api"]?.["lifecycle"], true);
  assert.equal(other["promql"]?.["per_step_stats"], true);
  assert.equal(other["promql"]?.["fill"], true);
  assert.equal(other["promql"]?.["anchored"], false);
});
