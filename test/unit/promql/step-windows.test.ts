/** The windows of a range selector's steps, against each window looked up by itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StepWindows } from "../../../dist/promql/eval/step-windows.js";
import { extrapolationOf, factorOf } from "../../../dist/promql/functions/extrapolation.js";
import type { RangeCall, RangeWindows } from "../../../dist/promql/functions/range-window.js";
import { seededRandom } from "../../support/random.js";

const LOOKBACK_MS = 300_000;
const NO_TIMES = new Float64Array(0);

function windowsOf(
  floatTimes: Float64Array,
  floatStart: number,
  floatEnd: number,
  floatIntervalMs: number,
): RangeWindows {
  return { floatTimes, floatStart, floatEnd, floatIntervalMs, sharesTimes: true, histogramCount: 0 } as never;
}

/** How many of the times are at `limit` or before. */
function upTo({ floatTimes, floatStart, floatEnd }: RangeWindows, limit: number): number {
  return floatStart + floatTimes.subarray(floatStart, floatEnd).filter((time) => time <= limit).length;
}

function check(windows: RangeWindows, stepWindows: StepWindows, call: RangeCall, steps: number): void {
  stepWindows.find(windows);
  const { extrapolation } = windows;
  const { evenFrom, evenTo } = extrapolation;
  const { anchored, smoothed, rangeMs, firstEndMs, strideMs } = call;
  for (let s = 0; s < steps; s++) {
    const at = firstEndMs + s * strideMs;
    const start = at - rangeMs - (anchored || smoothed ? LOOKBACK_MS : 0);
    assert.equal(windows.floatLo[s], upTo(windows, start), `lo of ${s}`);
    assert.equal(windows.floatHi[s], upTo(windows, at + (smoothed ? LOOKBACK_MS : 0)), `hi of ${s}`);
  }
  extrapolationOf(Object.assign(windows, { steps }), call, 60);
  for (let s = 0; s < steps; s++) {
    if (windows.floatHi[s]! - windows.floatLo[s]! < 2) continue;
    const factor = factorOf(windows, call, s, -1, 0) / 60;
    assert.equal(extrapolation.factors[s], factor, `factor of ${s}, even in [${evenFrom}, ${evenTo})`);
  }
}

for (const seed of [1, 2, 3]) {
  test(`windows hold the samples of their times, seed ${seed}`, () => {
    const random = seededRandom(seed);
    const pick = (values: readonly number[]): number => values[Math.floor(random() * values.length)]!;
    let even = 0;
    for (let round = 0; round < 500; round++) {
      const intervalMs = pick([1, 1000, 15_000, 60_000, 7]);
      const firstMs = Math.floor(random() * 1e6) + pick([0, 1.7e12]);
      const times = Float64Array.from(
        { length: 1 + Math.floor(random() * 60) },
        (_, i) => firstMs + i * intervalMs,
      );
      // One sample late, or a gap.
      const oddAt = Math.floor(random() * times.length);
      const kind = pick([0, 0, 1, 2]);
      if (kind === 1 && intervalMs > 1) times[oddAt]! += 1;
      if (kind === 2) for (let i = oddAt; i < times.length; i++) times[i]! += 5 * intervalMs;
      const strideMs = intervalMs * pick([1, 2, 4, 13, 0.5, 100, 0]);
      const rangeMs = intervalMs * pick([1, 3, 20, 2.5]);
      const firstEndMs = firstMs + Math.floor((random() * 90 - 30) * intervalMs);
      const smoothed = random() < 0.2;
      const anchored = random() < 0.2;
      const state = { lookbackMs: LOOKBACK_MS, did: () => undefined };
      const call = { rangeMs, firstEndMs, strideMs, smoothed, anchored, state } as never;
      const steps = 1 + Math.floor(random() * 40);
      const stepWindows = new StepWindows(call, steps);
      const from = Math.floor(random() * 3);
      const isOdd = (kind === 1 && intervalMs > 1) || (kind === 2 && oddAt > 0);
      const knownMs = isOdd || random() < 0.5 ? 0 : intervalMs;
      const all = windowsOf(times, 0, times.length, knownMs);
      check(all, stepWindows, call, steps);
      // The same array, less of it: as rows of a subquery that begin later.
      if (from < times.length) check(windowsOf(times, from, times.length, knownMs), stepWindows, call, steps);
      check(all, stepWindows, call, steps);
      if (all.extrapolation.evenTo > all.extrapolation.evenFrom) even++;
    }
    assert.ok(even > 40, `${even} rounds with even windows`);
  });
}

test("histograms have windows of their own", () => {
  const histogramTimes = Float64Array.of(10, 20, 40);
  const call = { rangeMs: 15, firstEndMs: 20, strideMs: 20, state: { lookbackMs: LOOKBACK_MS } } as never;
  const windows = {
    ...windowsOf(NO_TIMES, 0, 0, 0),
    histogramCount: 3,
    histogramTimes,
    histogramLo: new Int32Array(2),
    histogramHi: new Int32Array(2),
  };
  new StepWindows(call, 2).find(windows);
  assert.deepEqual([...windows.histogramLo, ...windows.histogramHi], [0, 2, 2, 3]);
  assert.deepEqual([...windows.floatLo, ...windows.floatHi], [0, 0, 0, 0]);
});
