/** `/api/v1/search/*` of Prometheus 3.14. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import type { WireSeries } from "../support/remote-write.js";
import { startServer, type TestServer } from "../support/server.js";
import { postV1, postV2 } from "../support/write-client.js";

const NOW = Date.now();

function series(name: string, labels: Record<string, string> = {}, ageMs = 60_000): WireSeries {
  const pairs = Object.entries({ __name__: name, ...labels }).sort(([a], [b]) => (a < b ? -1 : 1));
  return { labels: pairs, samples: [{ timestamp: NOW - ageMs, value: 1 }] };
}

async function startFilled(t: Parameters<typeof startServer>[0], flags: string[] = []): Promise<TestServer> {
  const server = await startServer(t, { flags });
  const written = await postV1(server.url, [
    series("http_requests_total", { instance: "localhost:9090", job: "web" }),
    series("http_requests_total", { instance: "localhost:9091", job: "web" }),
    series("http_request_duration_seconds_count", { instance: "localhost:9090" }),
    series("node_cpu_seconds_total", { cpu: "0" }),
    series("Ünïcode_total", { instance: "höst" }),
    series("old_total", {}, 3 * 3_600_000),
  ]);
  assert.equal(written.status, 204, written.text);
  return server;
}

async function search(
  server: TestServer,
  path: string,
): Promise<{ status: number; type: string; lines: unknown[] }> {
  const response = await fetch(`${server.url}/api/v1/search/${path}`);
  const text = await response.text();
  const lines = text.trimEnd().split("\n");
  return {
    status: response.status,
    type: response.headers.get("content-type") ?? "",
    lines: lines.map((line) => JSON.parse(line) as unknown),
  };
}

const END = { status: "success", has_more: false };
const names = (...list: string[]): { results: { name: string }[] } => ({
  results: list.map((name) => ({ name })),
});

test("names and values of the last hour, in lines", async (t) => {
  const server = await startFilled(t);
  const all = [
    "http_request_duration_seconds_count",
    "http_requests_total",
    "node_cpu_seconds_total",
    "Ünïcode_total",
  ];
  assert.deepEqual(await search(server, "metric_names"), {
    status: 200,
    type: "application/x-ndjson; charset=utf-8",
    lines: [names(...all), END],
  });
  const linesOf = async (path: string): Promise<unknown[]> => (await search(server, path)).lines;
  assert.deepEqual(await linesOf("metric_names?sort_by=alpha&sort_dir=dsc&limit=3&batch_size=2"), [
    names("Ünïcode_total", "node_cpu_seconds_total"),
    names("http_requests_total"),
    { status: "success", has_more: true },
  ]);
  // At the end of a name of 13 characters: 5 x 5 for the run, 8/13 for the gap before it.
  const score = ((25 - 8 * (1 / 13)) / 25) * 0.999;
  assert.deepEqual(
    await linesOf("metric_names?search[]=total&search[]=node&sort_by=score&include_score=true&limit=2"),
    [
      {
        results: [
          { name: "node_cpu_seconds_total", score: 1 },
          { name: "Ünïcode_total", score },
        ],
      },
      { status: "success", has_more: true },
    ],
  );
  assert.deepEqual(await linesOf("label_names?match[]=node_cpu_seconds_total"), [
    names("__name__", "cpu"),
    END,
  ]);
  assert.deepEqual(
    await linesOf("label_values?label=instance&search[]=909&match[]=up&match[]=http_requests_total"),
    [{ results: [{ value: "localhost:9090" }, { value: "localhost:9091" }] }, END],
  );
  assert.deepEqual(await linesOf("label_names?search[]=nothing_like_it"), [{ results: [] }, END]);
  const old = `start=${(NOW - 4 * 3_600_000) / 1000}&search[]=old`;
  assert.deepEqual(await linesOf(`metric_names?${old}`), [names("old_total"), END]);
  const posted = await fetch(`${server.url}/api/v1/search/metric_names`, {
    method: "POST",
    body: new URLSearchParams({ "search[]": "node_cpu" }),
  });
  assert.equal(
    await posted.text(),
    `${JSON.stringify(names("node_cpu_seconds_total"))}\n${JSON.stringify(END)}\n`,
  );
});

test("metadata is told where it is asked for", async (t) => {
  const server = await startFilled(t);
  const described = {
    ...series("described_total"),
    metadata: { type: 1, help: "Some <help>.", unit: "bytes" },
  };
  assert.equal((await postV2(server.url, [described as WireSeries])).status, 204);
  const { lines } = await search(server, "metric_names?search[]=described&include_metadata=true");
  assert.deepEqual(lines, [
    { results: [{ name: "described_total", type: "counter", help: "Some <help>.", unit: "bytes" }] },
    END,
  ]);
});

test("what is wrong is said in Prometheus' words", async (t) => {
  const server = await startFilled(t, ["--web.search.max-limit=50"]);
  const wrong: Readonly<Record<string, string>> = {
    "metric_names?limit=%zz": 'error parsing form values: invalid URL escape "%zz"',
    "metric_names?start=x": `invalid time value for 'start': cannot parse "x" to a valid timestamp`,
    "metric_names?start=2&end=1": "end timestamp must not be before start timestamp",
    "metric_names?match[]={": "1:2: parse error: unexpected end of input inside braces",
    [`metric_names?${"search[]=a&".repeat(33)}`]: "too many search[] terms: got 33, maximum is 32",
    "metric_names?fuzz_threshold=101": 'invalid fuzz_threshold "101": must be 0-100',
    "metric_names?fuzz_alg=x": 'unsupported fuzz_alg "x": must be one of [subsequence jarowinkler]',
    "metric_names?case_sensitive=x": 'invalid case_sensitive "x": must be boolean',
    "metric_names?sort_dir=asc": "sort_dir is only valid when sort_by is set",
    "metric_names?sort_by=score&sort_dir=asc": "sort_dir is not supported for sort_by=score",
    "metric_names?sort_by=alpha&sort_dir=up": 'invalid sort_dir "up": must be "asc" or "dsc"',
    "metric_names?sort_by=score": "sort_by=score requires search[] to be set",
    "metric_names?sort_by=x": 'invalid sort_by "x" for metric_names: must be "alpha" or "score"',
    "metric_names?limit=0": 'invalid limit "0": must be a positive integer',
    "metric_names?limit=51": "limit 51 exceeds the configured maximum (50, see --web.search.max-limit)",
    "metric_names?batch_size=-1": 'invalid batch_size "-1": must be a positive integer',
    "metric_names?include_metadata=x": 'invalid include_metadata "x": must be boolean',
    label_values: 'missing required parameter "label"',
  };
  for (const [path, error] of Object.entries(wrong)) {
    const { status, type, lines } = await search(server, path);
    assert.deepEqual(
      [status, type, lines],
      [400, "application/json", [{ status: "error", errorType: "bad_data", error }]],
      path,
    );
  }
});
