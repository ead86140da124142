import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Labels } from "../../../dist/model/labels.js";
import {
  decodeExemplarV1,
  decodeExemplarV2,
  decodeMetadataV1,
  decodeMetadataV2,
  METADATA_TEXT_BYTES_MAX,
} from "../../../dist/wire/remote-write-cold.js";
import { labelPairs, sampleValue, timestampMs } from "../../support/arbitraries.js";
import { messages } from "../../support/remote-write.js";

type Pairs = readonly (readonly [string, string])[];

function exemplarV1(labels: Pairs, value = 1.5, timestamp = 7): Uint8Array {
  return messages.exemplarV1
    .encode({ labels: labels.map(([name, text]) => ({ name, value: text })), value, timestamp })
    .finish();
}

const all = <T>(decode: (bytes: Uint8Array, start: number, end: number) => T, bytes: Uint8Array): T =>
  decode(bytes, 0, bytes.length);

const plain = (decoded: ReturnType<typeof decodeExemplarV1>) =>
  typeof decoded === "string" ? decoded : { ...decoded, labels: decoded.labels.pairs };

test("exemplars of both versions come back", () =>
  fc.assert(
    fc.property(labelPairs, sampleValue, timestampMs, (pairs, value, timestamp) => {
      const characters = pairs.reduce((sum, [name, text]) => sum + [...name].length + [...text].length, 0);
      fc.pre(characters <= 128);
      const wanted = { labels: Labels.from(pairs).pairs, value, timestampMs: timestamp };
      assert.deepEqual(plain(all(decodeExemplarV1, exemplarV1(pairs, value, timestamp))), wanted);
      const symbols = ["", ...pairs.flat()];
      const labelsRefs = pairs.flatMap((_, i) => [1 + 2 * i, 2 + 2 * i]);
      const v2 = messages.exemplarV2.encode({ labelsRefs, value, timestamp }).finish();
      assert.deepEqual(plain(decodeExemplarV2(v2, 0, v2.length, (ref) => symbols[ref] ?? null)), wanted);
    }),
  ));

test("exemplars that break a rule are refused with the reason", () => {
  const twice: Pairs = [
    ["a", "x"],
    ["a", "y"],
  ];
  assert.match(all(decodeExemplarV1, exemplarV1([["", "x"]])) as string, /empty label name/);
  assert.match(all(decodeExemplarV1, exemplarV1(twice)) as string, /"a" twice/);
  for (const long of [
    [["a", "x".repeat(128)]],
    [["a", "x".repeat(100_000)]],
    new Array(200).fill(["a", ""]),
  ]) {
    assert.match(all(decodeExemplarV1, exemplarV1(long as Pairs)) as string, /more than 128 characters/);
  }
  const broken = exemplarV1([["a", "xyz"]]).slice();
  broken[broken.indexOf(0x79)] = 0xff;
  assert.match(all(decodeExemplarV1, broken) as string, /not UTF-8/);
  assert.match(decodeExemplarV1(broken, 0, 5) as string, /not well-formed/);
  const refs = (labelsRefs: number[]): string => {
    const bytes = messages.exemplarV2.encode({ labelsRefs }).finish();
    return decodeExemplarV2(bytes, 0, bytes.length, (ref) => ["", "a", "b"][ref] ?? null) as string;
  };
  assert.match(refs([1]), /odd number/);
  assert.match(refs([1, 3]), /symbol that is not there/);
  assert.match(refs([0, 1]), /empty label name/);
  assert.match(refs(new Array(100_000).fill(1)), /more than 128/);
});

test("metadata of both versions comes back", () => {
  const expected = {
    metricName: "http_requests_total",
    type: "counter",
    help: "All requests. ü",
    unit: "requests",
  };
  const v1 = messages.metadataV1
    .encode({ type: 1, metricFamilyName: expected.metricName, help: expected.help, unit: expected.unit })
    .finish();
  assert.deepEqual(all(decodeMetadataV1, v1), expected);
  const symbols = ["", expected.help, expected.unit];
  const v2 = messages.metadataV2.encode({ type: 1, helpRef: 1, unitRef: 2 }).finish();
  const decode = (bytes: Uint8Array): unknown =>
    decodeMetadataV2(bytes, 0, bytes.length, expected.metricName, (ref) => symbols[ref] ?? null);
  assert.deepEqual(decode(v2), expected);
  assert.deepEqual(decode(new Uint8Array(0)), { ...expected, type: "unknown", help: "", unit: "" });
  const dangling = messages.metadataV2.encode({ helpRef: 9 }).finish();
  assert.match(decode(dangling) as string, /symbol that is not there/);
});

test("metadata with an unknown type is kept; without a name or with endless texts it is refused", () => {
  const v1 = (fields: object): unknown => all(decodeMetadataV1, messages.metadataV1.encode(fields).finish());
  const kept = { metricName: "m", type: "unknown", help: "", unit: "" };
  assert.deepEqual(v1({ type: 99, metricFamilyName: "m" }), kept);
  assert.match(v1({ type: 1 }) as string, /names no metric/);
  const endless = "x".repeat(METADATA_TEXT_BYTES_MAX + 1);
  assert.match(v1({ metricFamilyName: "m", help: endless }) as string, /more than 16384/);
});

test("any bytes give a value or a reason", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      for (const decoded of [
        all(decodeExemplarV1, bytes),
        decodeExemplarV2(bytes, 0, bytes.length, () => "x"),
        all(decodeMetadataV1, bytes),
        decodeMetadataV2(bytes, 0, bytes.length, "m", () => null),
      ]) {
        assert.ok(typeof decoded === "object" || decoded.length > 10);
      }
    }),
    { numRuns: 2000 },
  ));
