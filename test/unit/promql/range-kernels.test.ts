/** The kernels that treat many windows at once, against one window after the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { extrapolationFactor } from "../../../dist/promql/functions/extrapolation.js";
import { maxOverTime, minOverTime } from "../../../dist/promql/functions/over-time.js";
import {
  Extrapolation,
  type FloatKernel,
  type RangeCall,
  type RangeWindows,
} from "../../../dist/promql/functions/range-window.js";
import { extrapolatedFloats } from "../../../dist/promql/functions/rate.js";
import { seededRandom } from "../../support/random.js";

const STRIDE_MS = 15_000;
const call = (rangeMs: number, firstEndMs: number, strideMs: number): RangeCall =>
  ({ rangeMs, firstEndMs, strideMs, state: { did: () => undefined } }) as never;

/** Samples every 15 s; windows of `width` samples that move by `stride` and begin with the sample at `first`. */
function windowsOf(
  floats: Float64Array,
  width: number,
  stride: number,
  resets: Int32Array | null,
  first = 0,
): RangeWindows {
  const steps = Math.ceil((floats.length - first) / stride);
  const windows = {
    steps,
    floatStart: Math.max(0, first - width + 1),
    floatEnd: floats.length,
    floatTimes: Float64Array.from(floats, (_, i) => i * STRIDE_MS),
    floats,
    floatLo: Int32Array.from({ length: steps }, (_, s) => Math.max(0, first + s * stride - width + 1)),
    floatHi: Int32Array.from({ length: steps }, (_, s) => first + s * stride + 1),
    extrapolation: new Extrapolation(steps),
    floatStarts: null,
    floatResets: resets,
  };
  return windows as never;
}

function run(kernel: FloatKernel, windows: RangeWindows, rangeCall: RangeCall): number[] {
  const out = new Float64Array(windows.steps);
  const kinds = new Uint8Array(windows.steps);
  const filled = kernel(windows, rangeCall, out, kinds, 0);
  assert.equal(
    filled,
    kinds.reduce((sum, kind) => sum + kind, 0),
  );
  return Array.from(out, (value, s) => (kinds[s] === 1 ? value : Number.NaN));
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`extremes over time are those of each window, seed ${seed}`, () => {
    const random = seededRandom(seed);
    const pool = [Number.NaN, Infinity, -Infinity, 0, -0, 1, -1];
    for (let round = 0; round < 40; round++) {
      const odd = random();
      const floats = Float64Array.from({ length: 1 + Math.floor(random() * 700) }, () =>
        random() < odd ? pool[Math.floor(random() * pool.length)]! : random() * 100 - 50,
      );
      const [width, stride] = [1 + Math.floor(random() * 300), 1 + Math.floor(random() * 40)];
      const windows = windowsOf(
        floats,
        width,
        stride,
        null,
        Math.floor(random() * Math.min(500, floats.length)),
      );
      for (const [kernel, sign] of [
        [maxOverTime, 1],
        [minOverTime, -1],
      ] as const) {
        const expected = Array.from({ length: windows.steps }, (_, s) => {
          let best = floats[windows.floatLo[s]!]!;
          for (let i = windows.floatLo[s]! + 1; i < windows.floatHi[s]!; i++) {
            if (floats[i]! * sign > best * sign || Number.isNaN(best)) best = floats[i]!;
          }
          return best;
        });
        const actual = run(kernel, windows, call(0, 0, 0));
        assert.ok(
          actual.every((value, s) => Object.is(value, expected[s])),
          `round ${round}, width ${width}, stride ${stride}`,
        );
      }
    }
  });

  test(`rates between resets are those of each window, seed ${seed}`, () => {
    const random = seededRandom(seed + 100);
    for (let round = 0; round < 60; round++) {
      const [resetShare, growth] = [random() ** 6, random() ** 3];
      let value = random() < 0.5 ? random() * 1e6 : 0;
      const nanShare = round % 5 === 0 ? 0.02 : 0;
      const floats = Float64Array.from({ length: 2 + Math.floor(random() * 900) }, () => {
        value = random() < resetShare ? random() * 10 : value + random() * growth * 100;
        return random() < nanShare ? Number.NaN : value;
      });
      const resets = [...floats.keys()].filter((i) => i > 0 && floats[i]! < floats[i - 1]!);
      const known = floats.some(Number.isNaN) || round % 2 === 0 ? null : Int32Array.from(resets);
      const [width, stride] = [2 + Math.floor(random() * 60), 1 + Math.floor(random() * 10)];
      // With two samples in the first window all windows have two.
      const first = round % 3 === 0 ? 0 : 1;
      const windows = windowsOf(floats, width, stride, known, first);
      if (round % 4 === 1) {
        // As if the samples of some windows were not there.
        const from = Math.floor(random() * windows.steps);
        const to = from + Math.floor(random() * 100);
        windows.floatLo.set(windows.floatHi.subarray(from, to), from);
      }
      const rangeMs = width * STRIDE_MS;
      const rangeCall = call(rangeMs, first * STRIDE_MS, stride * STRIDE_MS);
      const actual = run(extrapolatedFloats(true, true), windows, rangeCall);
      for (const [s, rate] of actual.entries()) {
        const [lo, last] = [windows.floatLo[s]!, windows.floatHi[s]! - 1];
        if (last <= lo) {
          assert.ok(Number.isNaN(rate));
          continue;
        }
        let increase = floats[last]! - floats[lo]!;
        for (const at of resets) if (at > lo && at <= last) increase += floats[at - 1]!;
        const end = (first + s * stride) * STRIDE_MS;
        const [from, to] = [windows.floatTimes[lo]!, windows.floatTimes[last]!];
        const factor = extrapolationFactor(from, to, end - rangeMs, end, last - lo, floats[lo]!, increase);
        assert.ok(
          Object.is(rate, increase * (factor / (rangeMs / 1000))),
          `round ${round}, step ${s}: ${rate}`,
        );
      }
    }
  });
}
