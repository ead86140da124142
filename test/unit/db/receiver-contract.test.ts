/** The write path's contract row by row, at the ingest thread: what is stored, what is refused, in which words. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { LocalDatabase, valueBits } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { messages, snappyCompress, type WireHistogram, type WireSeries } from "../../support/remote-write.js";
import { bitsOf, SIGNALLING_VALUE, STALE_VALUE } from "../../support/signalling-nan.js";

const clock = new FakeClock();
const NOW = clock.nowMs();
const HOUR_MS = 3_600_000;
const NAME = ["__name__", "m"] as const;

function open(): LocalDatabase {
  return new LocalDatabase(new MemFileSystem(), clock);
}

function floats(...pairs: readonly (readonly [number, number])[]): NonNullable<WireSeries["samples"]> {
  return pairs.map(([timestamp, value]) => ({ timestamp, value }));
}

const GOOD: WireSeries = { labels: [["__name__", "good"]], samples: floats([NOW, 1]) };

for (const protocol of [1, 2] as const) {
  for (const [what, labels, reason] of [
    ["no metric name", [["job", "a"]], "1 no metric name"],
    [
      "an empty metric name",
      [
        ["__name__", ""],
        ["job", "a"],
      ],
      "1 no metric name",
    ],
    ["no labels at all", [], "1 no metric name"],
    ["an empty label name", [NAME, ["", "x"]], "1 empty label name"],
    ["a repeated label name", [NAME, ["a", "x"], ["a", "x"]], "1 repeated label name"],
    ["a repeated label name, once empty", [NAME, ["a", ""], ["a", "x"]], "1 repeated label name"],
    ["a repeated label name, far apart", [["a", "x"], NAME, ["a", "y"]], "1 repeated label name"],
  ] as const) {
    test(`${protocol}.0: ${what}: 400 for that series, the rest stored`, async () => {
      const local = open();
      const { status, message, outcome } = await local.writeSeries(
        [{ labels, samples: floats([NOW, 1]) }, GOOD],
        protocol,
      );
      assert.deepEqual([status, outcome.samples, outcome.created], [400, 1, 1]);
      assert.ok(message.startsWith(`refused 1 of 2 samples: ${reason}`), message);
      assert.deepEqual([...local.contents().keys()], ["good"]);
      await local.close();
    });
  }

  test(`${protocol}.0: labels in any order, empty values and all: one series`, async () => {
    const local = open();
    const spellings: WireSeries["labels"][] = [
      [NAME, ["a", "1"], ["b", "2"]],
      [["b", "2"], ["a", "1"], NAME],
      [["a", "1"], ["zzz", ""], NAME, ["b", "2"]],
    ];
    for (const [i, labels] of spellings.entries()) {
      for (const again of [0, 1]) {
        const samples = floats([NOW - 10_000 + 2 * i + again, i]);
        assert.equal((await local.writeSeries([{ labels, samples }], protocol)).status, 204);
      }
    }
    assert.deepEqual([...local.contents().keys()], [`m{a="1", b="2"}`]);
    assert.equal(local.contents().get(`m{a="1", b="2"}`)?.size, 6);
    await local.close();
  });

  test(`${protocol}.0: a series with neither sample nor histogram is accepted`, async () => {
    const local = open();
    const exemplars = [{ labels: [["trace_id", "x"]] as const, value: 1, timestamp: NOW }];
    const metadata = protocol === 2 ? { metadata: { type: 1, help: "help" } } : {};
    for (const one of [{ labels: [NAME] }, { labels: [NAME], exemplars }, { labels: [NAME], ...metadata }]) {
      assert.equal((await local.writeSeries([one], protocol)).status, 204);
    }
    assert.equal(local.database.exemplars.size, 1);
    assert.equal(local.database.metadata.size, protocol - 1);
    await local.close();
  });

  test(`${protocol}.0: late inside the window stored; too old, too far, another value refused`, async () => {
    const local = open();
    const write = async (timestamp: number, value = 1) => {
      const answer = await local.writeSeries(
        [{ labels: [NAME], samples: floats([timestamp, value]) }],
        protocol,
      );
      return answer.status === 204 ? "" : answer.message.replace(/;.*/, "");
    };
    assert.equal(await write(NOW), "");
    assert.equal(await write(NOW - 24 * HOUR_MS), "", "the window's far end");
    assert.equal(await write(NOW - 24 * HOUR_MS - 1), "refused 1 of 1 samples: 1 too old");
    assert.equal(await write(NOW + 600_000), "", "ten minutes ahead");
    assert.equal(await write(NOW + 600_001), "refused 1 of 1 samples: 1 too far in the future");
    assert.equal(await write(2 ** 62), "refused 1 of 1 samples: 1 too far in the future");
    assert.equal(await write(-1), "refused 1 of 1 samples: 1 too old");
    assert.equal(await write(-(2 ** 62)), "refused 1 of 1 samples: 1 too old");
    assert.equal(await write(NOW, 2), "refused 1 of 1 samples: 1 duplicate timestamp");
    assert.equal(await write(NOW + 600_000, 2), "refused 1 of 1 samples: 1 duplicate timestamp");
    assert.equal(await write(NOW), "", "the same again");
    assert.equal(await write(NOW + 600_000), "", "the same again, the newest");
    const bits = [...(local.contents().get("m") ?? [])].map(([t, v]) => [t - NOW, v]);
    const one = valueBits(1);
    assert.deepEqual(bits, [
      [-24 * HOUR_MS, one],
      [0, one],
      [600_000, one],
    ]);
    await local.close();
  });

  test(`${protocol}.0: a series that starts late is not out of bounds, one beyond retention is`, async () => {
    const local = open();
    const fresh: WireSeries = {
      labels: [["__name__", "late"]],
      samples: floats([NOW - 14 * 24 * HOUR_MS, 1]),
    };
    const old: WireSeries = { labels: [["__name__", "old"]], samples: floats([NOW - 16 * 24 * HOUR_MS, 1]) };
    const { status, message } = await local.writeSeries([GOOD, fresh, old], protocol);
    assert.equal(status, 400);
    assert.match(message, /^refused 1 of 3 samples: 1 too old; first: old at/);
    assert.deepEqual([...local.contents().keys()].sort(), ["good", "late"]);
    await local.close();
  });

  test(`${protocol}.0: NaN payloads and signs of zero are stored bit for bit`, async () => {
    const local = open();
    const quiet = new Float64Array(new Uint32Array([0xdeadbeef, 0xfff82345]).buffer)[0];
    const values = [-0, 0, STALE_VALUE, SIGNALLING_VALUE, quiet, Number.NaN, -Infinity, 5e-324];
    const samples = floats(...values.map((value, i) => [NOW - 1000 + i, value] as const));
    assert.equal((await local.writeSeries([{ labels: [NAME], samples }], protocol)).status, 204);
    const stored = [...(local.contents().get("m")?.values() ?? [])];
    assert.deepEqual(stored, [
      "80000000:0",
      "0:0",
      "7ff00000:2",
      "fff12345:deadbeef",
      ...values.slice(4).map(bitsOf),
    ]);
    await local.close();
  });

  test(`${protocol}.0: sample and histogram in one series, and a float marker ends a histogram series`, async () => {
    const local = open();
    const histogram = { countInt: 3, zeroCountInt: 3, sum: 1, schema: 0, timestamp: NOW - 5000 };
    const labels = [NAME];
    const both = { labels, samples: floats([NOW - 4000, STALE_VALUE]), histograms: [histogram] };
    const first = await local.writeSeries([{ labels, histograms: [histogram] }], protocol);
    assert.deepEqual([first.status, first.outcome.histograms], [204, 1]);
    const { status, outcome } = await local.writeSeries([both], protocol);
    assert.deepEqual([status, outcome.samples, outcome.histograms, outcome.duplicates], [204, 1, 1, 1]);
    const found = local.queryable().select([], 0, 2 ** 53);
    const columns = new (await import("../../../dist/storage/columns.js")).SampleColumns(8);
    found.read(0, 0, 2 ** 53, columns);
    assert.deepEqual([...columns.timestamps.slice(0, columns.count)], [NOW - 5000, NOW - 4000]);
    assert.deepEqual(
      columns.histograms?.map((h) => h?.count),
      [3, 0],
    );
    await local.close();
  });
}

