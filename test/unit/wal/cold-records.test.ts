import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { CorruptionError } from "../../../dist/base/errors.js";
import { Labels } from "../../../dist/model/labels.js";
import { isStaleNaN } from "../../../dist/model/stale.js";
import {
  decodeExemplars,
  decodeHistograms,
  decodeMetadata,
  decodeTombstones,
  encodeExemplars,
  encodeHistograms,
  encodeMetadata,
  encodeTombstones,
} from "../../../dist/wal/cold-records.js";
import { decodeHistogram, staleHistogram } from "../../../dist/wire/remote-write-histogram.js";
import { labelPairs, sampleValue, timestampMs, validHistogram } from "../../support/arbitraries.js";
import { messages } from "../../support/remote-write.js";

/** As replay hands it over: a view of shared memory, not at its start. */
function inSharedMemory(payload: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(payload.length + 24)).subarray(8, 8 + payload.length);
  shared.set(payload);
  return shared;
}

const bits = (value: number): bigint => new BigUint64Array(Float64Array.of(value).buffer)[0];
const ref = fc.nat(0xffffffff);

test("histograms come back, deltas resolved, schema, spans and all", () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(ref, validHistogram), { maxLength: 5 }), (list) => {
      const entries = list.map(([series, { wire }]) => {
        const bytes = messages.histogramV1.encode(wire).finish();
        const decoded = decodeHistogram(bytes, 0, bytes.length);
        if (typeof decoded === "string") assert.fail(decoded);
        return { ref: series, ...decoded };
      });
      const back = decodeHistograms(inSharedMemory(encodeHistograms(entries)));
      const plain = (all: typeof entries) =>
        all.map(({ histogram: h, ...rest }) => ({
          ...rest,
          ...h,
          sum: bits(h.sum),
          positiveBuckets: Array.from(h.positiveBuckets),
          negativeBuckets: Array.from(h.negativeBuckets),
          customValues: Array.from(h.customValues),
        }));
      assert.deepEqual(plain(back), plain(entries));
    }),
  ));

test("a stale marker and custom bounds survive", () => {
  const custom = {
    ...staleHistogram(false),
    schema: -53,
    sum: -0,
    customValues: [0.1, 0.2],
    positiveSpans: [{ offset: 1, length: 1 }],
    positiveBuckets: [3],
    count: 3,
  };
  const [stale, kept] = decodeHistograms(
    encodeHistograms([
      { ref: 1, timestampMs: 5, histogram: staleHistogram(true) },
      { ref: 2, timestampMs: -5, histogram: custom },
    ]),
  );
  assert.ok(isStaleNaN(stale.histogram.sum) && stale.histogram.float);
  assert.ok(Object.is(kept.histogram.sum, -0));
  assert.deepEqual([...Array.from(kept.histogram.customValues)], [0.1, 0.2]);
});

test("exemplars, metadata and tombstones come back", () =>
  fc.assert(
    fc.property(
      fc.array(fc.tuple(ref, labelPairs, sampleValue, timestampMs)),
      fc.array(
        fc.tuple(fc.string({ minLength: 1 }), fc.constantFrom("unknown", "counter", "stateset"), fc.string()),
      ),
      (exemplars, metadata) => {
        const entries = exemplars.map(([series, pairs, value, at]) => ({
          ref: series,
          labels: Labels.from(pairs),
          value,
          timestampMs: at,
        }));
        const plain = (all: typeof entries) =>
          all.map((e) => ({ ...e, labels: e.labels.pairs, value: bits(e.value) }));
        assert.deepEqual(plain(decodeExemplars(inSharedMemory(encodeExemplars(entries)))), plain(entries));
        const texts = metadata.map(
          ([metricName, type, help]) => ({ metricName, type, help, unit: "s" }) as const,
        );
        assert.deepEqual(decodeMetadata(inSharedMemory(encodeMetadata(texts))), texts);
        const tombstones = entries.map((e) => ({
          ref: e.ref,
          mint: e.timestampMs,
          maxt: Number.MAX_SAFE_INTEGER,
        }));
        assert.deepEqual(decodeTombstones(inSharedMemory(encodeTombstones(tombstones))), tombstones);
      },
    ),
  ));

const decoders = [decodeHistograms, decodeExemplars, decodeMetadata, decodeTombstones];

test("a payload that none of the encoders made is corruption, never a crash or a guess", () => {
  const foreign = [
    new Uint8Array(0),
    Uint8Array.of(0xc1),
    Uint8Array.of(0x91, 2),
    encodeMetadata([{ metricName: "m", type: "gauge", help: "", unit: "" }]).subarray(0, 4),
    encodeHistograms([{ ref: 1, timestampMs: 2, histogram: staleHistogram(false) }]).subarray(0, 9),
  ];
  for (const decode of decoders) {
    for (const payload of foreign) assert.throws(() => decode(payload), CorruptionError);
  }
  assert.throws(() => decodeHistograms(encodeTombstones([{ ref: 1, mint: 2, maxt: 3 }])), CorruptionError);
});

test("any payload is decoded or corruption", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (payload) => {
      for (const decode of decoders) {
        try {
          decode(payload);
        } catch (error) {
          assert.ok(error instanceof CorruptionError, String(error));
        }
      }
    }),
  ));
