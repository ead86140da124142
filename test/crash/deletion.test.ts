/**
 * Power cuts and failing calls while samples are written, deleted, moved to blocks, and tombstones are cleaned. With
 * VARVE_EVERY_CALL=1 (`long/every-call.test.ts`) at every change and every call, else at a part of them.
 */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { verifyFolder } from "../../dist/block/verify-folder.js";
import { DATA_DIR, LocalDatabase, valueBits } from "../support/database.js";
import { FakeClock } from "../support/fake-clock.js";
import { FaultFileSystem, type FileOperation, WRITING_OPERATIONS } from "../support/fault-file-system.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import { randomBelow, seededRandom } from "../support/random.js";

const RANGE_MS = 60_000;
const OPTIONS = { chunkSamplesMax: 6, segmentBytesMax: 2500, blockRangeMs: RANGE_MS };
const CHANGES: readonly FileOperation[] = [...WRITING_OPERATIONS, "open", "removeTree"];
const SEED = Number(process.env["SEED"] ?? 22);
const EVERY_CALL = process.env["VARVE_EVERY_CALL"] === "1";
const CHANGES_STEP = EVERY_CALL ? 1 : 4;
const CALLS_STEP = EVERY_CALL ? 1 : 11;
const ABSENT = "absent";

/** What may be read of each sample: one thing where it is certain, several while nothing was promised. */
type Model = Map<string, ReadonlySet<string>>;

class Life {
  readonly model: Model = new Map();
  failures = 0;
  private readonly random: () => number;
  private readonly clock = new FakeClock();
  private readonly db: LocalDatabase;
  private readonly startMs = Math.floor(this.clock.nowMs() / RANGE_MS) * RANGE_MS - 20 * RANGE_MS;
  private step = 0;

  constructor(fs: FaultFileSystem, seed: number) {
    this.random = seededRandom(seed);
    this.db = new LocalDatabase(fs, this.clock, OPTIONS);
  }

