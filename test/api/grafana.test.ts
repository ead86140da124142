/** What Grafana's Prometheus data source and Perses ask, as they ask it, and that they can read the answers. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { startServer, type TestServer } from "../support/server.js";
import { postV2 } from "../support/write-client.js";

type Params = Readonly<Record<string, string>>;

// biome-ignore lint/suspicious/noExplicitAny: answers are judged field by field
type Answer = any;

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  assert.equal(response.status, 200, `${response.url}: ${text}`);
  assert.equal(response.headers.get("content-type"), "application/json");
  const answer = JSON.parse(text) as Answer;
  assert.equal(answer.status, "success");
  return answer.data;
}

async function startFilled(t: Parameters<typeof startServer>[0]): Promise<{
  server: TestServer;
  get: (path: string, params?: Params) => Promise<Answer>;
  post: (path: string, params: Params) => Promise<Answer>;
  from: string;
  to: string;
}> {
  const server = await startServer(t, {});
  const now = Date.now();
  const series = ["a", "b"].map((instance) => ({
    labels: [
      ["__name__", "http_requests_total"],
      ["instance", instance],
      ["job", "web"],
    ],
    samples: [0, 1, 2, 3].map((i) => ({ timestamp: now - 60_000 + i * 15_000, value: i * 10 })),
    exemplars: [{ labels: [["trace_id", `trace-${instance}`]], value: 1, timestamp: now - 20_000 }],
    metadata: { type: 1, help: "Requests.", unit: "" },
  }));
  const written = await postV2(server.url, series as never);
  assert.equal(written.status, 204, written.text);
  const headers = { "X-Datasource-Uid": "varve", "X-Grafana-Org-Id": "1", "User-Agent": "Grafana/12.0.0" };
  return {
    server,
    get: async (path, params = {}) =>
      read(await fetch(`${server.url}/api/v1/${path}?${new URLSearchParams(params)}`, { headers })),
    post: async (path, params) =>
      read(
        await fetch(`${server.url}/api/v1/${path}`, {
          method: "POST",
          headers,
          body: new URLSearchParams(params),
        }),
      ),
    from: String((now - 300_000) / 1000),
    to: String(now / 1000),
  };
}

test("the health check, and what kind of server this is", async (t) => {
  const { get, post, to } = await startFilled(t);
  const two = await post("query", { query: "1+1", time: to });
  assert.deepEqual([two.resultType, two.result[1]], ["scalar", "2"]);
  const perses = await post("query", { query: "vector(1)", time: to });
  assert.deepEqual(perses.result[0].metric, {});
  const { version } = await get("status/buildinfo");
  assert.match(version, /^3\.\d+\.\d+$/);
  assert.deepEqual(await get("rules"), { groups: [] });
  assert.deepEqual(await get("rules", { type: "alert", exclude_alerts: "true" }), { groups: [] });
  assert.deepEqual(await get("alerts"), { alerts: [] });
  assert.equal((await get("status/flags"))["storage.tsdb.retention.time"], "1y");
});

test("the label browser, variables and the editor", async (t) => {
  const { get, post, from, to } = await startFilled(t);
  const range = { start: from, end: to };
  assert.deepEqual(await get("label/__name__/values", range), ["http_requests_total"]);
  assert.deepEqual(await post("labels", { ...range, limit: "40000" }), ["__name__", "instance", "job"]);
  assert.deepEqual(await post("labels", { ...range, "match[]": '{__name__="http_requests_total"}' }), [
    "__name__",
    "instance",
    "job",
  ]);
  const matching = { ...range, limit: "40000", "match[]": '{job="web"}' };
  assert.deepEqual(await get("label/instance/values", matching), ["a", "b"]);
  assert.deepEqual(await post("series", matching), [
    { __name__: "http_requests_total", instance: "a", job: "web" },
    { __name__: "http_requests_total", instance: "b", job: "web" },
  ]);
  const metadata = { http_requests_total: [{ type: "counter", unit: "", help: "Requests." }] };
  assert.deepEqual(await get("metadata", { limit: "40000" }), metadata);
  assert.deepEqual(await get("metadata", { metric: "http_requests_total" }), metadata);
  assert.equal(await get("format_query", { query: "sum(rate(x[5m]))by(y)" }), "sum by (y) (rate(x[5m]))");
  assert.equal((await post("parse_query", { query: "sum(x)" })).type, "aggregation");
});

test("panels, annotations and exemplars", async (t) => {
  const { post, from, to } = await startFilled(t);
  const panel = {
    query: "sum by (instance) (http_requests_total)",
    start: from,
    end: to,
    step: "15",
    timeout: "60s",
  };
  const matrix = await post("query_range", panel);
  assert.equal(matrix.resultType, "matrix");
  assert.deepEqual(
    matrix.result.map(({ metric }: Answer) => metric.instance),
    ["a", "b"],
  );
  const annotation = {
    query: 'changes(http_requests_total{instance="a"}[1m]) > 0',
    start: from,
    end: to,
    step: "60s",
  };
  assert.equal((await post("query_range", annotation)).resultType, "matrix");
  const exemplars = await post("query_exemplars", { query: "http_requests_total", start: from, end: to });
  assert.deepEqual(
    exemplars.map(({ exemplars: [first] }: Answer) => first.labels),
    [{ trace_id: "trace-a" }, { trace_id: "trace-b" }],
  );
});
