/** Random lives of a head: requests on several threads, records that reach the log in another order, restarts. */
import * as assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Matcher } from "../../dist/model/matcher.js";
import { isStaleAt } from "../../dist/model/stale.js";
import { SampleColumns } from "../../dist/storage/columns.js";
import type { Queryable, SeriesCells, SeriesSet } from "../../dist/storage/queryable.js";
import { SampleView } from "../../dist/storage/sample-view.js";
import { LocalDatabase, type LocalDatabaseOptions, requestBody, type Started } from "./database.js";
import { FakeClock } from "./fake-clock.js";
import { MemFileSystem } from "./mem-file-system.js";
import {
  NaiveDb,
  type NaiveLimits,
  type NaiveOutcome,
  type NaiveSeries,
  STALE_HISTOGRAM,
  samplesOf,
} from "./naive-db.js";
import { randomBelow, seededRandom } from "./random.js";
import type { WireHistogram, WireSeries } from "./remote-write.js";
import { bitsOf, SIGNALLING_VALUE, STALE_BITS, STALE_VALUE } from "./signalling-nan.js";

const PAYLOAD_NAN = new Float64Array(new Uint32Array([0xdeadbeef, 0x7ff80123]).buffer)[0];
const VALUES = [
  0,
  -0,
  1,
  2,
  1e300,
  -Infinity,
  Infinity,
  Number.NaN,
  PAYLOAD_NAN,
  STALE_VALUE,
  SIGNALLING_VALUE,
  5e-324,
];
const HOUR_MS = 3_600_000;
const EVER: readonly [number, number] = [-(2 ** 53), 2 ** 53];

const MATCHERS: readonly (readonly Matcher[])[] = [
  [{ name: "__name__", op: "=", value: "up" }],
  [
    { name: "__name__", op: "=~", value: "up|down" },
    { name: "job", op: "!=", value: "a" },
  ],
  [{ name: "job", op: "=", value: "" }],
  [
    { name: "job", op: "=~", value: ".+" },
    { name: "zone", op: "!~", value: "ä.*" },
  ],
  [{ name: "__name__", op: "!~", value: "up" }],
  [{ name: "nothing", op: "=", value: "x" }],
];

export type Operation =
  | {
      readonly kind: "write";
      readonly thread: number;
      readonly protocol: 1 | 2;
      readonly series: WireSeries[];
    }
  /** Submits what waits, in an order of its own. */
  | { readonly kind: "commit"; readonly seed: number }
  | { readonly kind: "reopen" }
  | {
      readonly kind: "delete";
      readonly matchers: readonly Matcher[];
      readonly mint: number;
      readonly maxt: number;
    }
  | { readonly kind: "advance"; readonly ms: number };

export interface OperationOptions {
  readonly threads: number;
  /** Samples lie this many milliseconds around the start. */
  readonly spreadMs: number;
  /** Samples are deleted, too. */
  readonly deletions?: boolean;
}

const LABEL_SETS: readonly (readonly (readonly [string, string])[])[] = [
  [["__name__", "up"]],
  [
    ["__name__", "up"],
    ["job", "a"],
  ],
  [
    ["__name__", "up"],
    ["job", "b"],
    ["zone", "ä🜁"],
  ],
  [
    ["A", "before the name"],
    ["__name__", "up"],
    ["job", "a"],
  ],
  [
    ["__name__", "down"],
    ["job", "a"],
    ["my-tag", "x y"],
  ],
  [
    ["__name__", "rather_a_long_metric_name_total"],
    ["instance", "10.0.0.1:9100"],
    ["job", "a"],
    ["mode", "idle"],
  ],
];
const REFUSED_LABEL_SETS: typeof LABEL_SETS = [
  [],
  [["job", "a"]],
  [["__name__", ""]],
  [
    ["__name__", "up"],
    ["", "x"],
  ],
  [
    ["__name__", "up"],
    ["job", "a"],
    ["job", "a"],
  ],
  [
    ["__name__", "up"],
    ["job", ""],
    ["job", "a"],
  ],
  [
    ["__name__", "up"],
    ["a_label_name_that_is_too_long_by_far", "x"],
  ],
  [
    ["__name__", "up"],
    ["job", "a value that is longer than forty bytes is refused"],
  ],
  [["__name__", "up"], ...Array.from({ length: 9 }, (_, i) => [`l${i}`, "x"] as const)],
];