  async run(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 12; i++) await this.write();
      await this.delete();
      if (round % 2 === 1) await this.tried(async () => void this.db.maintain(this.borderMs()));
      await this.delete();
      if (round % 3 === 2) await this.tried(async () => this.clean());
    }
    await this.db.close();
  }

  private borderMs(): number {
    return Math.floor((this.startMs + this.step * 1500) / RANGE_MS) * RANGE_MS;
  }

  /** Late ones among them, and ones at times that were deleted. */
  private async write(): Promise<void> {
    const name = `m${randomBelow(this.random, 3)}`;
    const back = this.random() < 0.3 ? randomBelow(this.random, 40) : 0;
    const timestamp = this.startMs + Math.max(0, this.step++ - back) * 1500;
    const key = `${name} ${timestamp}`;
    const before = this.model.get(key) ?? new Set([ABSENT]);
    if (!before.has(ABSENT) || before.size > 1) return; // a duplicate, or nobody knows
    const value = this.step + 0.5;
    this.model.set(key, new Set([ABSENT, valueBits(value)]));
    const series = [{ labels: [["__name__", name]] as [string, string][], samples: [{ timestamp, value }] }];
    const { status } = await this.db.writeSeries(series);
    if (status === 204) this.model.set(key, new Set([valueBits(value)]));
    else await this.recover();
  }

  private async delete(): Promise<void> {
    const name = `m${randomBelow(this.random, 3)}`;
    const mint = this.startMs + randomBelow(this.random, this.step) * 1500;
    const maxt = mint + randomBelow(this.random, 30) * 1500;
    const touched = [...this.model.keys()].filter((key) => {
      const [series = "", t = ""] = key.split(" ");
      return series === name && Number(t) >= mint && Number(t) <= maxt;
    });
    for (const key of touched) this.model.set(key, new Set([ABSENT, ...(this.model.get(key) ?? [])]));
    const sets = [[{ name: "__name__", op: "=", value: name } as const]];
    if (!(await this.tried(() => this.db.deleteSeries({ sets, mint, maxt })))) return;
    for (const key of touched) this.model.set(key, new Set([ABSENT]));
  }

  private clean(): void {
    for (let i = 0; this.db.maintenance.cleanTombstones().kind !== "idle"; i++) assert.ok(i < 50);
  }

  private async tried(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      this.failures++;
      await this.recover();
      return false;
    }
  }

  private async recover(): Promise<void> {
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
    this.clock.advance(1000);
    this.db.database.tick();
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function check(disk: MemFileSystem, model: Model, what: string): Promise<void> {
  // Its holder, this process, lives on.
  if (disk.exists(`${DATA_DIR}/lock`)) disk.unlink(`${DATA_DIR}/lock`);
  const db = new LocalDatabase(disk, new FakeClock(), OPTIONS);
  assert.equal(db.replayed.unusable, 0, what);
  const stored = db.contents();
  checkContents(stored, model, what);
  // Once more when everything is in blocks: what a crash left there twice is merged, and a deletion is still in force.
  db.maintain(Number.MAX_SAFE_INTEGER - (Number.MAX_SAFE_INTEGER % RANGE_MS));
  assert.deepEqual(db.contents(), stored, `${what}, then maintenance`);
  const { blocks, damaged, superseded, overlapping } = verifyFolder(disk, DATA_DIR);
  const problems = blocks.flatMap(({ verification }) => verification.problems);
  assert.deepEqual([problems, damaged, superseded, overlapping], [[], [], [], []], what);
  await db.close();
}

function checkContents(stored: ReturnType<LocalDatabase["contents"]>, model: Model, what: string): void {
  for (const [key, allowed] of model) {
    const [name = "", t = ""] = key.split(" ");
    const found = stored.get(name)?.get(Number(t)) ?? ABSENT;
    assert.ok(allowed.has(found), `${what}: ${key} is ${found} instead of ${[...allowed].join(" or ")}`);
  }
  for (const [name, samples] of stored) {
    for (const t of samples.keys()) assert.ok(model.has(`${name} ${t}`), `${what}: nobody sent ${name} ${t}`);
  }
}

test("a power cut at any change: nothing acknowledged is lost, nothing deleted comes back", async () => {
  const disk = new MemFileSystem();
  const fs = new FaultFileSystem(disk);
  const cuts: { disk: MemFileSystem; model: Model }[] = [];
  let life: Life | null = null;
  let changes = 0;
  fs.before = (operation) => {
    if (life === null || !CHANGES.includes(operation) || changes++ % CHANGES_STEP !== 0) return;
    const cut = cuts.length % 2 === 0 ? disk.crashClone() : disk.crashClone({ seed: changes });
    cuts.push({ disk: cuts.length % 3 === 0 ? disk.clone() : cut, model: new Map(life.model) });
  };
  life = new Life(fs, SEED);
  await life.run(9);
  fs.before = () => {};
  assert.ok(cuts.length > 100, `${cuts.length} cuts`);
  assert.equal(life.failures, 0);
  for (const [i, cut] of cuts.entries()) await check(cut.disk, cut.model, `cut ${i}`);
  await check(disk, life.model, "at the end");
});

test("the n-th call fails: a deletion that was not confirmed may be half done, one that was holds", async () => {
  let reached = true;
  let failures = 0;
  for (let failAt = 1; reached; failAt += CALLS_STEP) {
    assert.ok(failAt < 20_000, "the life never ends without a failure");
    const disk = new MemFileSystem();
    disk.mkdir(`${DATA_DIR}/varve-wal`);
    const fs = new FaultFileSystem(disk);
    const life = new Life(fs, SEED + failAt);
    fs.rule = { operations: CHANGES, failAt, code: failAt % 2 === 0 ? "EIO" : "ENOSPC", partial: 0.5 };
    await life.run(4);
    reached = fs.failed > 0;
    failures += life.failures;
    await check(disk.crashClone(), life.model, `call ${failAt}, then the power`);
    await check(disk, life.model, `call ${failAt}`);
  }
  assert.ok(failures > 0, "some failures hit a deletion or maintenance");
});

const START_MS = Math.floor(new FakeClock().nowMs() / RANGE_MS) * RANGE_MS - 20 * RANGE_MS;
const ALL_OF_A = {
  sets: [[{ name: "__name__", op: "=", value: "a" } as const]],
  mint: START_MS,
  maxt: START_MS + 10 * RANGE_MS,
};

async function writeOne(db: LocalDatabase, name: string, offsetMs: number): Promise<void> {
  const labels: [string, string][] = [["__name__", name]];
  const series = [{ labels, samples: [{ timestamp: START_MS + offsetMs, value: 1.5 }] }];
  assert.equal((await db.writeSeries(series)).status, 204);
}

function reopen(disk: MemFileSystem): LocalDatabase {
  if (disk.exists(`${DATA_DIR}/lock`)) disk.unlink(`${DATA_DIR}/lock`);
  return new LocalDatabase(disk, new FakeClock(), OPTIONS);
}

test("what was written while a deletion was under way, and is gone, stays gone", async () => {
  const disk = new MemFileSystem();
  const db = new LocalDatabase(disk, new FakeClock(), OPTIONS);
  await writeOne(db, "a", 0);
  await writeOne(db, "b", 0);
  // Its matchers are in the log before this sample, its refs are behind it.
  await Promise.all([db.deleteSeries(ALL_OF_A), writeOne(db, "a", 1000)]);
  const stored = db.contents();
  assert.deepEqual([...stored.keys()], ["b"]);
  const again = reopen(disk.crashClone());
  assert.deepEqual(again.contents(), stored);
  await Promise.all([again.close(), db.close()]);
});

test("a deletion of series that had left the head holds though the log is replayed from its beginning", async () => {
  const disk = new MemFileSystem();
  const db = new LocalDatabase(disk, new FakeClock(), { ...OPTIONS, segmentBytesMax: 1 << 20 });
  await writeOne(db, "a", 0);
  await writeOne(db, "b", 3 * RANGE_MS);
  assert.equal(db.maintain(START_MS + 2 * RANGE_MS), 1, "series that left the head");
  await db.deleteSeries(ALL_OF_A);
  assert.equal(db.contents().get("a")?.size ?? 0, 0);
  const after = disk.crashClone();
  after.unlink(`${db.database.logDir}/compacted`);
  const again = reopen(after);
  assert.equal(again.contents().get("a")?.size ?? 0, 0);
  assert.equal(again.contents().get("b")?.size, 1);
  await Promise.all([again.close(), db.close()]);
});
