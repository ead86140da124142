/** k6 loads addresses with ids in them: what a URL template and a budget make of the series that come of it. */
import * as assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertHolds, numberOf, timesOf } from "../support/expected.js";
import { startLoadTarget } from "../support/load-target.js";
import { collectWritten, type WrittenSeries } from "../support/naive-remote-write.js";
import { peerOrSkip, startPeer } from "../support/peers.js";
import { rawSeries, type SeriesKey } from "../support/prometheus-api.js";
import { type RecordingProxy, startRecordingProxy } from "../support/recording-proxy.js";
import { startServer, type TestServer } from "../support/server.js";
import { HEADERS_V1, postBody } from "../support/write-client.js";

const SCRIPT = fileURLToPath(new URL("../../data/k6/users.js", import.meta.url));
const EVERYTHING = '{__name__=~"k6_.+"}';

/** A load test of 8 s into `server`; null where k6 is not there. */
async function runK6(
  t: TestContext,
  server: TestServer,
  env: Readonly<Record<string, string>>,
): Promise<RecordingProxy | null> {
  const k6 = peerOrSkip(t, "k6");
  if (k6 === null) return null;
  const proxy = await startRecordingProxy(t, server.url);
  const run = startPeer(t, k6, ["run", "-q", "-o", "experimental-prometheus-rw", SCRIPT], {
    K6_NO_USAGE_REPORT: "true",
    K6_PROMETHEUS_RW_SERVER_URL: `${proxy.url}/api/v1/write`,
    K6_PROMETHEUS_RW_PUSH_INTERVAL: "1s",
    K6_PROMETHEUS_RW_STALE_MARKERS: "true",
    K6_PROMETHEUS_RW_TREND_STATS: "p(95),min,max,count,sum",
    TARGET: await startLoadTarget(t),
    DURATION: "8s",
    ...env,
  });
  assert.equal(await run.exited, 0, run.output());
  assert.ok(proxy.requests.length >= 8, `${proxy.requests.length} requests`);
  return proxy;
}

/** An instant vector at `timeMs`: values by label set. */
async function vector(url: string, query: string, timeMs: number): Promise<Map<SeriesKey, number>> {
  const body = new URLSearchParams({ query, time: (timeMs / 1000).toFixed(3) });
  const response = await fetch(`${url}/api/v1/query`, { method: "POST", body });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const { data } = JSON.parse(text) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  const rows = data.result.map(({ metric, value }) => [JSON.stringify(metric), numberOf(value[1])] as const);
  return new Map(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
}

test("with the URL template the series of a k6 run stay few and its sums are those without it", async (t) => {
  const templated = await startServer(t, { flags: ["--storage.url-templates=url,name"] });
  const proxy = await runK6(t, templated, {});
  if (proxy === null) return;
  const plain = await startServer(t);
  const written = new Map<SeriesKey, WrittenSeries>();
  for (const { body, status, answer } of proxy.requests) {
    assert.equal(status, 204, answer);
    collectWritten(written, body, 1);
    assert.equal((await postBody(plain.url, HEADERS_V1, body)).status, 204);
  }
  await assertHolds(plain.url, EVERYTHING, written);

  const { firstMs, lastMs } = timesOf(written);
  const found = await rawSeries(templated.url, EVERYTHING, lastMs + 1000, lastMs - firstMs + 60_000);
  const urls = new Map<string, Set<string>>();
  for (const { labels } of found.values()) {
    const { __name__: name = "", url = "" } = labels;
    if (url !== "") urls.set(name, (urls.get(name) ?? new Set()).add(url.replace(/^http:..[^/]+/, "")));
  }
  const few = ["/users/:id", "/users/:id/orders?page=:value", "health"];
  assert.deepEqual([...(urls.get("k6_http_reqs_total") ?? [])].sort(), few);
  assert.ok(urls.size > 10, `${urls.size} metrics have addresses`);
  for (const [name, seen] of urls) for (const url of seen) assert.ok(few.includes(url), `${name} ${url}`);
  // One for each outcome of a request, of which a busy machine adds some.
  const kinds = new Set([...found.values()].map(({ labels }) => JSON.stringify({ ...labels, __name__: "" })));
  assert.ok(
    written.size > 1000 && kinds.size < 20,
    `${written.size} series became ${found.size}: ${[...kinds].join("\n")}`,
  );

  const queries = [
    ...["reqs_total", "req_duration_count", "req_waiting_count"].map(
      (name) => `sum by (status, method) (LAST(k6_http_${name}))`,
    ),
    "max by (status) (LAST(k6_http_req_duration_max))",
    "min by (status) (LAST(k6_http_req_duration_min))",
  ];
  // Between two flushes: a merged sample may lie a few milliseconds behind those that it is made of.
  for (let timeMs = firstMs + 900; timeMs < lastMs + 2000; timeMs += 1000) {
    for (const query of queries) {
      const last = query.replace(/LAST\((\w+)\)/, "last_over_time($1[10m])");
      const expected = await vector(plain.url, last, timeMs);
      assert.ok(expected.size > 0, query);
      const merged = await vector(templated.url, last, timeMs);
      assert.deepEqual([...merged.keys()], [...expected.keys()], query);
      for (const [key, value] of expected) {
        // k6 sends counts of times in thousandths: a sum of rounded sums may differ in its last bits.
        const room = Number.isInteger(value) ? 0 : 4 * Number.EPSILON * Math.abs(value);
        const found = merged.get(key) ?? Number.NaN;
        assert.ok(Math.abs(found - value) <= room, `${query} ${key} at ${timeMs}: ${found}, not ${value}`);
      }
    }
  }
});

test("a tag that explodes is named in every answer, and the known series lose no sample", async (t) => {
  const budget = 100;
  const server = await startServer(t, { flags: [`--limits.series-budget={name="user"}=${budget}`] });
  const proxy = await runK6(t, server, { EXPLODE: "session" });
  if (proxy === null) return;
  const written = new Map<SeriesKey, WrittenSeries>();
  let refused = 0;
  for (const { body, status, answer } of proxy.requests) {
    collectWritten(written, body, 1);
    if (status === 204) continue;
    assert.equal(status, 400, answer);
    assert.match(
      answer,
      /^refused \d+ of \d+ samples: \d+ over series budget \{name="user"\}=100 \(label "session" explodes\)/,
    );
    refused += Number(/^refused (\d+)/.exec(answer)?.[1]);
  }
  assert.ok(refused > 1000, `${refused} samples refused`);

  const { firstMs, lastMs } = timesOf(written);
  const found = await rawSeries(server.url, EVERYTHING, lastMs, lastMs - firstMs + 1);
  const known = new Map([...written].filter(([key]) => found.has(key)));
  await assertHolds(server.url, EVERYTHING, known);
  const unknown = [...written].filter(([key]) => !found.has(key));
  assert.equal(
    unknown.reduce((sum, [, { samples }]) => sum + samples.length, 0),
    refused,
  );
  assert.ok(unknown.every(([, { labels }]) => labels["name"] === "user" && labels["session"] !== undefined));
  const within = [...known.values()].filter(({ labels }) => labels["name"] === "user");
  assert.equal(within.length, budget);
  assert.ok(known.size > budget + 20, `${known.size} series are known`);
});