const labelSet: fc.Arbitrary<WireSeries["labels"]> = fc
  .oneof(
    { weight: 30, arbitrary: fc.constantFrom(...LABEL_SETS) },
    { weight: 1, arbitrary: fc.constantFrom(...REFUSED_LABEL_SETS) },
  )
  .chain((labels) => {
    const spelled = fc.shuffledSubarray([...labels], { minLength: labels.length });
    const plain = fc.constant([...labels]);
    const withAbsent = fc.constant([...labels, ["absent", ""] as const]);
    return fc.oneof({ weight: 6, arbitrary: plain }, { weight: 2, arbitrary: spelled }, withAbsent);
  });

/** Mostly ascending over a run, with steps back, so that chunks fill and late samples fall into all of them. */
function timestamps(startMs: number, { spreadMs }: OperationOptions): fc.Arbitrary<number> {
  const near = fc.nat({ max: 120 }).map((n) => startMs - HOUR_MS + n * 1000);
  const wide = fc.integer({ min: -spreadMs, max: 0 }).map((ms) => startMs + ms - (ms % 500));
  const hostile = fc.constantFrom(0, -1, 1, startMs + 10 * 60_000, startMs + 11 * 60_000, 9e15, -9e15);
  return fc.oneof(
    { weight: 20, arbitrary: near },
    { weight: 8, arbitrary: wide },
    { weight: 1, arbitrary: hostile },
  );
}

function histogram(timestamp: fc.Arbitrary<number>): fc.Arbitrary<WireHistogram> {
  return fc.record({ timestamp, count: fc.nat({ max: 3 }), float: fc.boolean() }).map((h) => ({
    schema: 0,
    sum: h.count * 2,
    timestamp: h.timestamp,
    ...(h.float
      ? { countFloat: h.count + 0.5, zeroCountFloat: h.count + 0.5 }
      : { countInt: h.count, zeroCountInt: h.count }),
  }));
}

export function operations(startMs: number, options: OperationOptions): fc.Arbitrary<Operation[]> {
  const timestamp = timestamps(startMs, options);
  const sample = fc.record({ timestamp, value: fc.constantFrom(...VALUES) });
  const series = fc.record({
    labels: labelSet,
    samples: fc.array(sample, { maxLength: 12 }),
    histograms: fc.oneof(
      { weight: 6, arbitrary: fc.constant([]) },
      fc.array(histogram(timestamp), { maxLength: 2 }),
    ),
  });
  const write = fc.record({
    kind: fc.constant("write" as const),
    thread: fc.nat({ max: options.threads - 1 }),
    protocol: fc.constantFrom(1 as const, 2 as const),
    series: fc.array(series, { minLength: 1, maxLength: 4 }),
  });
  const commit = fc.record({ kind: fc.constant("commit" as const), seed: fc.nat() });
  const reopen = fc.constant({ kind: "reopen" as const });
  const advance = fc.record({ kind: fc.constant("advance" as const), ms: fc.nat({ max: 3 * HOUR_MS }) });
  const range = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(timestamp, timestamp) },
    fc.constant<[number, number]>([-(2 ** 53), 2 ** 53]),
  );
  const deletion = fc.record({ matchers: fc.constantFrom(...MATCHERS, []), range }).map((d) => ({
    kind: "delete" as const,
    matchers: d.matchers,
    mint: Math.min(...d.range),
    maxt: Math.max(...d.range),
  }));
  const one = fc.oneof(
    { weight: 20, arbitrary: write },
    { weight: 4, arbitrary: commit },
    { weight: 2, arbitrary: reopen },
    { weight: options.deletions === true ? 6 : 0, arbitrary: deletion },
    advance,
  );
  return fc.array(one, { minLength: 1, maxLength: 40, size: "max" });
}

export const NAIVE_LIMITS: NaiveLimits = {
  windowMs: 24 * HOUR_MS,
  retentionMs: 15 * 24 * HOUR_MS,
  seriesMax: 1000,
  labelsMax: 8,
  nameBytesMax: 32,
  valueBytesMax: 40,
};

