/**
 * A checkpoint: what a log must still know of the segments that are deleted. One segment of the log's own format
 * in a folder of its own, `checkpoint.NNNNNNNN`, where NNNNNNNN is the last segment that it stands for. It holds
 * the series of the head, metadata and exemplars. Written under another name, synced, renamed.
 */
import type { FileSystem } from "../io/file-system.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import { encodeSegmentHeader } from "../wal/record-format.js";
import { SEGMENT_NUMBER_MAX, segmentPath } from "../wal/segments.js";

const CHECKPOINT_NAME = /^checkpoint\.(\d{8})$/;
const RECORD_BYTES: number = 4 << 20;

export interface Checkpoint {
  readonly dir: string;
  /** Segments up to this one are covered. */
  readonly last: number;
}

/** The newest checkpoint of the log in `logDir`, null where there is none. */
export function newestCheckpoint(fs: FileSystem, logDir: string): Checkpoint | null {
  if (!fs.exists(logDir)) return null;
  const numbers = fs.list(logDir).flatMap((name) => CHECKPOINT_NAME.exec(name)?.[1] ?? []);
  const last = Math.max(-1, ...numbers.map(Number));
  return last < 0 ? null : { dir: checkpointPath(logDir, last), last };
}

function checkpointPath(logDir: string, last: number): string {
  return `${logDir}/checkpoint.${String(Math.min(last, SEGMENT_NUMBER_MAX)).padStart(8, "0")}`;
}

/**
 * Writes the checkpoint for segments up to `last`. `scratch`: a query scratch, whose memory the records pass
 * through. `others`: whole records beside the series.
 */
export function writeCheckpoint(
  fs: FileSystem,
  logDir: string,
  last: number,
  kernel: Kernel,
  scratch: number,
  others: readonly Uint8Array[],
  nowMs: number,
): void {
  const target = checkpointPath(logDir, last);
  const draft = `${target}.tmp`;
  fs.removeTree(draft);
  fs.mkdir(draft);
  const fd = fs.open(segmentPath(draft, 1), "w");
  try {
    let position = 0;
    const write = (bytes: Uint8Array): void => {
      fs.write(fd, bytes, position);
      position += bytes.length;
    };
    write(encodeSegmentHeader(1, nowMs));
    const count = kernel.seriesCount();
    for (let ref = 0; ref < count; ) {
      ref = kernel.exports.encodeSeries(ref, count, scratch + L.Q_DATA, RECORD_BYTES);
      const at = scratch + L.Q_DATA;
      write(kernel.u8().subarray(at, at + kernel.exports.encodedSeriesBytes()));
    }
    for (const record of others) write(record);
    fs.fsync(fd);
  } finally {
    fs.close(fd);
  }
  fs.fsyncDirectory(draft);
  fs.removeTree(target);
  fs.rename(draft, target);
  fs.fsyncDirectory(logDir);
}

/** Removes checkpoints older than `keep` and unfinished ones. */
export function removeOldCheckpoints(fs: FileSystem, logDir: string, keep: number): void {
  for (const name of fs.list(logDir)) {
    if (!name.startsWith("checkpoint.")) continue;
    const number = CHECKPOINT_NAME.exec(name)?.[1];
    if (number === undefined || Number(number) < keep) fs.removeTree(`${logDir}/${name}`);
  }
}
