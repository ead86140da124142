/** k6 writes its metrics here while it runs a load test. What it sent is recorded on the way and must all be there. */
import * as assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertHolds, numberOf, timesOf } from "../support/expected.js";
import { startLoadTarget } from "../support/load-target.js";
import { collectWritten, STALE_BITS, type WrittenSeries } from "../support/naive-remote-write.js";
import { peerOrSkip, startPeer } from "../support/peers.js";
import type { SeriesKey } from "../support/prometheus-api.js";
import { startRecordingProxy } from "../support/recording-proxy.js";
import { startServer } from "../support/server.js";

const SCRIPT = fileURLToPath(new URL("../../data/k6/checkout.js", import.meta.url));

interface K6Run {
  readonly url: string;
  readonly written: Map<SeriesKey, WrittenSeries>;
  readonly authorizations: readonly unknown[];
  /** k6's own totals at the end of the run. */
  readonly summary: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** A whole load test into a server of its own; null where k6 is not there. */
async function runK6(
  t: TestContext,
  testid: string,
  env: Readonly<Record<string, string>>,
): Promise<K6Run | null> {
  const k6 = peerOrSkip(t, "k6");
  if (k6 === null) return null;
  const server = await startServer(t);
  const proxy = await startRecordingProxy(t, server.url);
  const target = await startLoadTarget(t);
  const folder = mkdtempSync(join(tmpdir(), "varve-k6-"));
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  const summaryPath = join(folder, "summary.json");
  const args = ["run", "-q", "-o", "experimental-prometheus-rw", "--tag", `testid=${testid}`];
  const run = startPeer(t, k6, [...args, `--summary-export=${summaryPath}`, SCRIPT], {
    K6_NO_USAGE_REPORT: "true",
    K6_PROMETHEUS_RW_SERVER_URL: `${proxy.url}/api/v1/write`,
    K6_PROMETHEUS_RW_PUSH_INTERVAL: "1s",
    K6_PROMETHEUS_RW_STALE_MARKERS: "true",
    TARGET: target,
    DURATION: "8s",
    ...env,
  });
  const code = await run.exited;
  assert.equal(code, 0, run.output());
  assert.doesNotMatch(run.output(), /level=(error|warning)/, "k6 complains of nothing");
  const written = new Map<SeriesKey, WrittenSeries>();
  assert.ok(proxy.requests.length >= 8, `${proxy.requests.length} requests`);
  for (const { body, status, answer } of proxy.requests) {
    assert.equal(status, 204, answer);
    collectWritten(written, body, 1);
  }
  const { metrics } = JSON.parse(readFileSync(summaryPath, "utf8")) as { metrics: K6Run["summary"] };
  const authorizations = proxy.requests.map(({ headers }) => headers["authorization"]);
  return { url: server.url, written, authorizations, summary: metrics };
}

/** The single value of an instant query. */
async function instantValue(url: string, query: string, timeMs: number): Promise<number> {
  const params = new URLSearchParams({ query, time: (timeMs / 1000).toFixed(3) });
  const response = await fetch(`${url}/api/v1/query?${params}`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const { data } = JSON.parse(text) as { data: { result: { value: [number, string] }[] } };
  assert.equal(data.result.length, 1, `${query}: ${text}`);
  return numberOf(data.result[0]!.value[1]);
}

test("a k6 run with trend statistics is there sample by sample, and sums up to k6's own summary", async (t) => {
  const testid = "checkout-statistics";
  const run = await runK6(t, testid, {
    K6_PROMETHEUS_RW_TREND_STATS: "p(50),p(95),p(99),min,max,avg,count,sum",
  });
  if (run === null) return;
  const { url, written, summary } = run;
  await assertHolds(url, `{testid="${testid}"}`, written);
  assert.ok(written.size > 100, `${written.size} series`);
  for (const [key, { samples }] of written)
    assert.equal(samples.at(-1)!.bits, STALE_BITS, `${key} ends with a marker`);

  const { lastMs } = timesOf(written);
  const last = (metric: string): Promise<number> =>
    instantValue(url, `sum(last_over_time(${metric}{testid="${testid}"}[10m]))`, lastMs);
  assert.equal(await last("k6_http_reqs_total"), summary["http_reqs"]!["count"]);
  assert.equal(await last("k6_iterations_total"), summary["iterations"]!["count"]);
  assert.equal(await last("k6_http_failed_requests_total"), summary["http_failed_requests"]!["count"]);
  const longest = `max(last_over_time(k6_http_req_duration_max{testid="${testid}"}[10m]))`;
  assert.equal(await instantValue(url, longest, lastMs), summary["http_req_duration"]!["max"]! / 1000);
  assert.equal(await last("k6_data_sent_total"), summary["data_sent"]!["count"]);
});

test("a k6 run with native histograms, markers and a bearer token is there sample by sample", async (t) => {
  const testid = "checkout-histograms";
  const run = await runK6(t, testid, {
    K6_FEATURES: "native-histograms",
    K6_PROMETHEUS_RW_BEARER_TOKEN: "s3cret",
  });
  if (run === null) return;
  const { url, written, authorizations } = run;
  assert.ok(authorizations.every((value) => value === "Bearer s3cret"));
  const histograms = [...written.values()].filter((series) => series.histograms.length > 0);
  assert.ok(histograms.length > 5, `${histograms.length} series of histograms`);
  // k6 ends a series of histograms with a float marker: both kinds in one series.
  for (const { samples } of histograms) assert.ok(samples.some(({ bits }) => bits === STALE_BITS));
  await assertHolds(url, `{testid="${testid}"}`, written);
});
