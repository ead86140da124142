import type { FileSystem } from "../io/file-system.js";

/** Writes are taken again only with this much more than the floor, lest they stop again at once. */
const RESUME_FACTOR = 1.05;

/**
 * Refuses writes while the disk has too few free bytes: what is left is for the log's last groups, for blocks that
 * let the log be cut, and for whoever else uses the disk. Reads go on, and writes do by themselves.
 */
export class DiskFloor {
  /** Why writes are refused, null where they are not. */
  refusal: string | null = null;
  /** As of the last check; NaN before, and where the disk does not tell. */
  freeBytes: number = Number.NaN;
  private readonly fs: FileSystem;
  private readonly dir: string;
  private readonly bytesMin: number;

  /** `bytesMin` 0: nothing is refused. */
  constructor(fs: FileSystem, dir: string, bytesMin: number) {
    this.fs = fs;
    this.dir = dir;
    this.bytesMin = bytesMin;
  }

  check(): void {
    try {
      this.freeBytes = this.fs.freeBytes(this.dir);
    } catch {
      this.freeBytes = Number.NaN; // a disk that is so ill will refuse the log, too
      return;
    }
    const needed = this.refusal === null ? this.bytesMin : this.bytesMin * RESUME_FACTOR;
    if (this.freeBytes >= needed) this.refusal = null;
    else {
      const [free, min] = [this.freeBytes, this.bytesMin].map(printMebibytes);
      this.refusal = `the disk has ${free} left, less than --storage.min-free-bytes=${min}`;
    }
  }
}

function printMebibytes(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)}MiB`;
}
