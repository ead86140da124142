import * as assert from "node:assert/strict";
import { test } from "node:test";
import type { DryRunAnswer } from "../../../dist/db/dry-run.js";
import { Policies } from "../../../dist/db/policies.js";
import { parseMetricSelector } from "../../../dist/promql/parse/parser.js";
import { LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import type { WireSeries } from "../../support/remote-write.js";

const clock = new FakeClock();
const START = clock.nowMs() - 3_600_000;

function one(labels: Record<string, string>, timestamp: number): WireSeries {
  return { labels: Object.entries(labels), samples: [{ timestamp, value: 1 }] };
}

function setBudgets(policies: Policies, counts: readonly number[], budgets: Record<string, number>): void {
  const limits = Object.entries(budgets).map(([match, series]) => ({
    match,
    series,
    matchers: parseMetricSelector(match),
  }));
  policies.setBudgets(limits).release();
  policies.settleBudgets(counts);
}

/** A request with one label that never repeats, and others that do. */
function exploding(round: number, count: number): WireSeries[] {
  return Array.from({ length: count }, (_, i) =>
    one(
      {
        __name__: "http_requests_total",
        instance: `host-${i % 3}`,
        method: i % 2 === 0 ? "GET" : "POST",
        status: String(200 + (i % 5)),
        url: `/u/${round}-${i}`,
      },
      START + round * 1000,
    ),
  );
}

test("over its budget a metric gets no new series, known ones lose no sample, and the exploding label is named every time", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock, { ingestThreads: 2 });
  const policies = new Policies(local.database.kernel);
  const known = exploding(0, 50);
  assert.equal((await local.writeSeries(known)).status, 204);
  setBudgets(policies, [50], { http_requests_total: 80 });
  let stored = 50;
  for (let round = 1; round <= 30; round++) {
    const t = START + round * 1000;
    const again = known.map(({ labels }) => ({ labels, samples: [{ timestamp: t, value: round }] }));
    const fresh = exploding(round, round % 3 === 0 ? 1 : 20);
    const other = one({ __name__: "other", n: String(round) }, t);
    const { requestBody } = await import("../../support/database.js");
    const started = local.start(requestBody([...fresh, ...again, other], 1), 1, round % 2);
    const { status, outcome, message } = await started.commit();
    const room = Math.min(80 - stored, fresh.length);
    stored += room;
    assert.equal(outcome.samples, 51 + room, message);
    assert.equal(status, room === fresh.length ? 204 : 400);
    if (room === fresh.length) continue;
    assert.match(message, /over series budget http_requests_total=80 \(label "url" explodes\)/);
    assert.equal(outcome.budgets[0]?.labels[0]?.label, "url");
    assert.ok(outcome.refusals.every(({ reason }) => reason.includes('label "url" explodes')));
  }
  assert.equal(policies.budgetUse()[0]?.used, 80);
  const contents = local.contents();
  assert.equal([...contents.keys()].filter((key) => key.startsWith("http_requests_total")).length, 80);
  for (const [series, samples] of contents) if (series.includes('url="/u/0-')) assert.equal(samples.size, 31);
  await local.close();
});

test("the first refusal after a restart names the label, too, whatever else is in the head", async () => {
  const fs = new MemFileSystem();
  let local = new LocalDatabase(fs, clock);
  await local.writeSeries(exploding(0, 60));
  for (let i = 0; i < 20; i++) {
    await local.writeSeries(
      Array.from({ length: 1000 }, (_, k) => one({ __name__: "noise", id: `${i}-${k}` }, START)),
    );
  }
  await local.close();
  local = new LocalDatabase(fs, clock);
  setBudgets(new Policies(local.database.kernel), [60], { '{__name__="http_requests_total"}': 60 });
  const { message } = await local.writeSeries([exploding(1, 1)[0] as WireSeries]);
  assert.match(message, /label "url" explodes/);
  await local.close();
});

test("a budget by matcher counts what it matches, and budgets may overlap", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock);
  const policies = new Policies(local.database.kernel);
  setBudgets(policies, [0, 0], { '{job="k6"}': 3, '{job=~"k.*", __name__!="free"}': 2 });
  const series = (name: string, n: number) => one({ __name__: name, job: "k6", n: String(n) }, START);
  assert.equal((await local.writeSeries([series("free", 1), series("a", 1), series("a", 2)])).status, 204);
  assert.match((await local.writeSeries([series("free", 2)])).message, /over series budget \{job="k6"\}=3/);
  assert.equal((await local.writeSeries([one({ __name__: "a", job: "other" }, START)])).status, 204);
  assert.deepEqual(
    policies.budgetUse().map(({ used }) => used),
    [3, 2],
  );
  setBudgets(policies, [3], { '{job="k6"}': 4 });
  assert.equal((await local.writeSeries([series("a", 3)])).status, 204);
  assert.equal((await local.writeSeries([series("a", 4)])).status, 400);
  policies.setBudgets([]).release();
  assert.equal((await local.writeSeries([series("a", 4)])).status, 204);
  await local.close();
});

for (const protocol of [1, 2] as const) {
  test(`a dry run of Remote Write ${protocol}.0 says what a request would do and does nothing`, async () => {
    const local = new LocalDatabase(new MemFileSystem(), clock);
    const policies = new Policies(local.database.kernel);
    await local.writeSeries(exploding(0, 10), protocol);
    setBudgets(policies, [10], { http_requests_total: 25 });
    const before = local.contents();
    const request = [
      ...exploding(1, 20),
      ...exploding(0, 10),
      { labels: exploding(0, 1)[0]?.labels ?? [], samples: [{ timestamp: START, value: 2 }] },
      one({ __name__: "far" }, clock.nowMs() + 3_600_000),
      one({ nameless: "x" }, START),
    ];
    const said = local.probe(request, protocol) as DryRunAnswer;
    assert.equal(said.status, 400);
    assert.deepEqual(said.refused, {
      "duplicate timestamp": 1,
      "no metric name": 1,
      "over series budget": 5,
      "too far in the future": 1,
    });
    assert.deepEqual([said.samples, said.duplicates, said.newSeries, said.knownSeries], [25, 10, 16, 10]);
    assert.equal(said.metrics[0]?.explodingLabel, "url");
    assert.deepEqual(said.metrics[0]?.labels[0], { label: "url", values: 15, newValues: 15 });
    assert.equal(said.budgets[0]?.labels[0]?.label, "url");
    assert.deepEqual(local.contents(), before);
    assert.equal(policies.budgetUse()[0]?.used, 10);
    const { outcome } = await local.writeSeries(request, protocol);
    assert.deepEqual([outcome.samples, outcome.created], [said.samples, said.newSeries]);
    await local.close();
  });
}
