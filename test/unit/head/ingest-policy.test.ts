/** Rules and budgets are replaced while an ingest thread is idle, or in the middle of what it does. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { Policies, type Release } from "../../../dist/db/policies.js";
import { HeadWriter } from "../../../dist/head/head-writer.js";
import * as L from "../../../dist/kernel/assembly/layout.js";
import type { Kernel } from "../../../dist/kernel/kernel.js";
import { parseMetricSelector } from "../../../dist/promql/parse/parser.js";
import { parseIngestRules } from "../../../dist/workers/parse-rules.js";
import { LocalDatabase, requestBody } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import type { WireSeries } from "../../support/remote-write.js";

const clock = new FakeClock();
const START = clock.nowMs() - 3_600_000;
const TWO_THREADS = { ingestThreads: 2 };

function one(name: string, timestamp: number): WireSeries {
  return { labels: [["__name__", name]], samples: [{ timestamp, value: 1 }] };
}

/** Every set has the same number of bytes, so that the heap gives each the place of the one before. */
function setRules(policies: Policies, set: string): Release {
  const rules = parseIngestRules({
    write_relabel_configs: [{ target_label: "rules", replacement: set }],
  });
  assert.ok(rules !== null);
  return policies.setRules(rules);
}

function setBudget(policies: Policies, match: string): void {
  policies.setBudgets([{ match, series: 0, matchers: parseMetricSelector(match) }]).release();
  policies.settleBudgets([0]);
}

function addressOf(kernel: Kernel, word: number): number {
  return kernel.u32()[(L.CTRL + word) >>> 2];
}

async function writeBy(local: LocalDatabase, thread: number, series: WireSeries): Promise<string> {
  const { status, message } = await local.start(requestBody([series], 1), 1, thread).commit();
  return `${status} ${message}`.trim();
}

test("new rules hold for a thread that was idle, though they lie where older ones lay", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock, TWO_THREADS);
  const { kernel } = local.database;
  const policies = new Policies(kernel);
  setRules(policies, "set-0");
  const first = addressOf(kernel, L.C_RULES);
  assert.equal(await writeBy(local, 1, one("before", START)), "204");
  let seen = 0;
  for (let set = 1; set <= 4; set++) {
    setRules(policies, `set-${set}`)();
    if (addressOf(kernel, L.C_RULES) !== first) continue;
    seen++;
    assert.equal(await writeBy(local, 1, one(`m${set}`, START)), "204");
    assert.ok(local.contents().has(`m${set}{rules="set-${set}"}`), [...local.contents().keys()].join(" "));
  }
  assert.ok(seen > 0, "a block was given the place of the first one");
  await local.close();
});

test("new budgets hold for a thread that was idle, though they lie where older ones lay", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock, TWO_THREADS);
  const { kernel } = local.database;
  const policies = new Policies(kernel);
  setBudget(policies, "m0");
  const first = addressOf(kernel, L.C_BUDGETS);
  assert.match(await writeBy(local, 1, one("m0", START)), /^400/);
  let seen = 0;
  for (let set = 1; set <= 4; set++) {
    setBudget(policies, `m${set}`);
    if (addressOf(kernel, L.C_BUDGETS) !== first) continue;
    seen++;
    assert.match(await writeBy(local, 1, one(`m${set}`, START)), /^400/);
    assert.equal(await writeBy(local, 1, one("m0", START + set)), "204");
  }
  assert.ok(seen > 0, "a block was given the place of the first one");
  await local.close();
});

test("rules that change while a request begins hold for all of it or for nothing of it", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock, TWO_THREADS);
  const { shared, kernel } = local.database;
  const policies = new Policies(kernel);
  const writer = new HeadWriter(shared, 1, () => assert.fail("no chunk left memory"));
  const [{ at, bytes }] = shared.slotRegions;
  const write = (name: string): void => {
    const body = requestBody([one(name, START)], 1);
    kernel.u8().set(body, at);
    assert.ok(writer.begin(at, body.length, 1, START, START) >= 0);
    assert.ok(writer.finish(at, bytes));
  };
  const releaseFirst = setRules(policies, "set-0");
  write("warm");
  const { policy } = writer;
  const begin = policy.begin.bind(policy);
  let changes = 0;
  policy.begin = () => {
    begin();
    if (changes++ === 0) setRules(policies, "set-1");
  };
  write("m");
  releaseFirst();
  assert.ok(local.contents().has('m{rules="set-0"}'));
  // Nothing that the older rules made of a label set is remembered for the newer ones.
  assert.equal(policies.spellings, 0);
  await writeBy(local, 0, one("m", START + 1));
  assert.deepEqual([...(local.contents().get('m{rules="set-1"}')?.keys() ?? [])], [START + 1]);
  await local.close();
});
