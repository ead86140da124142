import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { encodeRequestV1, snappyCompress, type WireSeries } from "../support/remote-write.js";
import { startServer, type TestServer } from "../support/server.js";

const START = Date.now() - 600_000;

function one(labels: Record<string, string>, timestamp: number, value = 1): WireSeries {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return { labels: sorted, samples: [{ timestamp, value }] };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly requestId: string;
}

async function write(
  server: TestServer,
  series: readonly WireSeries[],
  query = "",
  headers = {},
): Promise<Answer> {
  const response = await fetch(`${server.url}/api/v1/write${query}`, {
    method: "POST",
    body: snappyCompress(encodeRequestV1(series)),
    headers: { "content-encoding": "snappy", "content-type": "application/x-protobuf", ...headers },
  });
  return {
    status: response.status,
    text: await response.text(),
    requestId: response.headers.get("x-request-id") ?? "",
  };
}

// biome-ignore lint/suspicious/noExplicitAny: answers are judged field by field
async function api(server: TestServer, path: string, method = "GET"): Promise<any> {
  const response = await fetch(`${server.url}${path}`, { method });
  const body = await response.json();
  return { httpStatus: response.status, ...(body as object) };
}

async function value(server: TestServer, query: string): Promise<number> {
  const { data } = await api(
    server,
    `/api/v1/query?${new URLSearchParams({ query, time: String((START + 240_000) / 1000) })}`,
  );
  return Number(data.result[0]?.value[1] ?? Number.NaN);
}

async function metric(server: TestServer, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return text
    .split("\n")
    .filter((line) => line.startsWith(name))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "varve-cardinality-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("the cardinality of the head: metrics, labels, pairs, churn and senders, of all and of a selection", async (t) => {
  const server = await startServer(t, {});
  const series = Array.from({ length: 300 }, (_, i) =>
    one({ __name__: i < 200 ? "big" : "small", url: `/u/${i}`, method: i % 3 === 0 ? "GET" : "PUT" }, START),
  );
  assert.equal((await write(server, series)).status, 204);
  const { data } = await api(server, "/api/v1/admin/cardinality?limit=3&label=method");
  assert.equal(data.seriesCount, 300);
  assert.equal(data.labelPairCount, 304);
  assert.deepEqual(data.metrics, [
    { name: "big", value: 200 },
    { name: "small", value: 100 },
  ]);
  assert.deepEqual(data.labelNames, [
    { name: "url", value: 300 },
    { name: "__name__", value: 2 },
    { name: "method", value: 2 },
  ]);
  assert.deepEqual(data.labelPairs[0], { name: "__name__=big", value: 200 });
  assert.deepEqual(data.labelValues, [
    { name: "PUT", value: 200 },
    { name: "GET", value: 100 },
  ]);
  assert.equal(data.churn.newSeries, 300);
  assert.deepEqual(data.churn.labelNames[0], { name: "url", value: 300 });
  assert.equal(data.senders[0].sender, "127.0.0.1");
  assert.deepEqual([data.senders[0].samples, data.senders[0].newSeriesLastHour], [300, 300]);
  const part = await api(server, `/api/v1/admin/cardinality?match[]=small&match[]={method="GET"}`);
  assert.deepEqual(part.data.metrics, [
    { name: "small", value: 100 },
    { name: "big", value: 67 },
  ]);
  const later = await api(server, `/api/v1/admin/cardinality?start=${(START + 1000) / 1000}`);
  assert.equal(later.data.seriesCount, 0);
  assert.equal((await api(server, "/api/v1/admin/cardinality?match[]={")).httpStatus, 400);
  assert.equal((await api(server, "/api/v1/admin/cardinality?limit=0")).httpStatus, 400);
});

