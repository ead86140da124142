import { RefusalError } from "../base/errors.js";
import type { Database } from "../db/database.js";
import { bareOutcome } from "../db/outcome.js";
import type { RewrittenChunks } from "../head/head-deleter.js";
import type { DeletionRequest, TombstoneEntry } from "../wal/cold-records.js";

/** Who does the parts of a deletion. */
export interface DeletionSteps {
  /** Runs `work` while no request is between head and log; those that arrive wait. */
  whilePaused<T>(work: () => Promise<T>): Promise<T>;
  select(sets: DeletionRequest["sets"]): Promise<Uint32Array>;
  deleteFromHead(entries: readonly TombstoneEntry[]): Promise<RewrittenChunks | null>;
  deleteFromBlocks(request: DeletionRequest): Promise<void>;
}

/** Series for which writes wait at a time: some ten milliseconds of work. */
const REFS_PER_PAUSE = 2048;

/**
 * Deletes samples from head and blocks. On return that is durable, and whatever is asked afterwards sees it. No
 * series may leave the head meanwhile, and nothing else may write or merge blocks.
 *
 * The order makes a crash at any point harmless. First a record of the deletion itself, for what only the log and
 * blocks hold. Then, for some series at a time, while no request is under way: a TOMBSTONE record, durable; then
 * the head. So replay, which takes away what lies before the record, comes to the same head: what was logged before
 * is deleted in both, what comes later in neither. Then the blocks. Until the end nothing was promised: the samples
 * may be there, in part or not at all.
 *
 * Throws RefusalError "storage_failed" where the log or the head cannot take it; it may be tried again.
 */
export async function deleteSeries(
  db: Database,
  steps: DeletionSteps,
  request: DeletionRequest,
): Promise<void> {
  const { mint, maxt } = request;
  await db.commitDeletion(request);
  const refs = await steps.select(request.sets);
  for (let at = 0; at < refs.length; at += REFS_PER_PAUSE) {
    const entries = Array.from(refs.subarray(at, at + REFS_PER_PAUSE), (ref) => ({ ref, mint, maxt }));
    await steps.whilePaused(() => deleteFromHead(db, steps, entries));
  }
  await steps.deleteFromBlocks(request);
}

async function deleteFromHead(
  db: Database,
  steps: DeletionSteps,
  entries: readonly TombstoneEntry[],
): Promise<void> {
  await db.commitTombstones(entries);
  const chunks = await steps.deleteFromHead(entries);
  if (chunks === null) throw new RefusalError("storage_failed", "the head's memory is full");
  // Chunks that were written anew are logged, so that they may leave memory; where the disk refuses, they stay.
  await new Promise<void>((resolve) => db.commit({ ...bareOutcome(204, ""), ...chunks }, () => resolve()));
}
