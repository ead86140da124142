/** Every answer in Prometheus' envelope is what /openapi.yaml says that it is. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { readCapture } from "../support/capture.js";
import { startServer, type TestServer } from "../support/server.js";
import { postV1, postV2 } from "../support/write-client.js";

type Node = Record<string, unknown>;

/** As it stands, but members that are not described are wrong, so that none is forgotten. */
function strict(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(strict);
  if (typeof node !== "object" || node === null) return node;
  const walked = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, strict(value)]));
  const closes = "properties" in walked && !("additionalProperties" in walked);
  return closes ? { ...walked, additionalProperties: false } : walked;
}

interface Described {
  readonly path: string;
  readonly method: string;
  readonly check: (data: unknown) => string;
}

async function describedAnswers(server: TestServer): Promise<Described[]> {
  const document = parse(await (await fetch(`${server.url}/openapi.yaml`)).text()) as Node;
  const ajv = new Ajv2020({ strict: true, strictTuples: false, allErrors: true });
  ajv.addKeyword("components");
  ajv.addSchema({ $id: "api", components: strict(document["components"]) as Node });
  const found: Described[] = [];
  for (const [path, item] of Object.entries(document["paths"] as Record<string, Node>)) {
    for (const [method, operation] of Object.entries(item)) {
      const responses = (operation as Node)["responses"] as Record<string, Node> | undefined;
      const content = responses?.["200"]?.["content"] as Record<string, { schema?: Node }> | undefined;
      const parts = content?.["application/json"]?.schema?.["allOf"] as Node[] | undefined;
      if (parts === undefined) continue;
      const data = ((parts[1] as Node)["properties"] as Node)["data"] as Node;
      assert.ok(!("description" in data) || Object.keys(data).length > 1, `${path} has a schema`);
      const text = JSON.stringify(strict(data)).replaceAll('"#/components', '"api#/components');
      const validate = ajv.compile(JSON.parse(text) as Node);
      found.push({
        path,
        method,
        check: (value) => (validate(value) ? "" : ajv.errorsText(validate.errors)),
      });
    }
  }
  return found;
}

/** What is asked of each path, so that its answer has something in it. */
const SELECTOR = encodeURIComponent('{__name__=~".+"}');
const QUESTIONS: Readonly<Record<string, readonly string[]>> = {
  "/api/v1/query": [
    "query=1",
    "query=%22text%22",
    `query=${SELECTOR}&stats=all`,
    `query=${SELECTOR}[1h]`,
    `query=sum(${encodeURIComponent('{__name__=~"k6_.+"}')})&stats=1`,
  ],
  "/api/v1/query_range": [`query=${SELECTOR}&start=START&end=END&step=5&stats=all`],
  "/api/v1/query_exemplars": ["query=m_total"],
  "/api/v1/format_query": ["query=m_total%2B1"],
  "/api/v1/parse_query": ["query=sum(rate(m_total[5m]))"],
  "/api/v1/series": ["match[]=m_total"],
  "/api/v1/label/{name}/values": [""],
  "/api/v1/admin/cardinality": ["label=job", "limit=1", `start=START&match[]=${SELECTOR}`],
  "/api/v1/status/self_metrics": ["", "metric_name_pattern=varve_.*"],
};

async function startFilled(
  t: Parameters<typeof startServer>[0],
): Promise<{ server: TestServer; nowMs: number }> {
  const flags = ["--limits.series-budget=exploding=1", "--enable-feature=promql-per-step-stats"];
  const server = await startServer(t, { flags });
  for (const { headers, body } of readCapture("k6-native-histogram").slice(0, 5)) {
    const shifted = new Uint8Array(body);
    await fetch(`${server.url}/api/v1/write`, { method: "POST", headers, body: shifted });
  }
  const nowMs = Date.now();
  const samples = [
    { timestamp: nowMs - 60_000, value: 1 },
    { timestamp: nowMs - 1000, value: 2 },
  ];
  const exemplars = [
    { labels: [["trace_id", "a"]] as [string, string][], value: 1, timestamp: nowMs - 1000 },
  ];
  const labels: [string, string][] = [
    ["__name__", "m_total"],
    ["job", "x"],
  ];
  const series = { labels, samples, exemplars, metadata: { type: 1, help: "h", unit: "u" } };
  assert.equal((await postV2(server.url, [series as never])).status, 204);
  const exploding = (id: string) => ({
    labels: [
      ["__name__", "exploding"],
      ["id", id],
    ] as [string, string][],
    samples,
  });
  assert.equal((await postV1(server.url, [exploding("1"), exploding("2")])).status, 400);
  return { server, nowMs };
}

test("every answer is as it is described", async (t) => {
  const { server, nowMs } = await startFilled(t);
  const described = await describedAnswers(server);
  assert.ok(described.length > 40, `${described.length} operations are described`);
  const ask = async (method: string, path: string): Promise<unknown> => {
    const response = await fetch(server.url + path, { method });
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${text.slice(0, 300)}`);
    return (JSON.parse(text) as { data: unknown }).data;
  };
  for (const { path, method, check } of described.filter(({ method: asked }) => asked === "get")) {
    for (const question of QUESTIONS[path] ?? [""]) {
      const query = question.replace("START", String(nowMs / 1000 - 60)).replace("END", String(nowMs / 1000));
      const asked = `${path.replace("{name}", "job")}?${query}`;
      const data = await ask("GET", asked);
      assert.equal(check(data), "", `${method} ${asked}: ${JSON.stringify(data).slice(0, 600)}`);
    }
  }
  const snapshot = described.find(({ path }) => path.endsWith("/tsdb/snapshot"));
  assert.equal(snapshot?.check(await ask("POST", "/api/v1/admin/tsdb/snapshot")), "");
  const budgets = described.find(({ path, method }) => path.endsWith("/admin/budgets") && method === "put");
  assert.equal(budgets?.check(await ask("PUT", "/api/v1/admin/budgets?match=m&series=5")), "");
  assert.notEqual(
    budgets?.check({ budgets: [{ match: "m" }] }),
    "",
    "a wrong answer is told from a right one",
  );
});