test("budgets of flag and API hold, survive kill -9, and the exploding label is named in every answer", async (t) => {
  const dataDirectory = folder(t);
  const server = await startServer(t, {
    dataDirectory,
    flags: ['--limits.series-budget=flagged=2,{job="x",env="y"}=7'],
  });
  const known = Array.from({ length: 5 }, (_, i) =>
    one({ __name__: "m", url: `/k/${i}`, method: "GET" }, START, i),
  );
  assert.equal((await write(server, known)).status, 204);
  const set = await api(server, "/api/v1/admin/budgets?match=m&series=8", "PUT");
  assert.deepEqual(set.data.budgets, [
    { match: "flagged", series: 2, used: 0, source: "flag" },
    { match: '{job="x",env="y"}', series: 7, used: 0, source: "flag" },
    { match: "m", series: 8, used: 5, source: "api" },
  ]);
  let refused = 0;
  for (let round = 1; round <= 20; round++) {
    if (round === 10) {
      await server.kill();
      await server.start();
    }
    const fresh = Array.from({ length: 3 }, (_, i) =>
      one({ __name__: "m", url: `/n/${round}-${i}`, method: "GET" }, START),
    );
    const again = known.map(({ labels }) => ({
      labels,
      samples: [{ timestamp: START + 1000 * round, value: round }],
    }));
    const { status, text } = await write(server, [...fresh, ...again]);
    if (round === 1) assert.equal(status, 204);
    else {
      refused += 3;
      assert.equal(status, 400);
      assert.match(text, /^refused 3 of 8 samples: 3 over series budget m=8 \(label "url" explodes\)/);
    }
  }
  assert.equal(await value(server, "sum(m)"), 5 * 20 + 3);
  assert.equal(await value(server, 'sum(count_over_time(m{url=~"/k/.*"}[10m]))'), 5 * 21);
  assert.equal((await api(server, "/api/v1/admin/budgets?match=flagged", "DELETE")).httpStatus, 404);
  assert.equal((await api(server, "/api/v1/admin/budgets?match=m", "DELETE")).data.budgets.length, 2);
  assert.equal((await api(server, "/api/v1/admin/budgets?match={&series=1", "PUT")).httpStatus, 400);
  assert.equal((await api(server, "/api/v1/admin/budgets?match=m&series=-1", "PUT")).httpStatus, 400);
  assert.equal((await write(server, [one({ __name__: "m", url: "/new" }, START)])).status, 204);
  assert.ok(refused > 0);
});

test("answers, counters and ledger agree on every refusal", async (t) => {
  const server = await startServer(t, { flags: ["--limits.series-budget=m=3"] });
  let answered = 0;
  const ids: string[] = [];
  for (let round = 0; round < 25; round++) {
    const series = [
      one({ __name__: "m", url: `/${round}` }, START),
      one({ __name__: "ok" }, START + round),
      one({ __name__: "ok" }, START, round),
      one({ nameless: "x" }, START),
      one({ __name__: "future" }, Date.now() + 3_600_000),
    ];
    const { status, text, requestId } = await write(server, series, "", { "x-request-id": `round-${round}` });
    assert.equal(status, 400);
    assert.equal(requestId, `round-${round}`);
    ids.push(requestId);
    answered += Number(/^refused (\d+) of/.exec(text)?.[1]);
  }
  await write(server, [one({ __name__: "ok" }, START + 1000)]);
  const broken = await fetch(`${server.url}/api/v1/write`, {
    method: "POST",
    body: Buffer.from("no snappy"),
  });
  assert.equal(broken.status, 400);
  const { data } = await api(server, "/api/v1/admin/rejections?limit=1000");
  const kept = data.entries.reduce((sum: number, entry: { refused: number }) => sum + entry.refused, 0);
  const sums = Object.values(data.reasons as Record<string, number>).reduce((sum, count) => sum + count, 0);
  assert.deepEqual(
    [kept, sums, await metric(server, "varve_refused_samples_total")],
    [answered, answered, answered],
  );
  for (const [reason, count] of Object.entries(data.reasons as Record<string, number>)) {
    assert.equal(await metric(server, `varve_refused_samples_total{reason="${reason}"}`), count, reason);
  }
  assert.deepEqual(data.requests, { 400: 26 });
  const one_ = await api(server, `/api/v1/admin/rejections?request_id=${ids[7]}`);
  assert.equal(one_.data.entries.length, 1);
  assert.equal(one_.data.entries[0].sender, "127.0.0.1");
  assert.ok(one_.data.entries[0].first.some(({ series }: { series: string }) => series === 'm{url="/7"}'));
  const byReason = await api(server, "/api/v1/admin/rejections?reason=over_series_budget&series=/7");
  assert.equal(byReason.data.entries.length, 1);
  assert.equal(byReason.data.entries[0].budgets[0].labels[0].label, "url");
});

