import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { loadRecording } from "../../../dist-bench/recording.js";
import {
  churnLabels,
  generateRequests,
  generationOf,
  hostLabels,
  recentBaseMs,
  sampleCountOf,
  sampleTimeMs,
  sampleValueOffset,
  seriesCountOf,
  seriesPerHost,
  spanMs,
  WORKLOAD_NAMES,
  workloadOf,
} from "../../../dist-bench/workloads.js";
import { collectWritten, type WrittenSeries } from "../../support/naive-remote-write.js";
import { type SeriesKey, seriesKey } from "../../support/prometheus-api.js";

const BASE_MS = 1_795_000_000_000;

/** What each small workload is, byte for byte: figures of different days compare the same bytes. */
const SHA256: Readonly<Record<string, string>> = {
  W1: "76c7b187a4a14471",
  W2: "e136fa655e245216",
  W1s: "5d737f5c243d9019",
  W2v2: "71d09b9e586ce477",
  W3: "734d460c18aeffb5",
  W5: "23171ecdb790fb02",
};

for (const name of WORKLOAD_NAMES) {
  test(`${name} is the same bytes every time, and as many samples as it says`, () => {
    const workload = workloadOf(name, "small");
    const hash = createHash("sha256");
    const requests = Array.from({ length: workload.connections }, () => 0);
    let samples = 0;
    generateRequests(workload, BASE_MS, (request) => {
      hash.update(request.body);
      samples += request.samples;
      requests[request.connection]++;
      assert.ok(request.samples <= workload.seriesPerRequestMax);
    });
    assert.equal(samples, sampleCountOf(workload));
    assert.ok(requests.every((count) => count >= workload.rounds));
    assert.equal(hash.digest("hex").slice(0, 16), SHA256[name]);
  });
}

for (const name of ["W1", "W1s", "W2v2"]) {
  test(`${name} says what the recording says, read by another decoder`, () => {
    const workload = { ...workloadOf(name, "small"), rounds: 3 };
    const recording = loadRecording();
    const values = new DataView(recording.values.buffer, recording.values.byteOffset);
    const written = new Map<SeriesKey, WrittenSeries>();
    generateRequests(workload, BASE_MS, ({ body }) => collectWritten(written, body, workload.protocol));
    assert.equal(written.size, seriesCountOf(workload));
    for (let host = 0; host < workload.hosts; host++) {
      for (let series = 0; series < recording.series.length; series++) {
        const { labels } = hostLabels(recording, series, host);
        const found = written.get(seriesKey(Object.fromEntries(labels)))!;
        assert.equal(found.samples.length, workload.rounds);
        found.samples.forEach(({ timeMs, value }, round) => {
          assert.equal(timeMs, sampleTimeMs(workload, BASE_MS, host, round));
          assert.equal(value, values.getFloat64(sampleValueOffset(recording, series, host, round), true));
        });
      }
    }
  });
}

test("the full workloads have the sizes that the figures name", () => {
  const sizes = WORKLOAD_NAMES.map((name) => {
    const workload = workloadOf(name, "full");
    return [name, seriesCountOf(workload), sampleCountOf(workload), workload.connections];
  });
  assert.deepEqual(sizes, [
    ["W1", 101_400, 6_084_000, 8],
    ["W2", 6084, 11_681_280, 4],
    ["W1s", 101_400, 6_084_000, 8],
    ["W2v2", 6084, 11_681_280, 4],
    ["W3", 22_380, 2_400_000, 10],
    ["W5", 1_014_000, 10_140_000, 8],
  ]);
});

test("a churn workload has as many label sets as it says", () => {
  const workload = { ...workloadOf("W3", "small"), rounds: 150 };
  const slots = workload.hosts * seriesPerHost(workload);
  const seen = new Set<string>();
  for (let round = 0; round < workload.rounds; round++) {
    for (let slot = 0; slot < slots; slot++) {
      seen.add(JSON.stringify(churnLabels(slot, generationOf(workload, slot, round)).labels));
    }
  }
  assert.equal(seen.size, seriesCountOf(workload));
});

test("the newest sample of a workload is at most an hour old and never ahead", () => {
  for (const name of WORKLOAD_NAMES) {
    const workload = workloadOf(name, "full");
    const nowMs = BASE_MS + 1_234_567;
    const endMs = recentBaseMs(workload, nowMs) + spanMs(workload);
    assert.ok(endMs <= nowMs);
    assert.ok(nowMs - endMs < 3_600_000);
  }
});
