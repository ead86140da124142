import { compareMetas } from "../block/block-folder.js";
import type { BlockMeta } from "../block/block-meta.js";

const HOUR_MS = 3_600_000;
/** Samples of one head block: two hours. */
export const BLOCK_RANGE_MS: number = 2 * HOUR_MS;
/** Each level spans this many ranges of the level before. */
const LEVEL_FACTOR = 3;
const RANGE_MS_MAX: number = 31 * 24 * HOUR_MS;
/** No block spans more than this part of the retention, so that retention frees space in steps. */
const RETENTION_PART = 10;
/** A block with tombstones for more than this part of its series is written anew. */
const TOMBSTONES_PART_MAX = 0.05;

/** A block as the planner sees it. */
export interface PlannedBlock {
  readonly meta: BlockMeta;
  /** Deleted intervals in it. */
  readonly tombstones: number;
}

/** 2 h, 6 h, 18 h … up to a tenth of the retention, at most 31 days. Milliseconds. */
export function compactionRanges(retentionMs: number, blockRangeMs: number = BLOCK_RANGE_MS): number[] {
  const max = Math.min(RANGE_MS_MAX, retentionMs / RETENTION_PART);
  const ranges = [blockRangeMs];
  for (let range = blockRangeMs * LEVEL_FACTOR; range <= max; range *= LEVEL_FACTOR) ranges.push(range);
  return ranges;
}

/**
 * The blocks to merge next, ascending by time; none where nothing is to be done. In this order: blocks that
 * overlap in time; a range of a higher level that is complete, or behind the newest block; a single block with
 * many tombstones.
 */
export function planCompaction(blocks: readonly PlannedBlock[], ranges: readonly number[]): BlockMeta[] {
  const usable = blocks.filter(({ meta }) => !meta.compaction.failed);
  const metas = usable.map(({ meta }) => meta).sort(compareMetas);
  const overlapping = selectOverlapping(metas);
  if (overlapping.length > 0) return overlapping;
  const level = selectLevel(metas, ranges);
  if (level.length > 0) return level;
  const deleted = usable.find(({ meta, tombstones }) => {
    const share = tombstones / (meta.stats.numSeries + 1);
    const large = meta.maxTime - meta.minTime >= ranges[Math.floor(ranges.length / 2)];
    return share > TOMBSTONES_PART_MAX && (large || tombstones >= meta.stats.numSeries);
  });
  return deleted === undefined ? [] : [deleted.meta];
}

/** The first run of blocks that overlap each other. */
function selectOverlapping(metas: readonly BlockMeta[]): BlockMeta[] {
  let run: BlockMeta[] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const meta of metas) {
    if (meta.minTime < end) run.push(meta);
    else if (run.length > 1) break;
    else run = [meta];
    end = Math.max(end, meta.maxTime);
  }
  return run.length > 1 ? run : [];
}

function selectLevel(metas: readonly BlockMeta[], ranges: readonly number[]): BlockMeta[] {
  const newest = metas.at(-1);
  if (newest === undefined) return [];
  for (const range of ranges.slice(1)) {
    for (const group of groupByRange(metas, range)) {
      const start = group[0].minTime;
      const end = group[group.length - 1].maxTime;
      // A range that the newest block may still grow into is left alone until it is complete.
      if (group.length > 1 && (end - start === range || end <= newest.minTime)) return group;
    }
  }
  return [];
}

/** Blocks by the aligned range of `rangeMs` that they lie in; those that do not fit into one are left out. */
function groupByRange(metas: readonly BlockMeta[], rangeMs: number): BlockMeta[][] {
  const groups = new Map<number, BlockMeta[]>();
  for (const meta of metas) {
    const slot = Math.floor(meta.minTime / rangeMs);
    if (meta.maxTime > (slot + 1) * rangeMs) continue;
    const group = groups.get(slot);
    if (group === undefined) groups.set(slot, [meta]);
    else group.push(meta);
  }
  return [...groups.values()];
}
