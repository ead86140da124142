import { CorruptionError } from "../base/errors.js";
import {
  type DamagedBlock,
  damagedBlockOf,
  damageOf,
  deleteBlock,
  listBlocks,
  quarantineBlock,
  supersededBlocks,
} from "../block/block-folder.js";
import type { BlockMeta } from "../block/block-meta.js";
import { openBlock } from "../block/block-reader.js";
import { PageCache } from "../block/page-cache.js";
import { countIntervals, readTombstones } from "../block/tombstones.js";
import { type CompactorOptions, compactBlocks } from "./compactor.js";
import { compactionRanges, type PlannedBlock, planCompaction } from "./plan.js";
import { blocksBeyondRetention, sizedBlocks } from "./retention.js";

export interface MaintenanceOptions extends CompactorOptions {
  /** Milliseconds; 0: for ever. */
  readonly retentionMs: number;
  /** 0: no limit. */
  readonly retentionBytes: number;
  /** Time of the newest sample of the whole database, milliseconds. */
  readonly newestMs: number;
  /** Bytes of the log, which has the head's chunks, too; they count into `retentionBytes`. */
  readonly otherBytes: number;
  /** Span of the head's blocks; default 2 h. */
  readonly blockRangeMs?: number;
}

/** What one step did. All plain data: it crosses threads. */
export type MaintenanceStep =
  | { readonly kind: "idle" }
  | {
      readonly kind: "deleted";
      readonly ulids: readonly string[];
      readonly why: "superseded" | "retention";
    }
  | { readonly kind: "compacted"; readonly parents: readonly string[]; readonly block: BlockMeta | null }
  | { readonly kind: "quarantined"; readonly ulid: string; readonly reason: string };

/**
 * Does the next thing that the blocks of a folder need: removes those that are replaced, applies retention,
 * merges. To be called again until it says "idle"; afterwards whenever a block was written or deleted from.
 * Between two calls readers should take up what changed (`BlockSet.reload`). Only one thread may run this for a
 * folder, and no samples may be deleted from blocks meanwhile (a merge that overlaps with it is thrown away by
 * `TombstonesChangedError`).
 */
export function maintainOnce(options: MaintenanceOptions): MaintenanceStep {
  const { fs, dir } = options;
  const { metas, first } = look(options);
  if (first !== null) return first;
  const beyond = blocksBeyondRetention(sizedBlocks(fs, dir, metas), options);
  if (beyond.length > 0) return deleteAll(options, beyond, "retention");
  const planned: PlannedBlock[] = metas.map((meta) => ({
    meta,
    tombstones: countIntervals(readTombstones(fs, `${dir}/${meta.ulid}`)),
  }));
  const retentionMs = options.retentionMs > 0 ? options.retentionMs : Number.POSITIVE_INFINITY;
  const plan = planCompaction(planned, compactionRanges(retentionMs, options.blockRangeMs));
  return plan.length === 0 ? { kind: "idle" } : compact(options, plan);
}

/** Writes the oldest block with tombstones anew without what they cover. To be called again until it says "idle". */
export function cleanOnce(options: CompactorOptions): MaintenanceStep {
  const { fs, dir } = options;
  const { metas, first } = look(options);
  if (first !== null) return first;
  const marked = metas.find(({ ulid }) => countIntervals(readTombstones(fs, `${dir}/${ulid}`)) > 0);
  return marked === undefined ? { kind: "idle" } : compact(options, [marked]);
}

/** The blocks there are, and what has to be done before anything else with them. */
function look(options: CompactorOptions): {
  readonly metas: readonly BlockMeta[];
  readonly first: MaintenanceStep | null;
} {
  const { metas, damaged } = listBlocks(options.fs, options.dir);
  const broken = damaged[0] ?? firstBroken(options, metas);
  if (broken !== undefined) return { metas, first: quarantine(options, broken) };
  const superseded = supersededBlocks(metas);
  return { metas, first: superseded.length > 0 ? deleteAll(options, superseded, "superseded") : null };
}

function compact(options: CompactorOptions, plan: readonly BlockMeta[]): MaintenanceStep {
  try {
    const block = compactBlocks(plan, options);
    return { kind: "compacted", parents: plan.map((meta) => meta.ulid), block };
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    const broken = damagedBlockOf(options.dir, error);
    if (broken === null) throw error;
    return quarantine(options, broken);
  }
}

/**
 * The first block that does not open. Looked for before anything is removed: a block must not replace others
 * that can be read while it cannot.
 */
function firstBroken(options: CompactorOptions, metas: readonly BlockMeta[]): DamagedBlock | undefined {
  const cache = new PageCache(0);
  for (const { ulid } of metas) {
    try {
      openBlock(options.fs, `${options.dir}/${ulid}`, cache).close();
    } catch (error) {
      return { ulid, reason: damageOf(error) };
    }
  }
  return undefined;
}

function quarantine(options: CompactorOptions, { ulid, reason }: DamagedBlock): MaintenanceStep {
  quarantineBlock(options.fs, options.dir, ulid);
  return { kind: "quarantined", ulid, reason };
}

function deleteAll(
  options: CompactorOptions,
  metas: readonly BlockMeta[],
  why: "superseded" | "retention",
): MaintenanceStep {
  for (const meta of metas) deleteBlock(options.fs, options.dir, meta.ulid);
  return { kind: "deleted", ulids: metas.map((meta) => meta.ulid), why };
}
