import { sameHistogram } from "../histogram/compare.js";
import { detectsReset } from "../histogram/reset.js";
import { type FloatKernel, type MixedKernel, perWindow, type RangeWindows } from "./range-window.js";
import { isStartReset } from "./start-timestamps.js";

export const resetsOverTime: FloatKernel = perWindow(({ floats, floatTimes, floatStarts }, lo, hi) => {
  let resets = 0;
  for (let i = lo + 1; i < hi; i++) {
    if (floats[i] < floats[i - 1]) resets++;
    else if (
      floatStarts !== null &&
      isStartReset(floatStarts[i - 1], floatTimes[i - 1], floatStarts[i], floatTimes[i])
    ) {
      resets++;
    }
  }
  return resets;
});

type Span = [from: number, to: number];

/**
 * Calls `differs` for each two neighbours of a window, floats and histograms in the order of time, and counts
 * the true answers; undefined for an empty window. An index below 0 is histogram ~index.
 */
function countNeighbours(
  windows: RangeWindows,
  [fStart, fEnd]: Span,
  [hStart, hEnd]: Span,
  differs: (a: number, b: number) => boolean,
): number | undefined {
  const { floatTimes, histogramTimes } = windows;
  let f = fStart;
  let h = hStart;
  if (f >= fEnd && h >= hEnd) return undefined;
  let count = 0;
  let previous: number | null = null;
  while (f < fEnd || h < hEnd) {
    const takeFloat = h >= hEnd || (f < fEnd && floatTimes[f] < histogramTimes[h]);
    const current = takeFloat ? f++ : ~h++;
    if (previous !== null && differs(previous, current)) count++;
    previous = current;
  }
  return count;
}

/** Resets between the samples of the two spans. */
export function countResets(windows: RangeWindows, floatSpan: Span, histogramSpan: Span): number | undefined {
  const { floats, floatTimes, floatStarts, histograms, histogramTimes, histogramStarts } = windows;
  return countNeighbours(windows, floatSpan, histogramSpan, (a, b) => {
    if (a < 0 !== b < 0) return true;
    if (a >= 0) {
      if (floats[b] < floats[a]) return true;
      return (
        floatStarts !== null && isStartReset(floatStarts[a], floatTimes[a], floatStarts[b], floatTimes[b])
      );
    }
    const [i, j] = [~a, ~b];
    if (
      histogramStarts !== null &&
      isStartReset(histogramStarts[i], histogramTimes[i], histogramStarts[j], histogramTimes[j])
    ) {
      return true;
    }
    return detectsReset(histograms[j], histograms[i]);
  });
}

/** Changes between the samples of the two spans. */
export function countChanges(
  windows: RangeWindows,
  floatSpan: Span,
  histogramSpan: Span,
): number | undefined {
  const { floats, histograms } = windows;
  return countNeighbours(windows, floatSpan, histogramSpan, (a, b) => {
    if (a < 0 !== b < 0) return true;
    if (a < 0) return !sameHistogram(histograms[~a], histograms[~b]);
    return floats[a] !== floats[b] && !(Number.isNaN(floats[a]) && Number.isNaN(floats[b]));
  });
}

function ofWindow(count: typeof countResets): MixedKernel {
  return (windows, s) => {
    const { floatLo, floatHi, histogramLo, histogramHi } = windows;
    return count(windows, [floatLo[s], floatHi[s]], [histogramLo[s], histogramHi[s]]);
  };
}

export const mixedResets: MixedKernel = ofWindow(countResets);
export const mixedChanges: MixedKernel = ofWindow(countChanges);
