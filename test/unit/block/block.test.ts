import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { CorruptionError } from "../../../dist/base/errors.js";
import { type Block, openBlock } from "../../../dist/block/block-reader.js";
import { writeBlock } from "../../../dist/block/block-writer.js";
import { PageCache } from "../../../dist/block/page-cache.js";
import { Labels } from "../../../dist/model/labels.js";
import type { Matcher, MatcherOp } from "../../../dist/model/matcher.js";
import { dump, dumpPlain, type PlainSeries, sourceOf } from "../../support/block-fixtures.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const STALE = new Float64Array(new Uint32Array([2, 0x7ff00000]).buffer)[0];

/** `count` series with gaps, NaNs, stale markers; more values of a label than one sample of the index holds. */
function manySeries(count: number): PlainSeries[] {
  return Array.from({ length: count }, (_, i) => ({
    labels: Labels.fromObject({
      __name__: i % 2 === 0 ? "http_requests_total" : "up",
      instance: `host-${String(i).padStart(4, "0")}`,
      job: i % 3 === 0 ? "node" : "k6",
      ...(i % 5 === 0 ? { zone: "ü-ber-λ-🙂" } : {}),
    }),
    samples: Array.from({ length: 50 + (i % 200) }, (_, k) => {
      const value = k % 17 === 3 ? STALE : k % 13 === 1 ? Number.NaN : i * 1000 + k / 3;
      return [k * 15_000 + i, value] as const;
    }),
  }));
}

const options = { ulid: ULID, minTime: 0, maxTime: 7_200_000 };

function written(series: readonly PlainSeries[], more: object = {}) {
  const fs = new MemFileSystem();
  fs.mkdir("/data");
  const meta = writeBlock(fs, "/data", sourceOf(series), { ...options, ...more });
  assert(meta !== null);
  return {
    fs,
    meta,
    open: (cacheBytes = 1 << 20) => openBlock(fs, `/data/${ULID}`, new PageCache(cacheBytes)),
  };
}

const matcher = (name: string, op: MatcherOp, value: string): Matcher => ({ name, op, value });

test("gives back what was written", () => {
  const series = manySeries(300);
  const { open, meta } = written(series);
  const block = open();
  assert.deepEqual(dump(block), dumpPlain(series));
  assert.equal(meta.stats.numSeries, 300);
  assert.equal(
    meta.stats.numSamples,
    series.reduce((sum, s) => sum + s.samples.length, 0),
  );
  assert.deepEqual(block.meta, meta);
});

test("reads the same through a cache of one page", () => {
  const series = manySeries(100);
  const { open } = written(series, { segmentBytesMax: 6_000 });
  assert.deepEqual(dump(open(1)), dumpPlain(series));
});

test("splits chunks into segments", () => {
  const { fs, open } = written(manySeries(50), { segmentBytesMax: 4_000 });
  assert(fs.list(`/data/${ULID}/chunks`).length > 3);
  assert.equal(fs.list(`/data/${ULID}/chunks`)[0], "000001");
  assert.equal(Object.keys(dump(open())).length, 50);
});

test("selects by matchers, in label order, and by time", () => {
  const block = written(manySeries(300)).open();
  const count = (matchers: Matcher[], mint = 0, maxt = 7_199_999): number =>
    block.select(matchers, mint, maxt).count;
  assert.equal(count([matcher("__name__", "=", "up")]), 150);
  assert.equal(count([matcher("instance", "=~", "host-02.+")]), 100);
  assert.equal(count([matcher("instance", "=~", "host-0001|host-0299|nothing")]), 2);
  assert.equal(count([matcher("instance", "=~", "i.*")]), 0);
  assert.equal(count([matcher("zone", "=", "")]), 240);
  assert.equal(count([matcher("zone", "=", "ü-ber-λ-🙂"), matcher("job", "!=", "k6")]), 20);
  assert.equal(count([], 248 * 15_000, 1e9), 1, "only the longest series reaches that far");
  assert.equal(count([], 7_200_000, 1e9), 0);
  assert.equal(count([], -5, -1), 0);
  const set = block.select([matcher("job", "=", "node")], 0, 7_199_999);
  const names = Array.from({ length: set.count }, (_, i) => set.labels(i).key);
  assert.deepEqual(names, [...names].sort());
});

