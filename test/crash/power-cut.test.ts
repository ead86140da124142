/** The database loses its power, or some bytes of its log, while chunks leave memory for the log and come back. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { DATA_DIR, LocalDatabase, valueBits } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { FaultFileSystem } from "../support/fault-file-system.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import { randomBelow, seededRandom } from "../support/random.js";
import { encodeRequestV1, snappyCompress, type WireSeries } from "../support/remote-write.js";

const SEED = Number(process.env["SEED"] ?? 22);
/** The empty tables take four fifths of this memory: closed chunks are evicted as soon as they are in the log. */
const OPTIONS = {
  chunkSamplesMax: 4,
  segmentBytesMax: 6000,
  headMemoryLimitBytes: 1_066_000,
  ingestThreads: 2,
};
const REQUESTS = 60;

interface Sent {
  readonly samples: readonly (readonly [series: string, timestamp: number, bits: string])[];
  readonly metricName: string;
}

function open(disk: MemFileSystem | FaultFileSystem): LocalDatabase {
  const lock = `${DATA_DIR}/lock`;
  if (disk.exists(lock)) disk.unlink(lock); // the crashed process is this one, which lives
  return new LocalDatabase(disk, new FakeClock(), OPTIONS);
}

/** One request with floats in and out of order, a histogram, an exemplar and metadata. */
function request(i: number, random: () => number): { body: Uint8Array; sent: Sent } {
  const baseMs = new FakeClock().nowMs() - 3_600_000;
  const series: WireSeries[] = [];
  const samples: [string, number, string][] = [];
  for (const s of [0, 1, 2]) {
    const timestamp = baseMs + 1000 * (random() < 0.8 ? i : -i) + s;
    const value = randomBelow(random, 1000) / 8;
    samples.push([`m${s}`, timestamp, valueBits(value)]);
    series.push({ labels: [["__name__", `m${s}`]], samples: [{ timestamp, value }] });
  }
  const timestamp = baseMs + 1000 * i;
  const exemplars = [{ labels: [["trace_id", `t${i}`]] as const, value: 1, timestamp }];
  const histograms = [{ countInt: i, zeroCountInt: i, sum: 1, schema: 0, timestamp }];
  series.push({ labels: [["__name__", "h"]], histograms, exemplars });
  samples.push(["h", timestamp, `count ${i}`]);
  const metricName = `meta_${i}`;
  const body = snappyCompress(encodeRequestV1(series, [{ metricName, type: 1, help: "h" }]));
  return { body, sent: { samples, metricName } };
}

async function run(disk: FaultFileSystem, acknowledged: Sent[], all: Sent[]): Promise<LocalDatabase> {
  const random = seededRandom(SEED);
  const local = open(disk);
  const flying: Promise<void>[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    const { body, sent } = request(i, random);
    all.push(sent);
    const started = local.start(body, 1, i % 2);
    assert.equal(started.outcome.status, 204, started.outcome.message);
    flying.push(
      started.commit().then(({ status }) => {
        assert.equal(status, 204);
        acknowledged.push(sent);
      }),
    );
    if (random() < 0.5) await Promise.all(flying.splice(0));
  }
  await Promise.all(flying);
  return local;
}

async function check(
  disk: MemFileSystem,
  acknowledged: readonly Sent[],
  all: readonly Sent[],
): Promise<number> {
  const local = open(disk);
  const stored = local.contents();
  for (const { samples, metricName } of acknowledged) {
    for (const [series, timestamp, bits] of samples) {
      assert.equal(stored.get(series)?.get(timestamp), bits, `acknowledged: ${series} at ${timestamp}`);
    }
    assert.equal(local.database.metadata.get(metricName).length, 1, metricName);
  }
  assert.ok(local.database.exemplars.size >= acknowledged.length, "exemplars");
  const known = new Set(all.flatMap(({ samples }) => samples.map(String)));
  for (const [series, values] of stored) {
    for (const [timestamp, bits] of values)
      assert.ok(known.has(String([series, timestamp, bits])), "nobody sent it");
  }
  const { body } = request(REQUESTS, seededRandom(SEED));
  assert.equal((await local.write(body, 1)).status, 204, "serving again");
  const { damages } = local.replayed;
  await local.close();
  return damages.length;
}

test("a power cut before any sync loses nothing acknowledged, with chunks that lie only in the log", async () => {
  const disk = new MemFileSystem();
  const fs = new FaultFileSystem(disk);
  const acknowledged: Sent[] = [];
  const all: Sent[] = [];
  const cuts: { disk: MemFileSystem; acknowledged: readonly Sent[] }[] = [];
  fs.before = (operation) => {
    if (operation !== "fdatasyncAsync" && operation !== "fsyncDirectoryAsync") return;
    const so = [...acknowledged];
    cuts.push({ disk: disk.crashClone(), acknowledged: so });
    cuts.push({ disk: disk.crashClone({ seed: SEED + cuts.length }), acknowledged: so });
  };
  const local = await run(fs, acknowledged, all);
  assert.ok(local.database.evictedBytes > 0, "chunks left memory");
  assert.ok(cuts.length > 40, `${cuts.length} cuts`);
  for (const cut of cuts) await check(cut.disk, cut.acknowledged, all);
  await local.close();
  await check(disk, acknowledged, all);
});

test("a byte changed anywhere in the log costs at most its record, is reported, and the rest is served", async () => {
  const disk = new MemFileSystem();
  const all: Sent[] = [];
  const local = await run(new FaultFileSystem(disk), [], all);
  await local.close();
  const random = seededRandom(SEED);
  const folder = local.database.logDir;
  const segments = disk.list(folder).filter((name) => /^\d+$/.test(name));
  let reported = 0;
  for (let i = 0; i < 60; i++) {
    const damaged = disk.clone();
    const path = `${folder}/${segments[randomBelow(random, segments.length)]}`;
    const bytes = damaged.readFile(path);
    bytes[randomBelow(random, bytes.length)] ^= 1 << randomBelow(random, 8);
    damaged.put(path, bytes);
    reported += await check(damaged, [], all);
  }
  assert.ok(reported >= 50, `${reported} reports`);
});
