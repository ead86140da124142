/** Recorded traffic of real senders, replayed: what it says by an independent decoder must be there afterwards. */
import * as assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { readCapture } from "../support/capture.js";
import { assertHolds } from "../support/expected.js";
import { collectWritten, type WrittenSeries } from "../support/naive-remote-write.js";
import type { SeriesKey } from "../support/prometheus-api.js";
import { startServer } from "../support/server.js";

async function replay(t: TestContext, name: string, protocol: 1 | 2): Promise<void> {
  const server = await startServer(t);
  const written = new Map<SeriesKey, WrittenSeries>();
  const send = async (): Promise<void> => {
    for (const { headers, body } of readCapture(name)) {
      const response = await fetch(`${server.url}/api/v1/write`, {
        method: "POST",
        headers,
        body: new Uint8Array(body),
      });
      assert.equal(response.status, 204, await response.text());
      assertWrittenHeaders(response.headers, body, protocol);
    }
  };
  await send();
  for (const { body } of readCapture(name)) collectWritten(written, body, protocol);
  await assertHolds(server.url, '{__name__=~".+"}', written);
  // A sender that got no answer sends again.
  await send();
  await assertHolds(server.url, '{__name__=~".+"}', written);
  await server.restart();
  await assertHolds(server.url, '{__name__=~".+"}', written);
}

/** 2.0 says how much was written; a 1.0 sender would take the headers for a partial error. */
function assertWrittenHeaders(headers: Headers, body: Uint8Array, protocol: 1 | 2): void {
  const said = ["samples", "histograms", "exemplars"].map((kind) =>
    headers.get(`x-prometheus-remote-write-${kind}-written`),
  );
  if (protocol === 1) {
    assert.deepEqual(said, [null, null, null]);
    return;
  }
  const written = new Map<SeriesKey, WrittenSeries>();
  collectWritten(written, body, protocol);
  const all = [...written.values()];
  const counts = [
    all.reduce((sum, { samples }) => sum + samples.length, 0),
    all.reduce((sum, { histograms }) => sum + histograms.length, 0),
    all.reduce((sum, { exemplars }) => sum + exemplars, 0),
  ];
  assert.deepEqual(said.map(Number), counts);
}

test("k6 with trend statistics", (t) => replay(t, "k6-trend-stats", 1));
test("k6 with native histograms", (t) => replay(t, "k6-native-histogram", 1));
test("Prometheus 3.5 over Remote Write 1.0", (t) => replay(t, "prometheus-3.5-rw1", 1));
test("Prometheus 3.5 over Remote Write 2.0", (t) => replay(t, "prometheus-3.5-rw2", 2));
