import { type ReplaySummary, replayLog } from "../head/replay.js";
import type { FileSystem } from "../io/file-system.js";
import type { SharedMemory } from "../kernel/shared-memory.js";
import { newestCheckpoint } from "./checkpoint.js";
import { readCompactedMark } from "./compacted-mark.js";

/**
 * Rebuilds the head from the newest checkpoint and the segments behind it. Makes the folder where it is absent, cuts a
 * torn end, keeps damaged segments aside; `readOnly`: changes nothing on disk.
 */
export function replayDatabaseLog(
  shared: SharedMemory,
  fs: FileSystem,
  logDir: string,
  progress?: (bytesDone: number, bytesTotal: number) => void,
  readOnly = false,
): ReplaySummary {
  if (!readOnly) fs.mkdir(logDir);
  return replayLog(shared, {
    fs,
    dir: logDir,
    checkpoint: newestCheckpoint(fs, logDir),
    compacted: readCompactedMark(fs, logDir),
    repair: !readOnly,
    ...(progress === undefined ? {} : { progress }),
  });
}
