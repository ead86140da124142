import assert from "node:assert/strict";
import { test } from "node:test";
import { ColumnsCache, type ColumnsOwner, StoredColumns } from "../../../dist/db/stored-columns.js";
import { SampleColumns } from "../../../dist/storage/columns.js";
import { SampleView } from "../../../dist/storage/sample-view.js";

/** Columns of `count` samples, `intervalMs` apart; the times shared as a reader of series shares them. */
function columnsOf(cache: ColumnsCache, count: number, intervalMs: number, value: number): StoredColumns {
  const columns = new SampleColumns(count);
  for (let i = 0; i < count; i++) {
    columns.timestamps[i] = 1_700_000_000_000 + i * intervalMs;
    columns.values[i] = value;
  }
  columns.count = count;
  columns.timestamps = cache.times.share(columns.timestamps, count);
  return new StoredColumns(columns, { changes: 0, fromMs: 0, toMs: Infinity, headVersion: 0 });
}

/** What is said about the distances of samples at these times. */
function intervalOf(times: readonly number[]): number {
  const columns = new SampleColumns(times.length);
  columns.timestamps.set(times);
  columns.count = times.length;
  const view = new SampleView();
  new StoredColumns(columns, { changes: 0, fromMs: 0, toMs: Infinity, headVersion: 0 }).show(
    -Infinity,
    Infinity,
    view,
  );
  return view.intervalMs;
}

test("distances that are alike are known, and no others", () => {
  assert.equal(intervalOf([]), 0);
  assert.equal(intervalOf([7]), 0);
  assert.equal(intervalOf([-3, 7]), 10);
  assert.equal(intervalOf([0, 10, 20, 30]), 10);
  assert.equal(intervalOf([0, 10, 21, 30]), 0);
  assert.equal(intervalOf([0, 10, 20, 31]), 0);
  assert.equal(intervalOf([0, 9, 20, 30]), 0);
  // Of numbers without single milliseconds nothing is said.
  assert.equal(intervalOf([-(2 ** 60), 0, 2 ** 60]), 0);
});

const owner = (): ColumnsOwner => ({ columns: null });

test("series that were scraped together have one array of times, which counts once", () => {
  const cache = new ColumnsCache(1 << 20);
  const [a, b, c] = [
    columnsOf(cache, 100, 1000, 1),
    columnsOf(cache, 100, 1000, 2),
    columnsOf(cache, 100, 999, 3),
  ];
  assert.equal(a.timestamps, b.timestamps);
  assert.notEqual(a.timestamps, c.timestamps);
  cache.keep(owner(), a, 1);
  const one = cache.bytes;
  cache.keep(owner(), b, 1);
  assert.equal(cache.bytes - one, one - 800);
  cache.keep(owner(), c, 1);
  assert.equal(cache.bytes, 3 * (one - 800) + 1600);
});

test("the bytes are those of what is kept, through any sequence of keeping and leaving", () => {
  const cache = new ColumnsCache(20_000);
  const owners = Array.from({ length: 40 }, owner);
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let query = 1; query <= 500; query++) {
    for (let i = 0; i < 5; i++) {
      const one = owners[random(owners.length)]!;
      const count = 1 + random(60);
      if (cache.makeRoom(count, query))
        cache.keep(one, columnsOf(cache, count, 1000 + random(2), query), query);
    }
    const kept = owners.flatMap(({ columns }) => (columns === null ? [] : [columns]));
    const times = new Set(kept.map(({ timestamps }) => timestamps));
    const bytes =
      kept.reduce((sum, columns) => sum + columns.bytes, 0) +
      [...times].reduce((sum, { byteLength }) => sum + byteLength, 0);
    assert.equal(cache.bytes, bytes, `after query ${query}`);
    assert.ok(bytes <= 20_000);
    assert.ok(query < 5 || kept.length > 5);
  }
});

test("a query that fills the cache keeps what it has, and the next one gets its room", () => {
  const cache = new ColumnsCache(10_000);
  const owners = Array.from({ length: 20 }, owner);
  const kept = (query: number): number =>
    owners.filter((one) => {
      if (!cache.makeRoom(50, query)) return false;
      cache.keep(one, columnsOf(cache, 50, 1000 + owners.indexOf(one), query), query);
      return true;
    }).length;
  const first = kept(1);
  assert.ok(first > 3 && first < 20, `${first}`);
  assert.equal(kept(2), first);
  assert.ok(owners.every(({ columns }) => columns === null || columns.usedBy === 2));
});