/** The head and its model, driven side by side. */
export class HeadAndModel {
  readonly clock = new FakeClock();
  readonly disk = new MemFileSystem();
  readonly model: NaiveDb;
  local: LocalDatabase;
  private readonly options: LocalDatabaseOptions;
  private waiting: Started[] = [];

  constructor(options: LocalDatabaseOptions, limits: Partial<NaiveLimits> = {}) {
    const { windowMs, retentionMs, seriesMax, labelsMax, nameBytesMax, valueBytesMax } = {
      ...NAIVE_LIMITS,
      ...limits,
    };
    this.model = new NaiveDb({ windowMs, retentionMs, seriesMax, labelsMax, nameBytesMax, valueBytesMax });
    this.options = {
      outOfOrderWindowMs: windowMs,
      retentionMs,
      seriesMax,
      labelsPerSeriesMax: labelsMax,
      labelNameBytesMax: nameBytesMax,
      labelValueBytesMax: valueBytesMax,
      ...options,
    };
    this.local = new LocalDatabase(this.disk, this.clock, this.options);
  }

  async run(list: readonly Operation[]): Promise<void> {
    for (const operation of list) {
      if (operation.kind === "write") this.write(operation.series, operation.protocol, operation.thread);
      else if (operation.kind === "advance") this.clock.advance(operation.ms);
      else if (operation.kind === "delete") {
        await this.commit(3);
        const { matchers, mint, maxt } = operation;
        await this.local.deleteSeries({ sets: [matchers], mint, maxt });
        this.model.delete(matchers, mint, maxt);
        checkSame(this.local.queryable(), this.model);
        checkMany(this.local.head);
      } else {
        await this.commit(operation.kind === "commit" ? operation.seed : 1);
        if (operation.kind === "reopen") await this.reopen();
      }
    }
    await this.commit(2);
    checkSame(this.local.queryable(), this.model);
    checkMany(this.local.head);
    await this.reopen();
    await this.local.close();
  }

  write(series: readonly WireSeries[], protocol: 1 | 2, thread: number): void {
    const body = requestBody(series, protocol);
    const started = this.local.start(body, protocol, thread);
    this.waiting.push(started);
    checkOutcome(started, this.model.write(series, this.clock.nowMs()));
  }

  /** Submits one by one, in a random order, so that groups differ, too. */
  async commit(seed: number): Promise<void> {
    const random = seededRandom(seed);
    const left = this.waiting.splice(0);
    const answers: Promise<unknown>[] = [];
    while (left.length > 0) {
      const [next] = left.splice(randomBelow(random, left.length), 1);
      answers.push(next.commit());
      if (random() < 0.3) await Promise.all(answers);
    }
    await Promise.all(answers);
  }

  async reopen(): Promise<void> {
    await this.local.close();
    this.local = new LocalDatabase(this.disk, this.clock, this.options);
    assert.equal(this.local.replayed.unusable, 0, "every record can be used");
    assert.deepEqual(this.local.replayed.damages, []);
    checkSame(this.local.queryable(), this.model);
    checkMany(this.local.head);
  }
}

export function checkOutcome({ outcome }: Started, expected: NaiveOutcome): void {
  const { status, samples, histograms, duplicates } = outcome;
  const refused = [...expected.refused.values()].reduce((sum, count) => sum + count, 0);
  assert.deepEqual(
    { status, samples, histograms, duplicates },
    {
      status: refused === 0 ? 204 : 400,
      samples: expected.samples,
      histograms: expected.histograms,
      duplicates: expected.duplicates,
    },
    outcome.message,
  );
  for (const [reason, count] of expected.refused) {
    assert.ok(outcome.message.includes(`${count} ${reason}`), `${count} ${reason}: ${outcome.message}`);
  }
}

/** Everything that a reader can ask. */
export function checkSame(queryable: Queryable, model: NaiveDb): void {
  const stored = readAll(queryable, [], EVER[0], EVER[1]);
  assert.deepEqual([...stored.keys()].sort(), keysOf(model.select([], ...EVER)));
  for (const series of model.select([], ...EVER)) {
    assert.deepEqual(stored.get(series.key), samplesOf(series, ...EVER), series.key);
  }
  assert.deepEqual(queryable.labelNames([], ...EVER), model.labelNames());
  for (const name of [...model.labelNames(), "absent"]) {
    assert.deepEqual(queryable.labelValues(name, [], ...EVER), model.labelValues(name), name);
  }
  for (const matchers of MATCHERS) {
    const found = readAll(queryable, matchers, ...EVER);
    assert.deepEqual([...found.keys()].sort(), keysOf(model.select(matchers, ...EVER)));
  }
  checkRanges(queryable, model);
}

