import { worked } from "../../base/patience.js";
import { KahanSum } from "../eval/go-math.js";
import { quantileOf } from "./quantile.js";
import { type FloatKernel, perWindow, type RangeWindows } from "./range-window.js";

/** The `_over_time` functions of floats, each a loop over the samples of one window. */

const kahan = new KahanSum();
/** A window of millions of samples can be given up in its middle: every so many samples. */
const LOOK_MASK = 0x3ffff;

export const sumOverTime: FloatKernel = perWindow(({ floats }, lo, hi) => {
  let sum = 0;
  let c = 0;
  for (let i = lo; i < hi; i++) {
    if ((i & LOOK_MASK) === 0) worked(LOOK_MASK);
    const inc = floats[i];
    const t = sum + inc;
    if (t > Number.MAX_VALUE || t < -Number.MAX_VALUE) c = 0;
    else if (Math.abs(sum) >= Math.abs(inc)) c += sum - t + inc;
    else c += inc - t + sum;
    sum = t;
  }
  return sum === Infinity || sum === -Infinity ? sum : sum + c;
});

/** The sum over the count; from where the sum would overflow, the mean itself is carried on. */
export const avgOverTime: FloatKernel = perWindow(({ floats }, lo, hi) => {
  kahan.set(floats[lo], 0);
  let count = 1;
  let mean = 0;
  let incremental = false;
  for (let i = lo + 1; i < hi; i++) {
    if ((i & LOOK_MASK) === 0) worked(LOOK_MASK);
    count++;
    if (!incremental) {
      const { sum, c } = kahan;
      kahan.add(floats[i]);
      if (kahan.sum !== Infinity && kahan.sum !== -Infinity) continue;
      incremental = true;
      mean = sum / (count - 1);
      kahan.set(mean, c / (count - 1));
    }
    const q = (count - 1) / count;
    kahan.set(q * kahan.sum, q * kahan.c);
    kahan.add(floats[i] / count);
  }
  return incremental ? kahan.sum + kahan.c : kahan.sum / count + kahan.c / count;
});

export const countOverTime: FloatKernel = perWindow((_windows, lo, hi) => hi - lo);
export const presentOverTime: FloatKernel = perWindow(() => 1);
export const firstOverTime: FloatKernel = perWindow(({ floats }, lo) => floats[lo]);
export const lastOverTime: FloatKernel = perWindow(({ floats }, _lo, hi) => floats[hi - 1]);
export const tsOfFirstOverTime: FloatKernel = perWindow(({ floatTimes }, lo) => floatTimes[lo] / 1000);
export const tsOfLastOverTime: FloatKernel = perWindow(
  ({ floatTimes }, _lo, hi) => floatTimes[hi - 1] / 1000,
);

/** Samples of which the best one is worked out once for all windows that they are in: as many as a step adds, or 8. */
const BLOCK = 8;
const BLOCK_MIN = 4;
const BLOCK_MAX = 64;
/** Windows of fewer blocks are as fast sample by sample. */
const BLOCKS_MIN = 3;

/** By block, its best value; shared by all calls. */
let bestOfBlocks = new Float64Array(256);

/**
 * The best of [lo, hi): the first of the largest (sign 1) or smallest (sign -1). NaN counts for nothing: where there
 * is no other, what is returned is infinitely bad.
 */
function bestOf(values: Float64Array, lo: number, hi: number, sign: 1 | -1, start: number): number {
  let best = start;
  if (sign === 1) {
    for (let i = lo; i < hi; i++) if (values[i] > best) best = values[i];
  } else {
    for (let i = lo; i < hi; i++) if (values[i] < best) best = values[i];
  }
  return best;
}

/** The largest (sign 1) or smallest (sign -1) value of each window; NaN where there is no other. */
function extremeOverTime(sign: 1 | -1): FloatKernel {
  const worst = sign === 1 ? -Infinity : Infinity;
  return (windows, call, out, kinds, base) => {
    const { floats, floatStart, floatLo, floatHi, steps } = windows;
    const block = blockOf(windows);
    const wide = BLOCKS_MIN * block;
    // Where samples are regular, a block ends where a window does.
    const origin = floatStart + ((floatHi[steps >> 1] - floatStart) % block);
    let hasBlocks = false;
    let filled = 0;
    for (let s = 0; s < steps; s++) {
      const lo = floatLo[s];
      const hi = floatHi[s];
      if (hi === lo) continue;
      let best = worst;
      if (hi - lo < wide) best = bestOf(floats, lo, hi, sign, worst);
      else {
        if (!hasBlocks) findBestOfBlocks(windows, block, origin, sign, worst);
        hasBlocks = true;
        const first = ((lo - origin + block - 1) / block) | 0;
        const last = ((hi - origin) / block) | 0;
        best = bestOf(floats, lo, origin + first * block, sign, worst);
        best = bestOf(bestOfBlocks, first, last, sign, best);
        best = bestOf(floats, origin + last * block, hi, sign, best);
        call.state.did(last - first);
      }
      out[base + s] = best === worst ? firstNumber(floats, lo, hi) : best;
      kinds[base + s] = 1;
      filled++;
    }
    return filled;
  };
}

