import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExpr } from "../../../dist/promql/parse/parser.js";
import { SampleColumns } from "../../../dist/storage/columns.js";
import { SampleView } from "../../../dist/storage/sample-view.js";
import type { QueryRequest } from "../../../dist/workers/contract.js";
import { MadeUpSeries } from "../../../dist/workers/made-up-series.js";
import { answerQuery } from "../../../dist/workers/query-answers.js";
import { languageOf } from "../../../dist/workers/query-language.js";
import { MADE_UP } from "../../../dist/workers/query-warm-up.js";
import { questionsAbout, subjectsOf, wideQuestion } from "../../../dist/workers/warm-up-questions.js";
import { LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const NOW_MS = 1_700_000_000_000;
const RANGE_MS = 7_200_000;
const defaults = {
  lookbackDeltaMs: 300_000,
  samplesMax: 1e6,
  language: languageOf([]),
  timeoutMs: 1000,
  searchLimitMax: 0,
  readSamplesMax: 1e6,
  readFramesBytesMax: 1 << 20,
};

test("every question of the warm-up is answered from the made-up series", () => {
  const series = new MadeUpSeries(NOW_MS, RANGE_MS);
  const ask = (request: QueryRequest): { values?: unknown[] }[] => {
    const { status, body } = answerQuery(request, series, defaults as never, {
      nowMs: NOW_MS,
      waitedMs: 0,
      startControl: () => ({ checkpoint: () => undefined }),
      warnings: () => [],
    });
    const text = new TextDecoder().decode(body);
    assert.equal(status, 200, text);
    return (JSON.parse(text) as { data: { result: { values?: unknown[] }[] } }).data.result;
  };
  const questions = questionsAbout([MADE_UP], NOW_MS, RANGE_MS, 120);
  assert.deepEqual([...new Set(questions.map(({ kind }) => kind))].sort(), ["query", "query_range"]);
  for (const question of questions) {
    const series = ask(question);
    const text = JSON.stringify(question.params);
    assert.ok(series.length > 0, text);
    const points = series.flatMap(({ values }) => values ?? []).length;
    if (question.kind === "query_range") assert.ok(points > 100, text);
  }
});

test("made-up series read as they are viewed", () => {
  const set = new MadeUpSeries(NOW_MS, RANGE_MS).select([{ name: "__name__", op: "=", value: "m" }]);
  const columns = new SampleColumns();
  const view = new SampleView();
  const [mint, maxt] = [NOW_MS - 1_000_001, NOW_MS - 123_456];
  set.read(3, mint, maxt, columns);
  assert.ok(set.view?.(3, mint, maxt, view));
  assert.deepEqual(
    [...columns.timestamps.subarray(0, columns.count)],
    [...view.timestamps.subarray(view.start, view.end)],
  );
  assert.deepEqual(
    [...columns.values.subarray(0, columns.count)],
    [...view.values.subarray(view.start, view.end)],
  );
  assert.ok(columns.timestamps[0]! >= mint && columns.timestamps[columns.count - 1]! <= maxt);
  assert.equal(columns.count, 58);
});

test("questions about stored series are about few of them, of every kind", async () => {
  const clock = new FakeClock();
  const local = new LocalDatabase(new MemFileSystem(), clock);
  const nowMs = clock.nowMs();
  assert.deepEqual(subjectsOf(local.head, nowMs - RANGE_MS, nowMs).selections, []);
  assert.equal(wideQuestion(local.head, nowMs, RANGE_MS), null);
  const labelSets = [
    ...Array.from({ length: 20 }, (_, i) => ["rare", `a${i % 2}`, String(i)]),
    ...Array.from({ length: 300 }, (_, i) => ["common", `a${i % 5}`, String(i)]),
    ...Array.from({ length: 300 }, (_, i) => ["alike", "a", String(i)]),
  ];
  const series = labelSets.map(([name, job, id]) => ({
    labels: [["__name__", name!], ["id", id!], ["job", job!]] as [string, string][], // biome-ignore format: a row of labels
    samples: [{ timestamp: nowMs - 1000, value: 1 }],
  }));
  assert.equal((await local.writeSeries(series)).status, 204);
  const { selections, endMs } = subjectsOf(local.head, nowMs - RANGE_MS, nowMs);
  assert.equal(endMs, Math.floor((nowMs - 1000) / 1000) * 1000);
  assert.deepEqual(wideQuestion(local.head, endMs, RANGE_MS)!.params[0], ["query", 'count({job="a0"})']);
  const names = new Set(
    selections.map(({ matchers: [first] }) => `${first!.name}${first!.op}${first!.value}`),
  );
  assert.deepEqual([...names], ["__name__=rare", "__name__=common", "__name__=alike"]);
  for (const { matchers } of selections) {
    const { length } = local.head.find(matchers);
    assert.ok(length >= 1 && length <= 100, `${JSON.stringify(matchers)}: ${length}`);
  }
  const questions = questionsAbout(selections, nowMs, RANGE_MS, 120).map(({ params }) => params[0]![1]);
  for (const question of questions) parseExpr(question);
  assert.ok(questions.some((question) => /\b(job|id)!="/.test(question)));
  assert.ok(questions.some((question) => /\b(job|id)=~"/.test(question)));
  // Any other pattern than of words is tried on all values of a label.
  const patternsOf = (hasFewValues: boolean): string[] => {
    const odd = { ...selections[0]!, label: "id", value: "a.1", hasFewValues };
    const questions = questionsAbout([odd], nowMs, RANGE_MS, 120);
    return questions.flatMap(({ params }) => params[0]![1].match(/\w+=~"[^"]*"/g) ?? []);
  };
  assert.deepEqual(patternsOf(true), ['id=~"a\\\\.1.*"']);
  assert.deepEqual(patternsOf(false), []);
  assert.ok(local.head.hasFewValues("id", 300) && !local.head.hasFewValues("id", 299));
  assert.ok(local.head.hasFewValues("none", 0));
});
