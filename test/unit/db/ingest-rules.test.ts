import * as assert from "node:assert/strict";
import { test } from "node:test";
import { Policies } from "../../../dist/db/policies.js";
import type { IngestRules } from "../../../dist/model/ingest-rules.js";
import { parseIngestRules } from "../../../dist/workers/parse-rules.js";
import { LocalDatabase, valueBits } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/random.js";
import type { WireSeries } from "../../support/remote-write.js";

const clock = new FakeClock();
const START = clock.nowMs() - 3_600_000;

function one(labels: Record<string, string>, timestamp: number, value: number): WireSeries {
  return {
    labels: Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)),
    samples: [{ timestamp, value }],
  };
}

function rulesOf(raw: object): IngestRules {
  const rules = parseIngestRules(raw);
  assert.ok(rules !== null);
  return rules;
}

/** The newest value of each series that is stored. */
function newest(local: LocalDatabase): Map<string, string> {
  const values = new Map<string, string>();
  for (const [series, samples] of local.contents()) {
    values.set(series, samples.get(Math.max(...samples.keys())) ?? "");
  }
  return values;
}

for (const protocol of [1, 2] as const) {
  test(`rules rename, drop and keep series of Remote Write ${protocol}.0, every time they come`, async () => {
    const local = new LocalDatabase(new MemFileSystem(), clock);
    const policies = new Policies(local.database.kernel);
    // There before the rules: they hold for it from now on.
    await local.writeSeries([one({ __name__: "a", host: "x" }, START, 1)], protocol);
    policies.setRules(
      rulesOf({
        write_relabel_configs: [
          { source_labels: ["__name__"], regex: "noise.*", action: "drop" },
          { source_labels: ["host"], regex: "(.+)", target_label: "node" },
          { regex: "host", action: "labeldrop" },
        ],
      }),
    );
    for (let round = 1; round <= 12; round++) {
      const t = START + round * 1000;
      const request = [
        one({ __name__: "a", host: "x" }, t, round),
        one({ __name__: "noise_1", host: "x" }, t, round),
        one({ __name__: "plain", job: "j" }, t, round),
        ...Array.from({ length: 20 }, (_, i) => one({ __name__: "b", host: `h${i}` }, t, round)),
      ];
      const { status, outcome } = await local.writeSeries(request, protocol);
      assert.deepEqual([status, outcome.samples, outcome.dropped], [204, 22, 1], outcome.message);
      assert.equal(outcome.created, round === 1 ? 22 : 0);
    }
    const found = local.contents();
    assert.equal(found.size, 23);
    assert.equal(found.get('a{host="x"}')?.size, 1);
    assert.equal(found.get('a{node="x"}')?.size, 12);
    assert.equal(found.get('b{node="h19"}')?.size, 12);
    assert.equal(found.get('plain{job="j"}')?.size, 12);
    // 20 of b, a and noise_1: each was judged once.
    assert.equal(policies.spellings, 22);
    policies.setRules(null)();
    await local.writeSeries([one({ __name__: "noise_1", host: "x" }, START + 20_000, 1)], protocol);
    assert.ok(local.contents().has('noise_1{host="x"}'));
    await local.close();
  });
}

test("a series whose labels the rules make wrong is refused, the others are stored", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock);
  const policies = new Policies(local.database.kernel);
  policies.setRules(
    rulesOf({
      relabel_configs: [
        { regex: "__name__|l", action: "labelkeep" },
        { source_labels: ["l"], regex: "nameless", target_label: "__name__", replacement: "" },
      ],
    }),
  );
  const { status, outcome } = await local.writeSeries([
    one({ __name__: "m", l: "nameless" }, START, 1),
    one({ __name__: "m", l: "fine" }, START, 1),
  ]);
  assert.deepEqual([status, outcome.samples], [400, 1]);
  assert.match(outcome.message, /1 no metric name/);
  await local.close();
});

test("with URL templates the series stay bounded and their sums equal those of the originals, also after restarts", async () => {
  const random = seededRandom(7);
  const fs = new MemFileSystem();
  const templates = rulesOf({ url_templates: ["url", "name"] });
  let local = new LocalDatabase(fs, clock, { ingestThreads: 2 });
  new Policies(local.database.kernel).setRules(templates);
  const originals = new Map<string, number>();
  const total = new Map<string, number>();
  let t = START;
  for (let round = 0; round < 60; round++) {
    t += 5000;
    if (round === 20 || round === 40) {
      await local.close();
      local = new LocalDatabase(round === 20 ? fs : fs.crashClone(), clock, { ingestThreads: 2 });
      if (round === 40) fs.removeTree("/gone");
      new Policies(local.database.kernel).setRules(templates);
    }
    const request: WireSeries[] = [];
    for (let i = 0; i < 40; i++) {
      const url = `http://shop.example.com/users/${Math.floor(random() * 200)}`;
      const method = random() < 0.5 ? "GET" : "POST";
      for (const name of ["k6_http_reqs_total", "k6_http_req_duration_sum"]) {
        const key = `${name} ${method} ${url}`;
        if (
          request.some(
            ({ labels }) =>
              labels.some(([, v]) => v === url) &&
              labels.some(([, v]) => v === method) &&
              labels[0]?.[1] === name,
          )
        )
          continue;
        const before = originals.get(key) ?? 0;
        // one source in fifty starts anew
        const value = random() < 0.02 ? 1 : before + Math.floor(random() * 1000);
        originals.set(key, value);
        const group = `${name}{method="${method}", name="http://shop.example.com/users/:id", url="http://shop.example.com/users/:id"}`;
        total.set(group, (total.get(group) ?? 0) + (value < before ? value : value - before));
        request.push(one({ __name__: name, method, name: url, url }, t, value));
      }
    }
    const { status, outcome } = await local.write(
      (await import("../../support/database.js")).requestBody(request, round % 2 === 0 ? 1 : 2),
      round % 2 === 0 ? 1 : 2,
    );
    assert.deepEqual([status, outcome.samples], [204, request.length], outcome.message);
    // The same request again, as after a lost answer: nothing is counted twice.
    if (round % 7 === 0)
      assert.equal((await local.writeSeries(request, round % 2 === 0 ? 1 : 2)).status, 204);
  }
  const stored = newest(local);
  assert.equal(stored.size, 4);
  for (const [group, sum] of total) assert.equal(stored.get(group), valueBits(sum), group);
  await local.close();
});