test("a float marker after floats stays a float, though histograms came before them", async () => {
  const local = open();
  const labels = [NAME];
  const histograms = [{ countInt: 1, zeroCountInt: 1, sum: 1, schema: 0, timestamp: NOW - 9000 }];
  await local.writeSeries([{ labels, histograms }]);
  await local.writeSeries([{ labels, samples: floats([NOW - 8000, 5]) }]);
  const { outcome } = await local.writeSeries([{ labels, samples: floats([NOW - 7000, STALE_VALUE]) }]);
  assert.equal(outcome.samples, 1);
  assert.equal(
    local
      .contents()
      .get("m")
      ?.get(NOW - 7000),
    "7ff00000:2",
  );
  await local.close();
});

test("1.0: invalid UTF-8 costs its series alone", async () => {
  const local = open();
  const bad = "a label value";
  const plain = messages.writeRequestV1
    .encode({
      timeseries: [
        {
          labels: [
            { name: "__name__", value: "m" },
            { name: "l", value: bad },
          ],
          samples: [{ value: 1, timestamp: NOW }],
        },
        { labels: [{ name: "__name__", value: "good" }], samples: [{ value: 1, timestamp: NOW }] },
      ],
    })
    .finish();
  const at = Buffer.from(plain).indexOf(bad);
  for (const bytes of [
    [0xff],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0x80],
    [0xe2, 0x82],
  ]) {
    const body = plain.slice();
    body.set(bytes, at + bad.length - bytes.length);
    const { status, message, outcome } = await local.write(snappyCompress(body), 1);
    assert.equal(status, 400);
    assert.match(message, /1 invalid UTF-8/);
    assert.equal(outcome.samples, 1);
  }
  assert.deepEqual([...local.contents().keys()], ["good"]);
  await local.close();
});

