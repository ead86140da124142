/** Out of the head into blocks and into larger blocks: at every step all that was written is there, bit for bit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { BlockSet } from "../../dist/block/block-set.js";
import { PageCache } from "../../dist/block/page-cache.js";
import { verifyFolder } from "../../dist/block/verify-folder.js";
import { MaintenanceThread } from "../../dist/db/maintenance.js";
import { mergeQueryables } from "../../dist/db/merged-queryable.js";
import { Labels } from "../../dist/model/labels.js";
import { dump, dumpPlain, type PlainSeries } from "../support/block-fixtures.js";
import { DATA_DIR, LocalDatabase } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import { trickySeries, wireSeries } from "../support/prometheus-blocks.js";

const HOUR_MS = 3_600_000;
const RANGE_MS = 2 * HOUR_MS;
/** A border of six hours. */
const START_MS = Math.ceil(1_700_000_000_000 / (6 * HOUR_MS)) * 6 * HOUR_MS;

/** A sample every 30 s for eight hours; a third of the series lack the minutes that come late. */
function steadySeries(): PlainSeries[] {
  return Array.from({ length: 9 }, (_, s) => ({
    labels: Labels.fromObject({ __name__: "steady", s: String(s), kind: s % 3 === 0 ? "late" : "in order" }),
    samples: Array.from(
      { length: 960 },
      (_, i) => [START_MS + i * 30_000 + s, Math.floor(Math.sin(i) * 1000) / 8] as const,
    ),
  }));
}

/** The tricky series of `trickySeries`, two hours later than those. */
function shifted(): PlainSeries[] {
  const by = START_MS + HOUR_MS - 1_700_000_000_000;
  return trickySeries().map(({ labels, samples }) => ({
    labels,
    samples: samples.map(([timestamp, value]) => [timestamp + by, value] as const),
  }));
}

const isLate = (timestamp: number): boolean => Math.floor((timestamp - START_MS) / 600_000) % 4 === 1;

async function write(database: LocalDatabase, series: readonly PlainSeries[]): Promise<void> {
  for (let from = 0; from < 960; from += 240) {
    const part = series.map(({ labels, samples }) => ({ labels, samples: samples.slice(from, from + 240) }));
    const filled = part.filter(({ samples }) => samples.length > 0).map(wireSeries);
    if (filled.length === 0) continue;
    const { status, message } = await database.writeSeries(filled, 2);
    assert.equal(status, 204, message);
  }
}

test("what was written is served from head and blocks, whatever was compacted", async () => {
  const fs = new MemFileSystem();
  const clock = new FakeClock(START_MS + 8 * HOUR_MS);
  const database = new LocalDatabase(fs, clock);
  const steady = steadySeries();
  const tricky = shifted();
  const inTime = steady.map(({ labels, samples }) => ({
    labels,
    samples: labels.get("kind") === "late" ? samples.filter(([t]) => !isLate(t)) : samples,
  }));
  await write(database, [...inTime, ...tricky]);

  const thread = new MaintenanceThread(database.database.shared, {
    fs,
    clock,
    dir: DATA_DIR,
    logDir: database.database.logDir,
    blockRangeMs: RANGE_MS,
    retentionMs: 0,
    retentionBytes: 0,
    checkpoint: () => {},
  });
  const set = new BlockSet(fs, DATA_DIR, new PageCache(1 << 22));
  const check = (expected: readonly PlainSeries[], when: string): void => {
    set.reload();
    const found = dump(mergeQueryables([...set.blocks, database.queryable()]));
    assert(isDeepStrictEqual(found, dumpPlain(expected)), `${when}: not what was written`);
    const { damaged, blocks } = verifyFolder(fs, DATA_DIR);
    assert.deepEqual(damaged, []);
    for (const { verification } of blocks) assert.deepEqual(verification.problems, [], when);
  };
  const maintain = (): void => {
    for (let i = 0; thread.maintain(clock.nowMs()).kind !== "idle"; i++) assert(i < 20, "finds an end");
  };

  check([...inTime, ...tricky], "all in the head");
  const metas = thread.compactHead(START_MS + 6 * HOUR_MS, database.database.log.end);
  assert.equal(metas.length, 3);
  check([...inTime, ...tricky], "in head and blocks");
  thread.dropHead();
  check([...inTime, ...tricky], "dropped from the head");
  maintain();
  check([...inTime, ...tricky], "in a merged block");
  assert.deepEqual(
    set.blocks.map((block) => block.meta.compaction.level),
    [2],
  );

  await write(
    database,
    steady.map(({ labels, samples }) => ({
      labels,
      samples: labels.get("kind") === "late" ? samples.filter(([t]) => isLate(t)) : [],
    })),
  );
  check([...steady, ...tricky], "late samples in the head");
  assert(
    thread.compactHead(START_MS + 6 * HOUR_MS, database.database.log.end).length > 0,
    "a block of late samples",
  );
  thread.dropHead();
  check([...steady, ...tricky], "late samples in blocks of their own");
  maintain();
  check([...steady, ...tricky], "late samples merged");
  assert.equal(set.blocks.length, 1);
  set.close();
  await database.close();
});
