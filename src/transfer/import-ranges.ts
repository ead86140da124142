import { compactionRanges } from "../compact/plan.js";
import type { BlockRange } from "./block-spool.js";

/** So many blocks one import may write before it takes a longer range for each. */
const BLOCKS_MAX = 120;

/** The ranges and the level of the blocks that an import ends in. */
export interface ImportRanges {
  readonly ranges: readonly BlockRange[];
  readonly level: number;
}

/**
 * The ranges that samples of [minTime, maxTime) spans go into: aligned as the compactor aligns them, two hours where
 * that makes few blocks, else the next of its levels that does, so that years of samples are not merged five times
 * over. Each is cut to the two-hour ranges that have samples at its ends.
 */
export function planRanges(spans: readonly BlockRange[], blockRangeMs: number): ImportRanges {
  const levels = compactionRanges(Number.POSITIVE_INFINITY, blockRangeMs);
  let level = 0;
  while (level + 1 < levels.length && slotsOf(spans, levels[level], BLOCKS_MAX).size > BLOCKS_MAX) level++;
  const rangeMs = levels[level];
  const ranges: BlockRange[] = [];
  for (const slot of [...slotsOf(spans, rangeMs, Number.POSITIVE_INFINITY)].sort((a, b) => a - b)) {
    const start = slot * rangeMs;
    const end = start + rangeMs;
    const inside = spans.filter((span) => span.minTime < end && span.maxTime > start);
    const first = Math.min(...inside.map((span) => Math.max(start, span.minTime)));
    const last = Math.max(...inside.map((span) => Math.min(end, span.maxTime)));
    ranges.push({
      minTime: Math.floor(first / blockRangeMs) * blockRangeMs,
      maxTime: Math.ceil(last / blockRangeMs) * blockRangeMs,
    });
  }
  return { ranges, level: level + 1 };
}

/** Numbers of the aligned ranges that the spans touch; it ends early above `slotsMax`. */
function slotsOf(spans: readonly BlockRange[], rangeMs: number, slotsMax: number): Set<number> {
  const slots = new Set<number>();
  for (const { minTime, maxTime } of spans) {
    const last = Math.floor((maxTime - 1) / rangeMs);
    for (let slot = Math.floor(minTime / rangeMs); slot <= last; slot++) {
      slots.add(slot);
      if (slots.size > slotsMax) return slots;
    }
  }
  return slots;
}