test("2.0: references out of range or without a partner cost their series, a first symbol the request", async () => {
  const local = open();
  const samples = [{ value: 1, timestamp: NOW }];
  const good = { labelsRefs: [1, 2], samples };
  const write = (symbols: string[], series: object[]) =>
    local.write(snappyCompress(messages.requestV2.encode({ symbols, timeseries: series }).finish()), 2);
  for (const labelsRefs of [[1, 3], [1, 4_000_000_000], [1], [1, 2, 1], [9, 2]]) {
    const { status, message, outcome } = await write(["", "__name__", "m"], [{ labelsRefs, samples }, good]);
    assert.deepEqual([status, outcome.samples], [400, 1], message);
    assert.match(message, /^refused 1 of 2 samples: 1 invalid symbol reference/);
  }
  const none = await write(["__name__", "m"], [{ labelsRefs: [0, 1], samples }]);
  assert.deepEqual([none.status, none.outcome.samples], [400, 0]);
  assert.match(none.message, /first symbol/);
  await local.close();
});

test("the answer counts by reason, most frequent first, and names the first series and its time", async () => {
  const local = open();
  const labels = [NAME, ["job", "a"]] as const;
  await local.writeSeries([{ labels, samples: floats([NOW - 3, 1], [NOW - 2, 1], [NOW, 1]) }]);
  const { message, outcome } = await local.writeSeries([
    { labels, samples: floats([NOW - 3, 2], [NOW - 2, 2], [NOW + HOUR_MS, 1], [NOW - 2, 1]) },
  ]);
  assert.equal(
    message,
    'refused 3 of 4 samples: 2 duplicate timestamp, 1 too far in the future; first: m{job="a"} at 2026-11-22T13:59:59.997Z',
  );
  assert.ok(message.length <= 200);
  assert.equal(outcome.refusals.length, 3);
  await local.close();
});

const span = (offset: number, length: number) => ({ offset, length });
const VALID: WireHistogram = {
  countInt: 10,
  sum: 5,
  schema: 2,
  zeroThreshold: 0.001,
  zeroCountInt: 1,
  timestamp: NOW,
  positiveSpans: [span(-2, 2), span(1, 1)],
  positiveDeltas: [2, 1, -1],
  negativeSpans: [span(0, 1)],
  negativeDeltas: [2],
};
const FLOAT: WireHistogram = {
  countFloat: 10.5,
  sum: 5,
  schema: 2,
  zeroThreshold: 0.001,
  zeroCountFloat: 1,
  timestamp: NOW,
  positiveSpans: [span(-2, 2)],
  positiveCounts: [2.5, 3],
  negativeSpans: [span(0, 1)],
  negativeCounts: [4],
};
const CUSTOM: WireHistogram = {
  countInt: 3,
  sum: 5,
  schema: -53,
  timestamp: NOW,
  positiveSpans: [span(0, 2)],
  positiveDeltas: [1, 1],
  customValues: [0.5, 1],
};
const { countInt: _, ...uncounted } = VALID;

