import assert from "node:assert/strict";
import { test } from "node:test";
import { treeBytes } from "../../../dist/block/block-folder.js";
import { SampleColumns } from "../../../dist/storage/columns.js";
import { DATA_DIR, LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/random.js";
import type { WireSeries } from "../../support/remote-write.js";

const LIMIT_BYTES = 2 << 20;
const SERIES = 50;
const SAMPLES_PER_REQUEST = 400;
const START_MS = 1_700_000_000_000;

/** Values that no encoding makes small. */
function valuesOf(series: number, request: number): number[] {
  const random = seededRandom(series * 100_003 + request);
  return Array.from({ length: SAMPLES_PER_REQUEST }, () => random() * 1e300 - 5e299);
}

const timeOf = (request: number, index: number): number =>
  START_MS + 10 * (request * SAMPLES_PER_REQUEST + index);

test("a log of ten times the head's memory limit is replayed inside the limit, sample for sample", async () => {
  const fs = new MemFileSystem();
  const options = { headMemoryLimitBytes: LIMIT_BYTES, segmentBytesMax: 4 << 20, blockRangeMs: 36_000_000 };
  const clock = new FakeClock(START_MS + 3_600_000);
  const local = new LocalDatabase(fs, clock, options);
  const emptyTop = local.database.heapTopBytes();
  let requests = 0;
  while (treeBytes(fs, `${DATA_DIR}/varve-wal`) < 10 * LIMIT_BYTES) {
    const batch = Array.from({ length: SERIES }, (_, s): WireSeries => {
      const values = valuesOf(s, requests);
      return {
        labels: [["__name__", `s${s}`]],
        samples: values.map((value, i) => ({ timestamp: timeOf(requests, i), value })),
      };
    });
    const { status, message } = await local.writeSeries(batch);
    assert.equal(status, 204, message);
    requests++;
  }
  await local.close();
  const again = new LocalDatabase(fs, clock, options);

  assert.equal(again.replayed.samples, requests * SERIES * SAMPLES_PER_REQUEST);
  const live = again.database.kernel.liveBytes();
  assert(live <= LIMIT_BYTES, `${live} bytes in use`);
  const reached = again.database.heapTopBytes() - emptyTop;
  assert(reached <= LIMIT_BYTES, `${reached} bytes in use at the worst`);
  const columns = new SampleColumns();
  const queryable = again.queryable();
  for (let s = 0; s < SERIES; s++) {
    const set = queryable.select([{ name: "__name__", op: "=", value: `s${s}` }], 0, 2e12);
    assert.equal(set.count, 1);
    set.read(0, 0, 2e12, columns);
    assert.equal(columns.count, requests * SAMPLES_PER_REQUEST);
    for (let request = 0, at = 0; request < requests; request++) {
      for (const value of valuesOf(s, request)) {
        if (
          columns.values[at] !== value ||
          columns.timestamps[at] !== timeOf(request, at % SAMPLES_PER_REQUEST)
        )
          assert.fail(`sample ${at} of series ${s}`);
        at++;
      }
    }
  }
  await again.close();
});
