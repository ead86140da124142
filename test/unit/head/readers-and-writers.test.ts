import * as assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { SampleColumns } from "../../../dist/storage/columns.js";
import type { SeriesSet } from "../../../dist/storage/queryable.js";
import { LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import {
  WRITER_SERIES,
  WRITER_START_MS,
  type WriterData,
  writerTimestamp,
  writerValue,
} from "../../support/writer-thread.js";

const DURATION_MS = Number(process.env["DURATION_MS"] ?? 1000);
const WRITERS = 2;

/** Each writer's samples must be its first ones without a gap, each with its value. Returns how many there are. */
function checkPrefixes(
  set: SeriesSet,
  index: number,
  columns: SampleColumns,
  before: readonly number[],
): number[] {
  set.read(index, 0, 2 ** 53, columns);
  const series = Number(set.labels(index).get("__name__").slice("written_".length));
  const next = Array.from({ length: WRITERS }, () => 0);
  let last = 0;
  for (let i = 0; i < columns.count; i++) {
    const timestamp = columns.timestamps[i];
    assert.ok(timestamp > last, `${timestamp} behind ${last}`);
    last = timestamp;
    const writer = (timestamp - WRITER_START_MS) % WRITERS;
    assert.equal(timestamp, writerTimestamp(writer, next[writer]++), "no sample is missing before another");
    assert.equal(columns.values[i], writerValue(series, timestamp));
  }
  for (let w = 0; w < WRITERS; w++) assert.ok(next[w] >= before[w], "what was read once stays");
  return next;
}

test("a reader sees each writer's first samples without a gap while two write the same series", async () => {
  const local = new LocalDatabase(new MemFileSystem(), new FakeClock(), {
    ingestThreads: WRITERS,
    headMemoryLimitBytes: 1 << 30,
    chunkSamplesMax: 60,
  });
  const { shared } = local.database;
  const stop = new SharedArrayBuffer(4);
  const url = new URL("../../support/writer-thread.js", import.meta.url);
  const workers = Array.from({ length: WRITERS }, (_, index) => {
    const workerData: WriterData = { shared, index, stop };
    return new Worker(url, { workerData });
  });
  const written = workers.map(async (worker) => {
    const [count] = (await once(worker, "message")) as [number];
    return count;
  });
  const queryable = local.queryable();
  const columns = new SampleColumns();
  const seen = new Map<string, number[]>();
  const none = [0, 0];
  let reads = 0;
  let endMs = Number.POSITIVE_INFINITY;
  while (performance.now() < endMs) {
    const started = [...seen.values()].some((prefixes) => prefixes.every((count) => count > 0));
    if (started) endMs = Math.min(endMs, performance.now() + DURATION_MS);
    else await new Promise((resolve) => setTimeout(resolve, 10));
    const set = queryable.select([{ name: "__name__", op: "=~", value: "written_.*" }], 0, 2 ** 53);
    for (let i = 0; i < set.count; i++, reads++) {
      const key = set.labels(i).toString();
      seen.set(key, checkPrefixes(set, i, columns, seen.get(key) ?? none));
    }
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  const counts = await Promise.all(written);
  const set = queryable.select([], 0, 2 ** 53);
  assert.equal(set.count, WRITER_SERIES);
  for (let i = 0; i < set.count; i++) assert.deepEqual(checkPrefixes(set, i, columns, none), counts);
  assert.ok(reads > 0 && counts.every((count) => count > 0), `${reads} reads of ${counts} samples`);
  await local.close();
});