const HISTOGRAMS: [string, WireHistogram, boolean][] = [
  ["integer", VALID, true],
  ["float", FLOAT, true],
  ["custom bounds", CUSTOM, true],
  ["custom, a bucket above the last bound", { ...CUSTOM, positiveSpans: [span(1, 2)] }, true],
  ["schema -4", { ...VALID, schema: -4 }, true],
  ["schema 9, to be reduced", { ...VALID, schema: 9 }, true],
  ["schema 52, to be reduced", { ...VALID, schema: 52 }, true],
  ["schema 53", { ...VALID, schema: 53 }, false],
  ["schema -5", { ...VALID, schema: -5 }, false],
  ["schema -54", { ...VALID, schema: -54 }, false],
  ["fewer buckets than the spans name", { ...VALID, positiveDeltas: [2, 1] }, false],
  ["more buckets than the spans name", { ...VALID, positiveDeltas: [2, 1, -1, 0] }, false],
  ["spans whose sum overflows", { ...VALID, positiveSpans: [span(0, 4294967295), span(0, 4)] }, false],
  ["a negative later offset", { ...VALID, positiveSpans: [span(-2, 2), span(-1, 1)] }, false],
  ["a negative absolute count", { ...VALID, positiveDeltas: [2, -3, 4] }, false],
  ["buckets that do not add up", { ...VALID, countInt: 11 }, false],
  ["no count at all", { ...uncounted }, false],
  ["sum NaN and observations missing from the buckets", { ...VALID, sum: Number.NaN, countInt: 11 }, true],
  ["sum NaN and too many in the buckets", { ...VALID, sum: Number.NaN, countInt: 9 }, false],
  ["a negative float bucket", { ...FLOAT, positiveCounts: [2.5, -3] }, false],
  ["a negative float zero count", { ...FLOAT, zeroCountFloat: -1 }, false],
  ["a negative float count", { ...FLOAT, countFloat: -1 }, false],
  ["custom bounds that repeat", { ...CUSTOM, customValues: [1, 1] }, false],
  ["custom bounds that fall", { ...CUSTOM, customValues: [1, 0.5] }, false],
  ["a NaN bound", { ...CUSTOM, customValues: [0.5, Number.NaN] }, false],
  ["+Inf as the last bound", { ...CUSTOM, customValues: [0.5, Number.POSITIVE_INFINITY] }, false],
  ["custom with a span beyond the bounds", { ...CUSTOM, positiveSpans: [span(2, 2)] }, false],
  ["custom with a negative first offset", { ...CUSTOM, positiveSpans: [span(-1, 2)] }, false],
  ["custom with a zero bucket", { ...CUSTOM, countInt: 4, zeroCountInt: 1 }, false],
  [
    "custom with a negative side",
    { ...CUSTOM, countInt: 4, negativeSpans: [span(0, 1)], negativeDeltas: [1] },
    false,
  ],
  ["stale", { ...VALID, sum: STALE_VALUE, countInt: 10 }, true],
  ["too far ahead", { ...VALID, timestamp: NOW + HOUR_MS }, false],
  ["too old", { ...VALID, timestamp: NOW - 16 * 24 * HOUR_MS }, false],
];

for (const protocol of [1, 2] as const) {
  test(`${protocol}.0: native histograms by the rules`, async () => {
    for (const [what, histogram, accepted] of HISTOGRAMS) {
      const local = open();
      const one: WireSeries = { labels: [NAME], histograms: [histogram] };
      const { status, message, outcome } = await local.writeSeries([one, GOOD], protocol);
      assert.equal(status, accepted ? 204 : 400, `${what}: ${message}`);
      assert.deepEqual([outcome.histograms, outcome.samples], [accepted ? 1 : 0, 1], what);
      assert.equal(local.contents().get("m")?.size ?? 0, accepted ? 1 : 0, what);
      const again = await local.writeSeries([one], protocol);
      assert.equal(again.status, accepted ? 204 : 400, `${what}, once more`);
      if (accepted) {
        const other = await local.writeSeries(
          [{ labels: [NAME], histograms: [{ ...CUSTOM, customValues: [7, 8] }] }],
          protocol,
        );
        assert.match(other.message, /1 duplicate timestamp/, what);
      }
      await local.close();
    }
  });
}
