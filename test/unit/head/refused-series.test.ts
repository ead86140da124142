import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { printRawSeries, printSeries } from "../../../dist/head/refused-series.js";
import { Labels } from "../../../dist/model/labels.js";
import { encodeRequestV1, messages } from "../../support/remote-write.js";

/** The labels' part of a 1.0 series message. */
function rawLabels(labels: readonly (readonly [string, string])[]): Uint8Array {
  const request = messages.writeRequestV1.decode(encodeRequestV1([{ labels }])) as unknown as {
    timeseries: object[];
  };
  return messages.writeRequestV1.lookupType("TimeSeries").encode(request.timeseries[0]).finish();
}

test("raw labels are printed as sent, without a name and in their order", () => {
  const raw = rawLabels([
    ["job", "a"],
    ["", "x"],
    ["a", 'q"'],
  ]);
  assert.equal(printRawSeries(raw, 0, raw.length), '{job="a", ""="x", a="q\\""}');
  assert.equal(printRawSeries(raw, 0, 0), "");
});

test("neither long texts nor many labels nor lying lengths make a long text", () => {
  const long = rawLabels([
    ["__name__", "m"],
    ["a", "x".repeat(200_000)],
    ...Array.from({ length: 500 }, (_, i): [string, string] => [`l${i}`, "v"]),
  ]);
  assert.ok(printRawSeries(long, 0, long.length).length <= 241);
  assert.ok(printSeries(Labels.fromObject({ a: "x".repeat(5000) })).length <= 241);
  const lying = Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0x0f, 0x0a, 0xff, 0xff, 0xff, 0x7f);
  const memory = new Uint8Array(1 << 20).fill(0x41);
  memory.set(lying, 100);
  assert.equal(printRawSeries(memory, 100, lying.length), "");
});

test("any bytes are printed within the bound", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.ok(printRawSeries(bytes, 0, bytes.length).length <= 241);
    }),
    { numRuns: 1000 },
  ));