test("a request with many merged series, each with its samples in a run, loses none of them", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock);
  new Policies(local.database.kernel).setRules(rulesOf({ url_templates: ["url"] }));
  // Between two sources the time goes back: to the kernel it looks like one long series in no order.
  const request = Array.from(
    { length: 200 },
    (_, i): WireSeries => ({
      labels: [
        ["__name__", "c_total"],
        ["url", `/users/${i}`],
      ],
      samples: [1, 2, 3].map((n) => ({ timestamp: START + n * 1000, value: n * (i + 1) })),
    }),
  );
  const { status, outcome } = await local.writeSeries(request);
  assert.deepEqual([status, outcome.samples], [204, 600], outcome.message);
  assert.equal(newest(local).get('c_total{url="/users/:id"}'), valueBits(3 * 20_100));
  await local.close();
});

test("merged values survive a checkpoint that stands for the log", async () => {
  const fs = new MemFileSystem();
  const rules = rulesOf({ url_templates: ["url"] });
  const options = { blockRangeMs: 600_000, segmentBytesMax: 4096 };
  let local = new LocalDatabase(fs, clock, options);
  new Policies(local.database.kernel).setRules(rules);
  const base = Math.floor(START / 600_000) * 600_000;
  for (let round = 0; round < 40; round++) {
    const t = base + round * 30_000;
    const request = Array.from({ length: 10 }, (_, i) =>
      one({ __name__: "c_total", url: `/u/${i}` }, t, (round + 1) * (i + 1)),
    );
    assert.equal((await local.writeSeries(request)).status, 204);
  }
  local.maintain(base + 600_000);
  await local.close();
  local = new LocalDatabase(fs, clock, options);
  new Policies(local.database.kernel).setRules(rules);
  await local.writeSeries([one({ __name__: "c_total", url: "/u/0" }, base + 40 * 30_000, 41)]);
  assert.equal(newest(local).get('c_total{url="/u/:id"}'), valueBits(40 * 55 + 1));
  await local.close();
});

test("what a merge rule asks for holds: sum, max, min, and last for none", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock);
  const as = ["sum", "max", "min", "last"];
  new Policies(local.database.kernel).setRules(
    rulesOf({
      relabel_configs: [{ regex: "id", action: "labeldrop" }],
      merge: as.map((word) => ({ match: `m_${word}`, as: word })),
    }),
  );
  const rounds = [
    [5, 3, 9],
    [2, 8, 4],
    [7, 1, 1],
  ];
  for (const [round, values] of rounds.entries()) {
    const request = as.flatMap((word) =>
      values.map((value, i) => one({ __name__: `m_${word}`, id: `${i}` }, START + round * 1000, value)),
    );
    const { status, outcome } = await local.writeSeries(request);
    // `last` keeps the first of three values at one time and refuses the others.
    assert.deepEqual([status, outcome.samples], [400, 10], outcome.message);
  }
  const found = newest(local);
  assert.deepEqual([...found].sort(), [
    ["m_last", valueBits(7)],
    ["m_max", valueBits(7)],
    ["m_min", valueBits(1)],
    ["m_sum", valueBits(9)],
  ]);
  const sums = local.contents().get("m_sum");
  assert.deepEqual([...(sums?.values() ?? [])], [17, 14, 9].map(valueBits));
  await local.close();
});

test("a sender that is late or contradicts itself is told so, and the sum stays", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock);
  new Policies(local.database.kernel).setRules(rulesOf({ url_templates: ["url"] }));
  const send = (t: number, value: number) =>
    local.writeSeries([one({ __name__: "c_total", url: "/u/1" }, t, value)]);
  assert.equal((await send(START + 1000, 10)).status, 204);
  assert.equal((await send(START + 1000, 10)).outcome.duplicates, 1);
  assert.match((await send(START + 1000, 11)).message, /1 duplicate timestamp/);
  assert.match((await send(START, 5)).message, /1 too old/);
  assert.equal(
    (await local.writeSeries([one({ __name__: "c_total", url: "/u/2" }, START + 1000, 4)])).status,
    204,
  );
  const samples = local.contents().get('c_total{url="/u/:id"}');
  assert.deepEqual(
    [...(samples ?? [])],
    [
      [START + 1000, valueBits(10)],
      [START + 1001, valueBits(14)],
    ],
  );
  await local.close();
});