/** As many samples as each step adds, where that is the same at all of them, or so. */
function blockOf({ floatHi, steps }: RangeWindows): number {
  const middle = steps >> 1;
  const added = middle > 0 ? floatHi[middle] - floatHi[middle - 1] : 0;
  return added >= BLOCK_MIN && added <= BLOCK_MAX ? added : BLOCK;
}

/** Of the whole blocks from `origin` on. */
function findBestOfBlocks(
  { floats, floatEnd }: RangeWindows,
  block: number,
  origin: number,
  sign: 1 | -1,
  worst: number,
): void {
  const blocks = Math.floor((floatEnd - origin) / block);
  if (blocks > bestOfBlocks.length) bestOfBlocks = new Float64Array(2 * blocks);
  for (let b = 0; b < blocks; b++) {
    const from = origin + b * block;
    bestOfBlocks[b] = bestOf(floats, from, from + block, sign, worst);
  }
}

/** The first value of [lo, hi) that is not NaN; where all are, the first of them. */
function firstNumber(values: Float64Array, lo: number, hi: number): number {
  for (let i = lo; i < hi; i++) if (!Number.isNaN(values[i])) return values[i];
  return values[lo];
}

export const maxOverTime: FloatKernel = extremeOverTime(1);
export const minOverTime: FloatKernel = extremeOverTime(-1);

/** When the window's last extreme value was, in seconds. */
function timeOfExtreme(sign: 1 | -1): FloatKernel {
  return perWindow(({ floats, floatTimes }, lo, hi) => {
    let best = lo;
    for (let i = lo; i < hi; i++) {
      if (floats[i] * sign >= floats[best] * sign || Number.isNaN(floats[best])) best = i;
    }
    return floatTimes[best] / 1000;
  });
}

export const tsOfMaxOverTime: FloatKernel = timeOfExtreme(1);
export const tsOfMinOverTime: FloatKernel = timeOfExtreme(-1);

const mean = new KahanSum();
const squares = new KahanSum();

function variance({ floats }: RangeWindows, lo: number, hi: number): number {
  mean.set(0, 0);
  squares.set(0, 0);
  for (let i = lo; i < hi; i++) {
    if ((i & LOOK_MASK) === 0) worked(LOOK_MASK);
    const delta = floats[i] - (mean.sum + mean.c);
    mean.add(delta / (i - lo + 1));
    squares.add(delta * (floats[i] - (mean.sum + mean.c)));
  }
  return (squares.sum + squares.c) / (hi - lo);
}

export const stdvarOverTime: FloatKernel = perWindow(variance);
export const stddevOverTime: FloatKernel = perWindow((windows, lo, hi) =>
  Math.sqrt(variance(windows, lo, hi)),
);

export const quantileOverTime: FloatKernel = perWindow(({ floats }, lo, hi, call, s) => {
  const q = call.scalars[0][s];
  if (!(q >= 0 && q <= 1)) call.state.annotations.invalidQuantile(q, call.args[0].range);
  return quantileOf(q, floats.slice(lo, hi));
});

/** Median of the absolute distances from the median. */
export const madOverTime: FloatKernel = perWindow(({ floats }, lo, hi) => {
  const values = floats.slice(lo, hi);
  for (const value of values) if (Number.isNaN(value)) return Number.NaN;
  const median = quantileOf(0.5, values);
  for (let i = 0; i < values.length; i++) values[i] = Math.abs(values[i] - median);
  return quantileOf(0.5, values);
});

export const changesOverTime: FloatKernel = perWindow(({ floats }, lo, hi) => {
  let changes = 0;
  for (let i = lo + 1; i < hi; i++) {
    if ((i & LOOK_MASK) === 0) worked(LOOK_MASK);
    const a = floats[i - 1];
    const b = floats[i];
    if (a !== b && !(Number.isNaN(a) && Number.isNaN(b))) changes++;
  }
  return changes;
});
