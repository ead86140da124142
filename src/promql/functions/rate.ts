import {
  extrapolationOf,
  factorOf,
  isFarFromZero,
  SURELY_LARGER,
  startedFactor,
  startsInside,
} from "./extrapolation.js";
import {
  type Extrapolation,
  type FloatKernel,
  metricNameOf,
  type RangeCall,
  type RangeWindows,
  toSeconds,
} from "./range-window.js";
import { isStartReset, startsOverlap } from "./start-timestamps.js";

/** Positions i where the counter fell from i - 1 to i; shared by all calls, so used up within one. */
let found = new Int32Array(256);

/** Whether there is a NaN among the values that `findResets` looked through last. */
let foundNaN = false;

/** Fills `found`; returns how many there are. */
function findResets(windows: RangeWindows): number {
  const { floats, floatStart, floatEnd, floatTimes, floatStarts } = windows;
  let count = 0;
  foundNaN = Number.isNaN(floats[floatStart]);
  for (let i = floatStart + 1; i < floatEnd; i++) {
    if (floats[i] >= floats[i - 1] && floatStarts === null) continue;
    if (Number.isNaN(floats[i])) foundNaN = true;
    const fell = floats[i] < floats[i - 1];
    if (!fell && (floatStarts === null || !startResetAt(floatTimes, floatStarts, i))) continue;
    if (count === found.length) {
      const grown = new Int32Array(2 * count);
      grown.set(found);
      found = grown;
    }
    found[count++] = i;
  }
  return count;
}

function startResetAt(times: Float64Array, starts: Float64Array, i: number): boolean {
  return isStartReset(starts[i - 1], times[i - 1], starts[i], times[i]);
}

/** Windows that are judged together. */
const JUDGED_STEPS = 64;

/** One series' way through its windows. */
interface Pass {
  readonly windows: RangeWindows;
  readonly call: RangeCall;
  readonly isCounter: boolean;
  /** What an increase is divided by: the seconds of the window, or 1. */
  readonly divisor: number;
  readonly extrapolation: Extrapolation;
  /** Where the counter fell: the first `resetCount`. */
  readonly resets: Int32Array;
  readonly resetCount: number;
  /** Of `resets`, the first that is behind the start of the window at hand. */
  nextReset: number;
  readonly out: Float64Array;
  readonly kinds: Uint8Array;
  readonly base: number;
}

/**
 * rate, increase and delta of floats: the difference of the window's ends, corrected for the resets between,
 * extrapolated to the window's borders where samples come close to them (Prometheus' extrapolatedRate).
 */
export function extrapolatedFloats(isCounter: boolean, isRate: boolean): FloatKernel {
  return (windows, call, out, kinds, base) => {
    const { floatStarts, steps } = windows;
    const known = windows.floatResets;
    const resetCount = isCounter ? (known?.length ?? findResets(windows)) : 0;
    const resets = known ?? found;
    if (isCounter && floatStarts !== null) warnOfOverlaps(windows, call);
    const divisor = isRate ? toSeconds(call.rangeMs) : 1;
    const extrapolation = extrapolationOf(windows, call, divisor);
    const { wholeFrom, wholeTo } = extrapolation;
    const pass: Pass = {
      windows,
      call,
      isCounter,
      divisor,
      extrapolation,
      resets,
      resetCount,
      nextReset: 0,
      out,
      kinds,
      base,
    };
    const mayBePlain = floatStarts === null && !(isCounter && known === null && foundNaN);
    if (!mayBePlain || wholeFrom >= wholeTo) return stepByStep(pass, 0, steps);
    let filled = stepByStep(pass, 0, wholeFrom);
    for (let from = wholeFrom; from < wholeTo; ) {
      const plainTo = plainUpTo(pass, from, Math.min(from + JUDGED_STEPS, wholeTo));
      const to = Math.max(plainTo, from + 1);
      filled += isPlain(pass, from, plainTo) ? allPlain(pass, from, to) : stepByStep(pass, from, to);
      from = to;
    }
    return filled + stepByStep(pass, wholeTo, steps);
  };
}

