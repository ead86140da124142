import * as assert from "node:assert/strict";
import { test } from "node:test";
import { LocalDatabase } from "../../support/database.js";
import { FakeClock } from "../../support/fake-clock.js";
import { FaultFileSystem } from "../../support/fault-file-system.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { randomBelow, seededRandom } from "../../support/random.js";
import { encodeRequestV1, snappyCompress } from "../../support/remote-write.js";
import { bitsOf } from "../../support/signalling-nan.js";

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

test("thousands of samples in random order are all stored, of equal times the first", async () => {
  const clock = new FakeClock();
  const baseMs = clock.nowMs() - 36_000_000;
  const random = seededRandom(5);
  const samples = Array.from({ length: 20_000 }, (_, i) => ({
    timestamp: baseMs + 1000 * randomBelow(random, 18_000),
    value: i,
  }));
  const expected = new Map<number, number>();
  for (const { timestamp, value } of samples) if (!expected.has(timestamp)) expected.set(timestamp, value);
  const before = { timestamp: baseMs + 18_000_000, value: 0.5 };
  for (const newest of [[], [before]]) {
    const fs = new MemFileSystem();
    const local = new LocalDatabase(fs, clock);
    await local.writeSeries([{ labels: LABELS, samples: newest }]);
    const others = { labels: [["__name__", "other"]] as const, samples: samples.slice(0, 3) };
    const { outcome } = await local.writeSeries([others, { labels: LABELS, samples }, others]);
    assert.equal(outcome.samples, expected.size + 6);
    const wanted = new Map([
      ...expected,
      ...newest.map(({ timestamp, value }) => [timestamp, value] as const),
    ]);
    const stored = (database: LocalDatabase): unknown => [...(database.contents().get("m") ?? [])];
    const bits = [...wanted].sort(([a], [b]) => a - b).map(([t, value]) => [t, bitsOf(value)]);
    assert.deepEqual(stored(local), bits);
    await local.close();
    const again = new LocalDatabase(fs, clock);
    assert.deepEqual(stored(again), bits);
    await again.close();
  }
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