function checkRanges(queryable: Queryable, model: NaiveDb): void {
  const all = [...model.series.values()].flatMap((one) => samplesOf(one, ...EVER).map(([t]) => t));
  for (const mint of all.filter((_, i) => i % 17 === 0)) {
    for (const maxt of [mint, mint + 1, mint + 5000, mint + HOUR_MS]) {
      const found = readAll(queryable, [], mint, maxt);
      for (const series of model.series.values()) {
        const expected = samplesOf(series, mint, maxt);
        assert.deepEqual(found.get(series.key) ?? [], expected, `${series.key} in [${mint}, ${maxt}]`);
      }
    }
  }
}

function keysOf(series: readonly NaiveSeries[]): string[] {
  return series.map(({ key }) => key).sort();
}

/** Samples by series key; series without a sample in the range are left out. */
export function readAll(
  queryable: Queryable,
  matchers: readonly Matcher[],
  mint: number,
  maxt: number,
): Map<string, [timestamp: number, stored: string][]> {
  const set = queryable.select(matchers, mint, maxt);
  const columns = new SampleColumns(16);
  const all = new Map<string, [number, string][]>();
  for (let i = 0; i < set.count; i++) {
    set.read(i, mint, maxt, columns);
    const key = JSON.stringify([...set.labels(i)]);
    assert.ok(!all.has(key), `one series for ${key}`);
    if (columns.count > 0) all.set(key, columnsOf(columns));
    checkView(set, i, mint, maxt, columns);
  }
  return all;
}

/** What the head finds out about many series at once is what reading one after the other says. */
function checkMany(head: Queryable): void {
  readAll(head, [], ...EVER);
  const set = head.select([], ...EVER);
  checkCells(set, ...EVER);
  checkGroups(set);
}

function checkCells(set: SeriesSet, mint: number, maxt: number): void {
  assert.ok(set.fillCells !== undefined);
  const columns = new SampleColumns(16);
  const times: number[] = [];
  for (let i = 0; i < Math.min(set.count, 5); i++) {
    set.read(i, mint, maxt, columns);
    times.push(...columns.timestamps.subarray(0, columns.count));
  }
  times.sort((a, b) => a - b);
  if (times.length === 0) return;
  const timeAt = (share: number): number => times[Math.floor(share * (times.length - 1))];
  // Borders are where samples are: each end of a lookback is met.
  for (const [from, to, steps] of [
    [0, 1, 1],
    [0.5, 1, 1],
    [0.2, 0.6, 1],
    [0.1, 0.4, 5],
  ]) {
    const strideMs = steps === 1 ? 0 : Math.floor((timeAt(1) - timeAt(to)) / (steps - 1));
    const lookbackMs = timeAt(to) - timeAt(from);
    if (lookbackMs <= 0) continue;
    const cells = { firstMs: timeAt(to), strideMs, steps, lookbackMs, ...NO_CELLS };
    for (let from = 0; from < set.count; from += cells.rows) {
      set.fillCells(from, cells);
      assert.ok(cells.rows > 0 && cells.rows <= set.count - from);
      for (let row = 0; row < cells.rows; row++) {
        set.read(from + row, mint, maxt, columns);
        if (cells.filled[row] < 0) continue;
        assert.equal(columns.histograms, null);
        assert.deepEqual(rowOf(cells, row), newestOf(columns, cells));
        assert.equal(cells.filled[row], rowOf(cells, row).filter((value) => value !== null).length);
      }
    }
  }
}

const NO_CELLS = {
  rows: 0,
  values: new Float64Array(0),
  kinds: new Uint8Array(0),
  filled: new Int32Array(0),
};

function rowOf({ steps, values, kinds }: SeriesCells, row: number): (number | null)[] {
  return Array.from({ length: steps }, (_, s) =>
    kinds[row * steps + s] === 1 ? values[row * steps + s] : null,
  );
}

