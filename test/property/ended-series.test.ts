/** Series that end leave the head, and their refs come to others: through all of it every sample is found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  LocalDatabase,
  requestBody,
  type Started,
  type StoredSeries,
  valueBits,
} from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import { randomBelow, seededRandom } from "../support/random.js";
import type { WireSeries } from "../support/remote-write.js";

const RANGE_MS = 60_000;
const START_MS = 1_790_000_040_000;
const OPTIONS = { segmentBytesMax: 4 << 10, chunkSamplesMax: 8, blockRangeMs: RANGE_MS, seriesMax: 4096 };

/** Rounds of one block range each; in every round other pods run, some of them come back, and a few never end. */
class Churn {
  readonly expected = new Map<string, StoredSeries>();
  readonly disk = new MemFileSystem();
  readonly clock = new FakeClock(START_MS);
  dropped = 0;
  private readonly random: () => number;
  private db: LocalDatabase;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.db = new LocalDatabase(this.disk, this.clock, OPTIONS);
  }

  async round(number: number): Promise<void> {
    const pods = Array.from({ length: 20 }, (_, i) => `pod-${number}-${i}`);
    for (let i = 0; i < 5; i++) pods.push(`pod-${randomBelow(this.random, number + 1)}-${i}`);
    for (let step = 0; step < 6; step++) {
      const timestamp = START_MS + number * RANGE_MS + step * 10_000;
      const series = ["always", ...new Set(pods)].map((pod) => this.series(pod, timestamp));
      const { status, message } = await this.db.writeSeries(series, step % 2 === 0 ? 1 : 2);
      assert.equal(status, 204, message);
    }
  }

  private series(pod: string, timestamp: number): WireSeries {
    const value = randomBelow(this.random, 1000);
    const key = `m{label="${"x".repeat(pod.length)}", pod="${pod}"}`;
    const stored = this.expected.get(key) ?? new Map<number, string>();
    this.expected.set(key, stored.set(timestamp, valueBits(value)));
    const labels: [string, string][] = [
      ["__name__", "m"],
      ["label", "x".repeat(pod.length)],
      ["pod", pod],
    ];
    return { labels, samples: [{ value, timestamp }] };
  }

  /**
   * All that is older than the round `number` goes to blocks, and series that ended before leave. While the index
   * without them is ready and not yet in use, two of them come back and three new ones come, also in a spelling
   * of their own.
   */
  async compact(number: number): Promise<void> {
    const timestamp = START_MS + (number + 1) * RANGE_MS + 55_000;
    const pods = [`pod-${Math.max(0, number - 2)}-1`, `pod-${number - 1}-2`];
    pods.push(`new-${number}-0`, `new-${number}-1`, `new-${number}-2`);
    const series = pods.map((pod, i) => {
      const { labels, samples } = this.series(pod, timestamp);
      return { labels: i % 2 === 0 ? [...labels].reverse() : labels, samples } as WireSeries;
    });
    let started: Started | null = null;
    this.db.whilePrepared = () => {
      started = this.db.start(requestBody(series, 1), 1);
    };
    this.dropped += this.db.maintain(START_MS + number * RANGE_MS);
    assert.ok(started !== null);
    assert.equal((await (started as Started).commit()).status, 204);
  }

  check(when: string): void {
    assert.deepEqual(this.db.contents(), this.expected, when);
  }

  get live(): number {
    const { kernel } = this.db.database;
    return kernel.seriesCount() - kernel.deadSeries();
  }

  get refs(): number {
    return this.db.database.kernel.seriesCount();
  }

  get liveBytes(): number {
    return this.db.database.kernel.liveBytes();
  }

  async restart(): Promise<void> {
    await this.db.close();
    this.db = new LocalDatabase(this.disk, this.clock, OPTIONS);
    assert.equal(this.db.replayed.unusable, 0);
  }

  close(): Promise<void> {
    return this.db.close();
  }
}

test("series that ended leave the head and nothing of their samples is lost", async () => {
  const churn = new Churn(1);
  for (let number = 0; number < 60; number++) {
    churn.clock.advance(RANGE_MS);
    await churn.round(number);
    if (number % 3 === 2) await churn.compact(number - 1);
    churn.check(`round ${number}`);
  }
  assert.ok(churn.dropped > 1000, `${churn.dropped} series dropped`);
  assert.ok(churn.live < 250, `${churn.live} series stay`);
  assert.ok(churn.refs < 700, `${churn.refs} refs for ${churn.expected.size} series`);
  await churn.close();
});

test("refs that were used again mean the right series after every restart", async () => {
  for (const seed of [2, 3, 4]) {
    const churn = new Churn(seed);
    const random = seededRandom(seed);
    for (let number = 0; number < 40; number++) {
      churn.clock.advance(RANGE_MS);
      await churn.round(number);
      if (randomBelow(random, 3) === 0 && number > 1) await churn.compact(number - 1);
      if (randomBelow(random, 4) === 0) {
        await churn.restart();
        churn.check(`restart after round ${number}, seed ${seed}`);
      }
    }
    await churn.restart();
    churn.check(`at the end, seed ${seed}`);
    assert.ok(churn.dropped > 200, `${churn.dropped} series dropped`);
    await churn.close();
  }
});

test("a ref waits until no segment of the log can name its old series", async () => {
  const db = new LocalDatabase(new MemFileSystem(), new FakeClock(START_MS + 5 * RANGE_MS), OPTIONS);
  const write = async (name: string, timestamp: number): Promise<void> => {
    const { status } = await db.writeSeries([
      { labels: [["__name__", name]], samples: [{ value: 1, timestamp }] },
    ]);
    assert.equal(status, 204);
  };
  await write("old", START_MS);
  assert.equal(db.maintain(START_MS + RANGE_MS), 1);
  const { database } = db;
  const { segment } = database.log;
  assert.deepEqual([database.kernel.seriesCount(), database.waitingRefs], [1, 1]);
  database.forgetSegments(segment - 1);
  assert.equal(database.waitingRefs, 1);
  await write("early", START_MS + 2 * RANGE_MS);
  assert.equal(database.kernel.seriesCount(), 2, "a ref of its own");
  database.forgetSegments(segment);
  assert.equal(database.waitingRefs, 0);
  await write("new", START_MS + 2 * RANGE_MS);
  assert.deepEqual([database.kernel.seriesCount(), database.kernel.deadSeries()], [2, 0]);
  assert.deepEqual([...db.contents().keys()].sort(), ["early", "new", "old"]);
  await db.close();
});

test("the memory of ended series comes back", async () => {
  const churn = new Churn(5);
  let early = 0;
  for (let number = 0; number < 90; number++) {
    churn.clock.advance(RANGE_MS);
    await churn.round(number);
    if (number % 3 === 2) await churn.compact(number - 1);
    if (number === 30) early = churn.liveBytes;
  }
  assert.ok(churn.liveBytes < 1.3 * early, `${early} bytes at round 30, ${churn.liveBytes} at round 90`);
  await churn.close();
});
