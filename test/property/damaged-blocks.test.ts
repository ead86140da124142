/** Any bit of any file of a block flipped: never a wrong answer, never a start that fails. */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { listBlocks, quarantineBlock } from "../../dist/block/block-folder.js";
import { isBlockName } from "../../dist/block/block-format.js";
import { Epochs } from "../../dist/db/epochs.js";
import { QueryThread } from "../../dist/db/query-thread.js";
import type { Queryable } from "../../dist/storage/queryable.js";
import { DATA_DIR, LocalDatabase } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { readAll } from "../support/head-operations.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import { randomBelow, seededRandom } from "../support/random.js";
import type { WireSeries } from "../support/remote-write.js";

const RANGE_MS = 60_000;
const SEED = Number(process.env["SEED"] ?? 22);
const EVER = [-(2 ** 53), 2 ** 53] as const;

interface Answers {
  readonly samples: unknown;
  readonly one: unknown;
  readonly names: readonly string[];
  readonly values: readonly string[];
}

function ask(queryable: Queryable): Answers {
  return {
    samples: readAll(queryable, [], ...EVER),
    one: readAll(queryable, [{ name: "__name__", op: "=~", value: "m1|h" }], ...EVER),
    names: queryable.labelNames([], ...EVER),
    values: queryable.labelValues("__name__", [], ...EVER),
  };
}

/** Two blocks with floats and histograms, one of them with tombstones, and a head. */
async function prepared(): Promise<{ disk: MemFileSystem; db: LocalDatabase; startMs: number }> {
  const disk = new MemFileSystem();
  const clock = new FakeClock();
  const startMs = Math.floor(clock.nowMs() / RANGE_MS) * RANGE_MS - 10 * RANGE_MS;
  const db = new LocalDatabase(disk, clock, { blockRangeMs: RANGE_MS, chunkSamplesMax: 5 });
  for (let t = startMs; t < startMs + 2.5 * RANGE_MS; t += 7000) {
    const floats = ["m1", "m2", "only_early"].slice(0, t < startMs + RANGE_MS ? 3 : 2);
    const series: WireSeries[] = floats.map((name) => ({
      labels: [["__name__", name]],
      samples: [{ timestamp: t, value: Math.sqrt(t % 1000) }],
    }));
    const histogram = { timestamp: t, schema: 0, sum: 1, countInt: t % 9, zeroCountInt: t % 9 };
    series.push({ labels: [["__name__", "h"]], histograms: [histogram] });
    const { status, message } = await db.writeSeries(series);
    assert.equal(status, 204, message);
  }
  const endMs = startMs + 2 * RANGE_MS;
  db.maintenance.compactHead(endMs, db.database.log.end);
  db.maintenance.dropHead();
  const matchers = [{ name: "__name__", op: "=", value: "m2" } as const];
  await db.deleteSeries({ sets: [matchers], mint: startMs + 10_000, maxt: startMs + 30_000 });
  return { disk, db, startMs };
}

function filesBelow(disk: MemFileSystem, path: string): string[] {
  if (!disk.stat(path).directory) return [path];
  return disk.list(path).flatMap((name) => filesBelow(disk, `${path}/${name}`));
}

test("a flipped bit in a block makes no answer wrong: it is the whole one, or lacks the block and says so", async () => {
  const { disk, db } = await prepared();
  const { shared, logDir } = db.database;
  const open = (fs: MemFileSystem): QueryThread =>
    new QueryThread(shared, 0, {
      fs,
      dir: DATA_DIR,
      logDir,
      epochs: Epochs.create(2),
      blockCacheBytes: 1 << 20,
    });
  const whole = open(disk).run(ask);
  const [ulid, other] = disk.list(DATA_DIR).filter(isBlockName);
  assert.ok(ulid !== undefined && other !== undefined);
  const aside = disk.clone();
  quarantineBlock(aside, DATA_DIR, ulid);
  const without = open(aside).run(ask);
  assert.ok(!isDeepStrictEqual(whole, without));
  const random = seededRandom(SEED);
  let harmless = 0;
  let found = 0;
  for (const file of filesBelow(disk, `${DATA_DIR}/${ulid}`)) {
    const bytes = disk.readFile(file);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << randomBelow(random, 8);
      disk.put(file, flipped);
      const thread = open(disk);
      const { answers, warnings } = thread.run((queryable, parts) => ({
        answers: ask(queryable),
        warnings: parts.warnings(),
      }));
      const what = `byte ${at} of ${file}`;
      if (warnings.length === 0) {
        assert.deepEqual(answers, whole, what);
        assert.deepEqual(thread.takeDamaged(), [], what);
        harmless++;
      } else {
        assert.deepEqual(answers, without, what);
        assert.ok(warnings[0]?.includes(ulid), what);
        assert.deepEqual(
          thread.takeDamaged().map((damaged) => damaged.ulid),
          [ulid],
          what,
        );
        assert.deepEqual(thread.takeDamaged(), [], "told once");
        found++;
      }
    }
    disk.put(file, bytes);
  }
  // What no checksum covers is the padding and the spaces of meta.json.
  assert.ok(found > 10 * harmless, `${found} found, ${harmless} harmless`);
  await db.close();
});

test("what lies aside is named in every answer that its time overlaps, and in no other", async () => {
  const { disk, db, startMs } = await prepared();
  const { shared, logDir } = db.database;
  const [{ ulid }] = listBlocks(disk, DATA_DIR).metas;
  quarantineBlock(disk, DATA_DIR, ulid);
  const options = { fs: disk, dir: DATA_DIR, logDir, epochs: Epochs.create(2), blockCacheBytes: 0 };
  const thread = new QueryThread(shared, 0, options);
  const warningsFor = (mint: number, maxt: number): string[] =>
    thread.run((queryable, parts) => {
      queryable.select([{ name: "__name__", op: "=", value: "m1" }], mint, maxt);
      return parts.warnings();
    });
  assert.match(warningsFor(startMs, startMs + 1)[0] ?? "", new RegExp(`^block ${ulid} is damaged`));
  assert.deepEqual(warningsFor(startMs + RANGE_MS, startMs + 2 * RANGE_MS), []);
  await db.close();
});
