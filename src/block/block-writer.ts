import { chunkSampleCount } from "../chunk/chunk-header.js";
import type { FileSystem } from "../io/file-system.js";
import { ChunkEncoding, type ChunkSeries, type ChunkSeriesSource } from "../storage/chunk-series.js";
import {
  CHUNKS_FOLDER,
  INDEX_FILE,
  META_FILE,
  SEGMENT_BYTES_MAX,
  TMP_FOR_CREATION,
  TOMBSTONES_FILE,
} from "./block-format.js";
import { type BlockMeta, type BlockParent, printMeta } from "./block-meta.js";
import { ChunkSegmentWriter } from "./chunk-segment-writer.js";
import { FileWriter } from "./file-writer.js";
import { type ChunkEntry, IndexWriter } from "./index-writer.js";
import { encodeTombstones, NO_TOMBSTONES } from "./tombstones.js";

export interface BlockWriteOptions {
  readonly ulid: string;
  /** All samples of the source lie in [minTime, maxTime). Milliseconds. */
  readonly minTime: number;
  readonly maxTime: number;
  /** Default 1. */
  readonly level?: number;
  /** Default: the block itself. */
  readonly sources?: readonly string[];
  readonly parents?: readonly BlockParent[];
  readonly hints?: readonly string[];
  /** Default 512 MiB. */
  readonly segmentBytesMax?: number;
  /** Called before every series. What it throws ends the writing and leaves no trace. */
  readonly checkpoint?: () => void;
  /** Called when everything is written, before the block gets its name. What it throws ends the writing, too. */
  readonly beforePublish?: () => void;
}

class Counts {
  numSamples = 0;
  numFloatSamples = 0;
  numHistogramSamples = 0;
  numSeries = 0;
  numChunks = 0;
  readonly numTombstones = 0;
}

/**
 * Writes a block folder `parent/ULID` from an ordered pass over series whose chunks do not overlap. Null, and no
 * folder, where the source has no series.
 *
 * Everything goes into `ULID.tmp-for-creation`; files and folders are synced, then the folder gets its name, then
 * the name is synced: after a crash there is the whole block or one with a name that no reader takes up. On an
 * error what was written is removed and the error thrown.
 */
export function writeBlock(
  fs: FileSystem,
  parent: string,
  source: ChunkSeriesSource,
  options: BlockWriteOptions,
): BlockMeta | null {
  const tmp = `${parent}/${options.ulid}${TMP_FOR_CREATION}`;
  fs.removeTree(tmp);
  try {
    fs.mkdir(`${tmp}/${CHUNKS_FOLDER}`);
    const counts = writeSeries(fs, tmp, source, options);
    if (counts.numSeries === 0) {
      fs.removeTree(tmp);
      return null;
    }
    const meta = metaOf(options, counts);
    writeNewFile(fs, `${tmp}/${TOMBSTONES_FILE}`, encodeTombstones(NO_TOMBSTONES));
    writeNewFile(fs, `${tmp}/${META_FILE}`, new TextEncoder().encode(printMeta(meta)));
    fs.fsyncDirectory(`${tmp}/${CHUNKS_FOLDER}`);
    fs.fsyncDirectory(tmp);
    options.beforePublish?.();
    fs.rename(tmp, `${parent}/${options.ulid}`);
    fs.fsyncDirectory(parent);
    return meta;
  } catch (error) {
    removeQuietly(fs, tmp);
    throw error;
  }
}

function writeSeries(
  fs: FileSystem,
  dir: string,
  source: ChunkSeriesSource,
  options: BlockWriteOptions,
): Counts {
  const index = new IndexWriter(fs, `${dir}/${INDEX_FILE}`);
  const segments = new ChunkSegmentWriter(
    fs,
    `${dir}/${CHUNKS_FOLDER}`,
    options.segmentBytesMax ?? SEGMENT_BYTES_MAX,
  );
  const counts = new Counts();
  try {
    index.writeSymbols(source.symbols());
    const series = source.series();
    for (let next = series.next(); next.done !== true; next = series.next()) {
      options.checkpoint?.();
      if (next.value.chunks.length === 0) continue;
      index.addSeries(next.value.labels, writeChunks(segments, next.value, counts));
    }
    segments.finish();
    index.finish();
    return counts;
  } catch (error) {
    abandonQuietly(() => segments.abandon());
    abandonQuietly(() => index.abandon());
    throw error;
  }
}

function writeChunks(segments: ChunkSegmentWriter, series: ChunkSeries, counts: Counts): ChunkEntry[] {
  const entries: ChunkEntry[] = [];
  for (const chunk of series.chunks) {
    entries.push({ mint: chunk.mint, maxt: chunk.maxt, ref: segments.add(chunk) });
    const samples = chunkSampleCount(chunk.bytes);
    counts.numSamples += samples;
    if (chunk.encoding === ChunkEncoding.XOR) counts.numFloatSamples += samples;
    else counts.numHistogramSamples += samples;
    counts.numChunks++;
  }
  counts.numSeries++;
  return entries;
}

function metaOf(options: BlockWriteOptions, counts: Counts): BlockMeta {
  return {
    ulid: options.ulid,
    minTime: options.minTime,
    maxTime: options.maxTime,
    stats: { ...counts },
    compaction: {
      level: options.level ?? 1,
      sources: options.sources ?? [options.ulid],
      parents: options.parents ?? [],
      hints: options.hints ?? [],
      failed: false,
    },
  };
}

function writeNewFile(fs: FileSystem, path: string, bytes: Uint8Array): void {
  const file = new FileWriter(fs, path);
  try {
    file.append(bytes);
    file.finish();
  } catch (error) {
    abandonQuietly(() => file.abandon());
    throw error;
  }
}

/** The first error is the one to report; what fails while cleaning up after it is not. */
function abandonQuietly(abandon: () => void): void {
  try {
    abandon();
  } catch {
    // The descriptor is gone already, or the disk is: nothing is left to do.
  }
}

function removeQuietly(fs: FileSystem, path: string): void {
  abandonQuietly(() => fs.removeTree(path));
}
