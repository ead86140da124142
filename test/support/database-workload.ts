/** A small life of the database: new series, full chunks, late samples, histograms, several requests at a time. */
import * as assert from "node:assert/strict";
import { DATA_DIR, LocalDatabase, type StoredSeries, valueBits } from "./database.js";
import { FakeClock } from "./fake-clock.js";
import type { FaultFileSystem } from "./fault-file-system.js";
import type { MemFileSystem } from "./mem-file-system.js";
import { randomBelow, seededRandom } from "./random.js";
import type { WireSeries } from "./remote-write.js";
import { SIGNALLING_VALUE, STALE_VALUE } from "./signalling-nan.js";

const BLOCK_RANGE_MS = 60_000;
const OPTIONS = { chunkSamplesMax: 8, segmentBytesMax: 3000, seriesMax: 1000, blockRangeMs: BLOCK_RANGE_MS };
const VALUES = [0, -0, 1.5, 42, Number.NaN, Number.POSITIVE_INFINITY, STALE_VALUE, SIGNALLING_VALUE];

const LOCK = `${DATA_DIR}/lock`;
const HISTOGRAM_SERIES = `hist{h="x"}`;

interface Entry {
  readonly series: string;
  readonly timestampMs: number;
  readonly stored: string;
}

export class DatabaseWorkload {
  readonly submitted = new Set<string>();
  /** In the order of their 2xx. */
  readonly acknowledged: Entry[] = [];
  refusals = 0;
  failedRounds = 0;
  private readonly random: () => number;
  private readonly clock = new FakeClock();
  private readonly baseMs = this.clock.nowMs() - 3_600_000;
  private readonly database: LocalDatabase;
  private step = 0;

  constructor(fs: FaultFileSystem, seed: number) {
    this.random = seededRandom(seed);
    this.database = new LocalDatabase(fs, this.clock, OPTIONS);
  }

  async run(requests: number, inFlight: number): Promise<void> {
    await this.send(requests, inFlight);
    await this.database.close();
  }

  /** The same with blocks written, and the log cut behind them, after every `between` requests. */
  async runWithBlocks(rounds: number, between: number, inFlight: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await this.send(between, inFlight);
      const endMs = Math.floor(this.database.database.newestMs / BLOCK_RANGE_MS) * BLOCK_RANGE_MS;
      try {
        this.database.maintain(endMs);
      } catch (error) {
        // As the maintenance timer does: the disk failed, the next round tries again.
        if ((error as NodeJS.ErrnoException).code === undefined) throw error;
        this.failedRounds++;
      }
    }
    await this.database.close();
  }

  private async send(requests: number, inFlight: number): Promise<void> {
    let left = requests;
    const sender = async (): Promise<void> => {
      while (left-- > 0) await this.one();
    };
    await Promise.all(Array.from({ length: inFlight }, sender));
  }

  private async one(): Promise<void> {
    const entries: Entry[] = [];
    const series = Array.from({ length: 1 + randomBelow(this.random, 3) }, () => this.series(entries));
    for (const entry of entries) this.submitted.add(entryKey(entry));
    const protocol = this.random() < 0.5 ? 1 : 2;
    for (let attempt = 0; attempt < 20; attempt++) {
      const { status, message } = await this.database.writeSeries(series, protocol);
      if (status === 204) {
        this.acknowledged.push(...entries);
        return;
      }
      assert.equal(status, 503, message);
      this.refusals++;
      for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(1000);
      this.database.database.tick();
    }
    assert.fail("refused for ever");
  }

  /** Every timestamp is used once, so that no sample is a duplicate of another value. */
  private series(entries: Entry[]): WireSeries {
    const name = `m${randomBelow(this.random, 3 + Math.floor(this.step / 8))}`;
    const at = (): number => this.baseMs + (this.random() < 0.8 ? this.step++ * 1000 : this.step++ * -1000);
    if (name === "m1") {
      const timestamp = at();
      const count = randomBelow(this.random, 50);
      entries.push({ series: HISTOGRAM_SERIES, timestampMs: timestamp, stored: `count ${count}` });
      const histogram = { countInt: count, zeroCountInt: count, sum: 1, schema: 0, timestamp };
      return {
        labels: [
          ["__name__", "hist"],
          ["h", "x"],
        ],
        histograms: [histogram],
      };
    }
    const samples = Array.from({ length: 1 + randomBelow(this.random, 3) }, () => ({
      value: VALUES[randomBelow(this.random, VALUES.length)],
      timestamp: at(),
    }));
    for (const { value, timestamp } of samples) {
      entries.push({ series: name, timestampMs: timestamp, stored: valueBits(value) });
    }
    return { labels: [["__name__", name]], samples };
  }
}

function entryKey({ series, timestampMs, stored }: Entry): string {
  return `${series} ${timestampMs} ${stored}`;
}

/** Opens the disk as after a crash: everything acknowledged must be there, and nothing that nobody sent. */
export async function checkReopened(
  disk: MemFileSystem,
  acknowledged: readonly Entry[],
  submitted: ReadonlySet<string>,
): Promise<void> {
  // The crashed process is this one, which lives: its lock would hold.
  if (disk.exists(LOCK)) disk.unlink(LOCK);
  const database = new LocalDatabase(disk, new FakeClock(), OPTIONS);
  const stored = database.contents();
  assert.equal(database.replayed.unusable, 0);
  for (const entry of acknowledged) {
    const found = stored.get(entry.series)?.get(entry.timestampMs);
    assert.equal(found, entry.stored, `acknowledged: ${entryKey(entry)}`);
  }
  for (const [name, samples] of stored) checkKnown(name, samples, submitted);
  await database.close();
}

function checkKnown(name: string, samples: StoredSeries, submitted: ReadonlySet<string>): void {
  for (const [timestampMs, stored] of samples) {
    const key = entryKey({ series: name, timestampMs, stored });
    assert.ok(submitted.has(key), `nobody sent ${key}`);
  }
}