test("lists label names and values", () => {
  const block = written(manySeries(300)).open();
  assert.deepEqual(block.labelNames([], 0, 1e9), ["__name__", "instance", "job", "zone"]);
  assert.deepEqual(block.labelNames([matcher("instance", "=", "host-0001")], 0, 1e9), [
    "__name__",
    "instance",
    "job",
  ]);
  assert.deepEqual(block.labelValues("job", [], 0, 1e9), ["k6", "node"]);
  assert.equal(block.labelValues("instance", [], 0, 1e9).length, 300);
  assert.deepEqual(block.labelValues("instance", [matcher("instance", "=~", "host-000[12]")], 0, 1e9), [
    "host-0001",
    "host-0002",
  ]);
  assert.deepEqual(block.labelValues("nothing", [], 0, 1e9), []);
  assert.deepEqual(block.labelNames([], 1e9, 2e9), []);
});

test("writes nothing for a source without series", () => {
  const fs = new MemFileSystem();
  fs.mkdir("/data");
  assert.equal(writeBlock(fs, "/data", sourceOf([]), options), null);
  assert.deepEqual(fs.list("/data"), []);
});

test("deletes durably and at once, and leaves deleted samples out of what it hands on", () => {
  const series = manySeries(20);
  const { fs, open } = written(series);
  const block = open();
  assert.equal(block.deleteSeries([matcher("job", "=", "node")], 150_000, 300_000), 7);
  assert.equal(block.deleteSeries([matcher("instance", "=", "host-0001")], -1e12, 1e12), 1);
  const expected = dumpPlain(
    series
      .filter(({ labels }) => labels.get("instance") !== "host-0001")
      .map(({ labels, samples }) => ({
        labels,
        samples: samples.filter(([t]) => labels.get("job") !== "node" || t < 150_000 || t > 300_000),
      })),
  );
  assert.deepEqual(dump(block), expected);
  assert.deepEqual(dump(open()), expected);
  assert.equal(block.select([matcher("instance", "=", "host-0001")], 0, 1e9).count, 0);
  const copy = "01BX5ZZKBKACTAV9WEVGEMMVRZ";
  writeBlock(fs, "/data", block.chunkSeries(), { ...options, ulid: copy });
  assert.deepEqual(dump(openBlock(fs, `/data/${copy}`, new PageCache(1 << 20))), expected);
});

test("notices every flipped bit: the answer is right or an error", () => {
  const series = manySeries(40);
  const { fs } = written(series);
  const expected = dumpPlain(series);
  const dir = `/data/${ULID}`;
  const files = [`${dir}/meta.json`, `${dir}/index`, `${dir}/tombstones`, `${dir}/chunks/000001`];
  let noticed = 0;
  let tried = 0;
  for (const path of files) {
    const good = fs.readFile(path).slice();
    const stride = Math.max(1, Math.floor(good.length / 400));
    for (let at = 0; at < good.length; at += stride) {
      const bad = good.slice();
      bad[at] ^= 1 << (at % 8);
      fs.put(path, bad);
      tried++;
      let block: Block | null = null;
      try {
        block = openBlock(fs, dir, new PageCache(1 << 20));
        assert(isDeepStrictEqual(dump(block), expected), `wrong answer with ${path} damaged at ${at}`);
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        assert(error.file.startsWith(dir), `${error.file} names the file`);
        noticed++;
      } finally {
        block?.close();
      }
    }
    fs.put(path, good);
  }
  assert(noticed > tried / 2, `${noticed} of ${tried} flips noticed; only padding and unused bytes may pass`);
  assert.equal(fs.openCount, 0, "nothing stays open after an error");
});