function newestOf(columns: SampleColumns, cells: SeriesCells): (number | null)[] {
  const { firstMs, strideMs, steps, lookbackMs } = cells;
  return Array.from({ length: steps }, (_, s) => {
    const time = firstMs + s * strideMs;
    let at = columns.count - 1;
    while (at >= 0 && columns.timestamps[at] > time) at--;
    const seen = at >= 0 && columns.timestamps[at] > time - lookbackMs && !isStaleAt(columns.valueWords, at);
    return seen ? columns.values[at] : null;
  });
}

function checkGroups(set: SeriesSet): void {
  const sets = Array.from({ length: set.count }, (_, i) => set.labels(i));
  const names = ["__name__", ...new Set(sets.flatMap(({ pairs }) => pairs.filter((_, i) => i % 2 === 0)))];
  for (const chosen of [[names[0]], names.slice(1, 2), names.slice(0, 3), ["none"]]) {
    const numbers = set.groupBy?.(chosen);
    if (numbers === undefined || numbers === null) continue;
    const groups = new Map(
      sets.map((labels, i) => [numbers[i], JSON.stringify(chosen.map((n) => labels.get(n)))]),
    );
    assert.equal(new Set(groups.values()).size, groups.size);
    sets.forEach((labels, i) => {
      assert.equal(groups.get(numbers[i]), JSON.stringify(chosen.map((n) => labels.get(n))));
    });
  }
  if (set.isDistinctWithoutName?.() !== true) return;
  const keys = sets.map((labels) => JSON.stringify([...labels].filter(([name]) => !METADATA.has(name))));
  assert.equal(new Set(keys).size, keys.length);
}

const METADATA: ReadonlySet<string> = new Set(["__name__", "__type__", "__unit__"]);

const view = new SampleView();
const span = { firstMs: 0, lastMs: 0 };

/** What is read where it lies is what was read by copying. */
function checkView(set: SeriesSet, i: number, mint: number, maxt: number, columns: SampleColumns): void {
  const { timestamps, values, valueWords, histograms, count } = columns;
  const hasStale = Array.from({ length: count }, (_, at) => isStaleAt(valueWords, at)).includes(true);
  if (set.view?.(i, mint, maxt, view)) {
    const { start, end, resets } = view;
    assert.ok(!hasStale && histograms === null);
    assert.deepEqual(view.timestamps.subarray(start, end), timestamps.subarray(0, count));
    const bits = (floats: Float64Array): Uint8Array => new Uint8Array(floats.slice().buffer);
    assert.deepEqual(bits(view.values.subarray(start, end)), bits(values.subarray(0, count)));
    for (let at = start + 1; at < end; at++) {
      assert.equal(resets?.includes(at) ?? null, resets && view.values[at] < view.values[at - 1]);
    }
  }
  const gapMs = 60_000;
  if (set.span?.(i, mint, maxt, gapMs, span)) {
    assert.ok(!hasStale && histograms === null);
    for (let at = 0; at < count; at++) {
      assert.ok(timestamps[at] >= span.firstMs && timestamps[at] <= span.lastMs);
      assert.ok(at === 0 || timestamps[at] - timestamps[at - 1] < gapMs);
    }
    // The borders are samples, unless they lie outside of what was asked for.
    if (span.firstMs >= mint && span.firstMs <= maxt) assert.equal(timestamps[0], span.firstMs);
    if (span.lastMs >= mint && span.lastMs <= maxt) assert.equal(timestamps[count - 1], span.lastMs);
  }
}

function columnsOf(columns: SampleColumns): [number, string][] {
  return Array.from({ length: columns.count }, (_, i) => {
    const histogram = columns.histograms?.[i];
    const bits = `${columns.valueWords[2 * i + 1].toString(16)}:${columns.valueWords[2 * i].toString(16)}`;
    if (histogram === undefined) return [columns.timestamps[i], bits];
    const sum = bitsOf(histogram.sum);
    const stale = sum === STALE_BITS || bits === STALE_BITS;
    return [columns.timestamps[i], stale ? STALE_HISTOGRAM : `${histogram.count} ${sum}`];
  });
}
