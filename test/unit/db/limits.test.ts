import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as L from "../../../dist/kernel/assembly/layout.js";
import { LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import type { WireSeries } from "../../support/remote-write.js";

const clock = new FakeClock();
let step = 0;

function series(labels: readonly (readonly [string, string])[], name = "m"): WireSeries {
  const samples = [{ timestamp: clock.nowMs() - 3_600_000 + step++, value: 1 }];
  return { labels: [["__name__", name], ...labels], samples };
}

test("over the series limit only new series are refused, and only they", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock, { seriesMax: 3 });
  const three = ["a", "b", "c"].map((v) => series([["l", v]]));
  assert.equal((await local.writeSeries(three)).status, 204);
  const { status, outcome } = await local.writeSeries([series([["l", "d"]]), series([["l", "a"]])]);
  assert.deepEqual([status, outcome.samples], [400, 1]);
  assert.match(
    outcome.message,
    /^refused 1 of 2 samples: 1 series limit reached; first: m\{l="d"\}.*limit 3\)/,
  );
  assert.equal((await local.writeSeries([series([["l", "c"]])])).status, 204);
  assert.equal(local.contents().size, 3);
  await local.close();
});

test("label limits are inclusive, and the answer names the limit", async () => {
  const options = { labelsPerSeriesMax: 3, labelNameBytesMax: 8, labelValueBytesMax: 5 };
  const local = new LocalDatabase(new MemFileSystem(), clock, options);
  const largest = series([
    ["12345678", "äö1"],
    ["b", "12345"],
  ]);
  assert.equal((await local.writeSeries([largest])).status, 204);
  const refused: [string, string][][] = [
    [["123456789", "x"]],
    [["b", "äöü"]],
    [
      ["b", "1"],
      ["c", "1"],
      ["d", "1"],
    ],
  ];
  const texts = [
    /label name too long \(limit 8\)/,
    /label value too long \(limit 5\)/,
    /too many labels \(limit 3\)/,
  ];
  for (const protocol of [1, 2] as const) {
    for (const [i, labels] of refused.entries()) {
      const { status, outcome } = await local.writeSeries([series(labels), series([])], protocol);
      assert.deepEqual([status, outcome.samples], [400, 1], outcome.message);
      assert.match(outcome.message, texts[i]);
    }
  }
  assert.equal(local.contents().size, 2);
  await local.close();
});

test("at the memory limit new series are refused, known ones flow on, and all of it comes back", async () => {
  const disk = new MemFileSystem();
  const options = { headMemoryLimitBytes: 1_000_000, chunkSamplesMax: 4 };
  const local = new LocalDatabase(disk, clock, options);
  let created = 0;
  for (;;) {
    const labels = [["l", `value ${created} ${"x".repeat(100)}`]] as const;
    const { status, message, outcome } = await local.writeSeries([series(labels), series([])]);
    if (status === 400) {
      assert.match(message, /1 head memory limit reached/);
      assert.equal(outcome.samples, 1, "the known series of the same request");
      break;
    }
    assert.equal(status, 204, message);
    assert.ok(++created < 20_000, "the limit is never reached");
  }
  for (let i = 0; i < 100; i++) assert.equal((await local.writeSeries([series([])])).status, 204);
  assert.ok(local.database.kernel.liveBytes() < 1_200_000, `${local.database.kernel.liveBytes()} bytes`);
  const before = local.contents();
  assert.equal(before.size, created + 1);
  await local.close();
  // less memory than before: what was acknowledged is not refused now
  const again = new LocalDatabase(disk, clock, { ...options, headMemoryLimitBytes: 700_000, seriesMax: 10 });
  assert.deepEqual(again.contents(), before);
  const { status } = await again.writeSeries([series([])]);
  assert.equal(status, 204);
  await again.close();
});

test("a sender that spells one series in every order costs a bounded number of aliases", async () => {
  const local = new LocalDatabase(new MemFileSystem(), clock);
  const labels = Array.from("abcdefgh", (name) => [name, `a value of ${name}`] as const);
  const spellings: WireSeries[] = [];
  const permute = (head: WireSeries["labels"], rest: WireSeries["labels"]): void => {
    if (rest.length === 0) spellings.push(series(head));
    rest.forEach((label, i) => {
      permute([...head, label], [...rest.slice(0, i), ...rest.slice(i + 1)]);
    });
  };
  permute([], labels);
  assert.equal(spellings.length, 40_320);
  const { kernel } = local.database;
  const used = (): number => kernel.u32()[(L.CTRL + L.C_TABLE_USED) >>> 2];
  assert.equal((await local.writeSeries([series(labels)])).status, 204);
  const live = kernel.liveBytes();
  for (let i = 0; i < spellings.length; i += 1000) {
    const { status, outcome } = await local.writeSeries(spellings.slice(i, i + 1000));
    assert.equal(status, 204, outcome.message);
    assert.equal(outcome.created, 0);
  }
  assert.ok(used() <= 1 + 2 + 1024, `${used()} entries`);
  assert.ok(kernel.liveBytes() - live < 1_000_000, `${kernel.liveBytes() - live} bytes`);
  assert.equal(local.contents().size, 1);
  await local.close();
});

test("a snappy block that declares more than a request may have is refused before it is decoded", () => {
  const local = new LocalDatabase(new MemFileSystem(), clock);
  const top = local.database.heapTopBytes();
  for (const declared of [
    [0x81, 0x80, 0x80, 0x10],
    [0xff, 0xff, 0xff, 0xff, 0x0f],
  ]) {
    const { outcome } = local.start(Uint8Array.from([...declared, 0x00, 0x41]), 1);
    assert.equal(outcome.status, 400);
    assert.match(outcome.message, /declares more than 33554432/);
  }
  for (const body of [
    [],
    [0x80],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    [0x05, 0x00],
    [0x01, 0x00, 0x41, 0x00],
  ]) {
    assert.equal(local.start(Uint8Array.from(body), 1).outcome.status, 400);
  }
  assert.equal(local.database.heapTopBytes(), top);
});