/** The end of the windows [from, …) that end before the next reset, at most `to`. */
function plainUpTo(pass: Pass, from: number, to: number): number {
  const { floatLo, floatHi, floatEnd } = pass.windows;
  const { resets, resetCount } = pass;
  while (pass.nextReset < resetCount && resets[pass.nextReset] <= floatLo[from]) pass.nextReset++;
  const reset = pass.nextReset < resetCount ? resets[pass.nextReset] : floatEnd;
  let end = to;
  while (end > from && floatHi[end - 1] > reset) end--;
  return end;
}

/** True where the windows [from, to) need nothing but their factors. */
function isPlain({ windows, isCounter, extrapolation }: Pass, from: number, to: number): boolean {
  if (to <= from) return false;
  const { floats, floatLo, floatHi } = windows;
  return !isCounter || isFarFromZero(floats[floatLo[from]], floats[floatHi[to - 1] - 1], extrapolation);
}

function allPlain({ windows, extrapolation, out, kinds, base }: Pass, from: number, to: number): number {
  const { floats, floatLo, floatHi } = windows;
  const { factors } = extrapolation;
  for (let s = from; s < to; s++) {
    out[base + s] = (floats[floatHi[s] - 1] - floats[floatLo[s]]) * factors[s];
  }
  kinds.fill(1, base + from, base + to);
  return to - from;
}

function stepByStep(pass: Pass, from: number, to: number): number {
  const { windows, call, isCounter, divisor, resets, resetCount, out, kinds, base } = pass;
  const { floatLo, floatHi, floats, floatStarts } = windows;
  const { factors, sampled, toStart } = pass.extrapolation;
  let { nextReset } = pass;
  let filled = 0;
  for (let s = from; s < to; s++) {
    const lo = floatLo[s];
    const last = floatHi[s] - 1;
    if (last < lo) continue;
    const first = floats[lo];
    while (nextReset < resetCount && resets[nextReset] <= lo) nextReset++;
    let increase = floats[last] - first;
    let reset = nextReset;
    while (reset < resetCount && resets[reset] <= last) increase += floats[resets[reset++] - 1];
    call.state.did(reset - nextReset);
    let factor = factors[s];
    if (floatStarts !== null && isCounter && startsInside(windows, call, s)) {
      factor = startedFactor(windows, call, s) / divisor;
      increase += first;
    } else if (last === lo) {
      continue;
    } else if (isCounter && increase > 0 && first >= 0) {
      // Counters do not begin below zero. Whether that shortens the way to the start is mostly plain without dividing.
      const isFar = first * sampled[s] > toStart[s] * increase * SURELY_LARGER;
      if (!isFar) factor = factorOf(windows, call, s, first, increase) / divisor;
    }
    out[base + s] = increase * factor;
    kinds[base + s] = 1;
    filled++;
  }
  pass.nextReset = nextReset;
  return filled;
}

function warnOfOverlaps(windows: RangeWindows, call: RangeCall): void {
  const { floatLo, floatHi, floatTimes, steps } = windows;
  const starts = windows.floatStarts as Float64Array;
  for (let s = 0; s < steps; s++) {
    for (let i = floatLo[s] + 1; i < floatHi[s]; i++) {
      if (!startsOverlap(starts[i - 1], floatTimes[i - 1], starts[i])) continue;
      call.state.annotations.startTimeOverlap(metricNameOf(call), call.args[0].range);
      break;
    }
  }
}

/** irate and idelta of floats: the last two samples of the window. */
export function instantFloats(isRate: boolean): FloatKernel {
  return (windows, _call, out, kinds, base) => {
    const { floatLo, floatHi, floatTimes, floats, floatStarts, steps } = windows;
    let filled = 0;
    for (let s = 0; s < steps; s++) {
      const last = floatHi[s] - 1;
      if (last <= floatLo[s]) continue;
      const interval = floatTimes[last] - floatTimes[last - 1];
      const reset =
        isRate &&
        (floats[last] < floats[last - 1] ||
          (floatStarts !== null && startResetAt(floatTimes, floatStarts, last)));
      const change = reset ? floats[last] : floats[last] - floats[last - 1];
      out[base + s] = isRate ? change / (interval / 1000) : change;
      kinds[base + s] = 1;
      filled++;
    }
    return filled;
  };
}
