/** A data folder of ours or of Prometheus', opened for reading; nothing is written, and no lock is taken. */
import { systemClock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import { randomWords } from "../base/random.js";
import { BlockSet } from "../block/block-set.js";
import { PageCache } from "../block/page-cache.js";
import { Database, LOG_FOLDER, openLogChunks } from "../db/database.js";
import { mergeQueryables } from "../db/merged-queryable.js";
import { HeadReader } from "../head/head-reader.js";
import type { FileSystem } from "../io/file-system.js";
import type { Queryable } from "../storage/queryable.js";
import type { TimeRange } from "../transfer/export-series.js";
import { walFiles } from "../transfer/prometheus-wal.js";

export interface OpenFolder {
  readonly queryable: Queryable;
  /** No sample lies outside of it. */
  readonly range: TimeRange;
  readonly blocks: BlockSet;
  /** What the log holds; null where the folder has none of ours. */
  readonly head: HeadReader | null;
  /** What the reader should know. */
  readonly notes: readonly string[];
  close(): void;
}

const HEAD_MEMORY_BYTES: number = 3 * 2 ** 30;
const CHUNK_SAMPLES_MAX = 240;
const SERIES_MAX: number = 8 << 20;

/** Throws RefusalError where `dir` is no folder. `blockRangeMs`: of the head's blocks. */
export function openFolder(
  fs: FileSystem,
  dir: string,
  cacheBytes: number,
  blockRangeMs: number,
): OpenFolder {
  if (!fs.exists(dir) || !fs.stat(dir).directory) throw new RefusalError("bad_data", `${dir} is no folder`);
  const notes: string[] = [];
  const head = fs.exists(`${dir}/${LOG_FOLDER}`) ? openHead(fs, dir, blockRangeMs, notes) : null;
  if (walFiles(fs, `${dir}/wal`).length > 0) {
    notes.push(`${dir}/wal is Prometheus' own log, which is not read here: \`varve import\` takes it over`);
  }
  const blocks = new BlockSet(fs, dir, new PageCache(cacheBytes));
  for (const { ulid, reason } of blocks.damaged)
    notes.push(`block ${ulid} is damaged and left out: ${reason}`);
  const metas = blocks.blocks.map((block) => block.meta);
  const span = head?.counts.measure(() => {});
  return {
    queryable: mergeQueryables(head === null ? blocks.blocks : [...blocks.blocks, head]),
    range: {
      mint: Math.min(span?.minTime ?? Number.POSITIVE_INFINITY, ...metas.map((meta) => meta.minTime)),
      maxt: Math.max(span?.maxTime ?? Number.NEGATIVE_INFINITY, ...metas.map((meta) => meta.maxTime - 1)),
    },
    blocks,
    head,
    notes,
    close: () => blocks.close(),
  };
}

/** Replays our log into memory, as a server does at its start. */
function openHead(fs: FileSystem, dir: string, blockRangeMs: number, notes: string[]): HeadReader {
  const db = Database.openReadOnly({
    fs,
    clock: systemClock,
    dir,
    durability: "memory",
    ingestThreads: 1,
    queryThreads: 1,
    headMemoryLimitBytes: HEAD_MEMORY_BYTES,
    outOfOrderWindowMs: Number.MAX_SAFE_INTEGER,
    retentionMs: Number.POSITIVE_INFINITY,
    seriesMax: SERIES_MAX,
    labelsPerSeriesMax: 1024,
    labelNameBytesMax: 1 << 20,
    labelValueBytesMax: 1 << 20,
    segmentBytesMax: 1 << 20,
    chunkSamplesMax: CHUNK_SAMPLES_MAX,
    blockRangeMs,
    hashSeed: randomWords(),
  });
  const replayed = db.replay();
  for (const { kind, file, start, end, reason } of replayed.damages) {
    if (kind === "damaged")
      notes.push(`${file}, bytes ${start} to ${end}, is damaged and left out: ${reason}`);
  }
  db.beginReadOnly(replayed);
  return new HeadReader(db.shared, 0, openLogChunks(fs, db.logDir));
}