test("senders at once, budgets that overlap and rules that change: not one refusal is counted twice or not at all", async (t) => {
  const file = join(folder(t), "relabel.yml");
  const rules = (set: number): void =>
    writeFileSync(file, `write_relabel_configs: [{target_label: rules, replacement: "${set % 2}"}]\n`);
  rules(0);
  const flags = [
    "--limits.series-budget=m=100",
    '--limits.series-budget={team="x"}=120',
    `--storage.relabel-config=${file}`,
    "--ingest.workers=2",
  ];
  const server = await startServer(t, { flags });
  let answered = 0;
  let ended = 0;
  const sender = async (name: string): Promise<void> => {
    for (let round = 0; round < 40; round++) {
      const fresh = Array.from({ length: 10 }, (_, i) =>
        one(
          { __name__: i % 2 === 0 ? "m" : "n", id: `${name}-${round}-${i}`, team: i % 3 === 0 ? "y" : "x" },
          START,
        ),
      );
      const known = one({ __name__: "known", sender: name }, START + round);
      const { status, text } = await write(server, [...fresh, known]);
      if (status === 204) continue;
      assert.equal(status, 400);
      const parts = [...text.matchAll(/(\d+) over series budget \S+ \(label "id" explodes\)/g)];
      const refused = Number(/^refused (\d+) of 11 samples/.exec(text)?.[1]);
      assert.equal(
        parts.reduce((sum, [, count]) => sum + Number(count), 0),
        refused,
        text,
      );
      answered += refused;
    }
    ended++;
  };
  const senders = Promise.all(["a", "b", "c", "d", "e", "f"].map(sender));
  for (let set = 1; ended < 6; set++) {
    rules(set);
    process.kill(server.pid, "SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await senders;
  const { data } = await api(server, "/api/v1/admin/rejections?limit=1");
  assert.ok(answered > 1000);
  assert.deepEqual(data.reasons, { over_series_budget: answered });
  assert.equal(await metric(server, "varve_refused_samples_total"), answered);
  const { data: limits } = await api(server, "/api/v1/admin/budgets");
  for (const [selector, most] of [["m", 100] as const, ['{team="x"}', 120] as const]) {
    const budget = limits.budgets.find(({ match }: { match: string }) => match === selector);
    assert.deepEqual(
      [budget.used, await value(server, `count(last_over_time(${selector}[1h]))`)],
      [most, most],
    );
  }
  assert.equal(await value(server, "sum(count_over_time(known[1h]))"), 6 * 40);
});

test("a dry run tells which label would make new series, and nothing changes", async (t) => {
  const server = await startServer(t, {});
  await write(server, [one({ __name__: "m", url: "/a", method: "GET" }, START)]);
  const before = await metric(server, "varve_head_series_created_total");
  const request = Array.from({ length: 50 }, (_, i) =>
    one({ __name__: "m", url: `/${i}`, method: "GET" }, START),
  );
  const { status, text } = await write(server, request, "?dry_run=1");
  const { data } = JSON.parse(text);
  assert.equal(status, 200);
  assert.deepEqual([data.newSeries, data.samples, data.metrics[0].explodingLabel], [50, 50, "url"]);
  assert.equal(await metric(server, "varve_head_series_created_total"), before);
  assert.equal(await value(server, "count(m)"), 1);
  assert.equal(
    (await fetch(`${server.url}/api/v1/write?dry_run=1`, { method: "POST", body: Buffer.from("x") })).status,
    400,
  );
});

test("rules are read again at SIGHUP; a broken file changes nothing", async (t) => {
  const file = join(folder(t), "relabel.yml");
  writeFileSync(file, "url_templates: [url]\n");
  const server = await startServer(t, { flags: [`--storage.relabel-config=${file}`] });
  const send = (round: number): Promise<Answer> =>
    write(
      server,
      Array.from({ length: 30 }, (_, i) =>
        one({ __name__: "hits_total", url: `/users/${i}` }, START + round * 1000, (i + 1) * round),
      ),
    );
  for (let round = 1; round <= 5; round++) assert.equal((await send(round)).status, 204);
  assert.equal(await value(server, "count(hits_total)"), 1);
  assert.equal(await value(server, "sum(hits_total)"), 5 * 465);
  writeFileSync(file, "url_templates: [url]\nwrite_relabel_configs: [{action: mend}]\n");
  process.kill(server.pid, "SIGHUP");
  await until(async () => (await metric(server, "varve_config_last_reload_successful")) === 0);
  assert.equal((await send(6)).status, 204);
  assert.equal(await value(server, "sum(hits_total)"), 6 * 465);
  writeFileSync(
    file,
    "write_relabel_configs: [{source_labels: [__name__], regex: hits_total, action: drop}]\n",
  );
  process.kill(server.pid, "SIGHUP");
  await until(async () => (await metric(server, "varve_config_last_reload_successful")) === 1);
  assert.equal((await send(7)).status, 204);
  assert.equal(await value(server, "sum(hits_total)"), 6 * 465);
  assert.equal(await metric(server, "varve_relabel_dropped_samples_total"), 30);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail("it never came true");
}
