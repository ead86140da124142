import * as assert from "node:assert/strict";
import { test } from "node:test";
import { LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FaultFileSystem } from "../../support/fault-file-system.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { encodeRequestV1, snappyCompress } from "../../support/remote-write.js";

const LABELS = [["__name__", "m"]] as const;

/** Twelve samples a second apart in chunks of four, the first two of which lie only in the log. */
async function evictedChunks(): Promise<{ local: LocalDatabase; baseMs: number }> {
  const clock = new FakeClock();
  const baseMs = clock.nowMs() - 600_000;
  const local = new LocalDatabase(new MemFileSystem(), clock, {
    chunkSamplesMax: 4,
    headMemoryLimitBytes: 1_100_000,
  });
  for (let i = 0; i < 12; i++) {
    const samples = [{ timestamp: baseMs + 2000 * i, value: i }];
    await local.writeSeries([{ labels: LABELS, samples }]);
  }
  local.database.kernel.exports.evict(0);
  return { local, baseMs };
}

test("a late sample is held against chunks that lie only in the log", async () => {
  const { local, baseMs } = await evictedChunks();
  const write = async (timestamp: number, value: number) =>
    (await local.writeSeries([{ labels: LABELS, samples: [{ timestamp, value }] }])).outcome;
  const same = await write(baseMs + 4000, 2);
  assert.deepEqual([same.status, same.samples, same.duplicates], [204, 1, 1]);
  const other = await write(baseMs + 4000, 77);
  assert.deepEqual([other.status, other.samples], [400, 0]);
  assert.match(other.message, /1 duplicate timestamp/);
  const between = await write(baseMs + 4500, 77);
  assert.deepEqual([between.status, between.samples, between.outOfOrder], [204, 1, 1]);
  assert.equal((await write(baseMs + 4500, 78)).status, 400);
  assert.equal(local.contents().get("m")?.size, 13);
  await local.close();
});

test("a late sample that only the log could tell from another is in the log itself once acknowledged", async () => {
  const { local, baseMs } = await evictedChunks();
  const samples = [4000, 4500, 5000, 6000].map((ms) => ({ timestamp: baseMs + ms, value: ms / 2000 }));
  const answer = await local.writeSeries([{ labels: LABELS, samples }]);
  assert.deepEqual([answer.status, answer.outcome.samples, answer.outcome.duplicates], [204, 4, 2]);
  assert.ok(answer.outcome.recordBytes > 0);
  await local.close();
});

test("metadata of a request that was refused for the disk's sake is stored when it comes again", async () => {
  const disk = new MemFileSystem();
  const fs = new FaultFileSystem(disk);
  const clock = new FakeClock();
  const local = new LocalDatabase(fs, clock);
  const metadata = [{ metricName: "m", type: 1, help: "what it is" }];
  const body = snappyCompress(encodeRequestV1([], metadata));
  fs.rule = { operations: ["writevAsync"], failAt: 1, code: "EIO" };
  assert.equal((await local.write(body, 1)).status, 503);
  clock.advance(1000);
  assert.equal((await local.write(body, 1)).status, 204);
  assert.equal(local.database.metadata.get("m")[0]?.help, "what it is");
  await local.close();
  const again = new LocalDatabase(disk, clock);
  assert.equal(again.database.metadata.get("m")[0]?.help, "what it is");
  await again.close();
});
