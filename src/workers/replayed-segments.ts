import type { FileSystem } from "../io/file-system.js";
import { listSegments, segmentPath } from "../wal/segments.js";
import type { ReplayProgress } from "./contract.js";

/** Turns the bytes that a replay has read into segments, as they lie in the folder before it begins. */
export class ReplayedSegments {
  private readonly segments: readonly number[];
  private readonly ends: number[] = [];

  constructor(fs: FileSystem, logDir: string) {
    this.segments = listSegments(fs, logDir);
    let end = 0;
    for (const segment of this.segments) {
      end += fs.stat(segmentPath(logDir, segment)).bytes;
      this.ends.push(end);
    }
  }

  /** Where a replay stands that has read `bytes`; Infinity: at its end. */
  progress(bytes: number): ReplayProgress {
    const [min = 0] = this.segments;
    const max = this.segments.at(-1) ?? 0;
    const reached = this.ends.findIndex((end) => end > bytes);
    return { min, max, current: reached < 0 ? max : (this.segments[reached] ?? max) };
  }
}
