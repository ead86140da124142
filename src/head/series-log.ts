import type { Kernel } from "../kernel/kernel.js";
import type { Prologue } from "../wal/group-commit.js";

const RECORD_BYTES: number = 4 << 20;

/**
 * Logs new series by watermark: each group of the log begins with the series created since the last durable one,
 * so no record of samples can be durable before the series it names, whichever thread created it.
 */
export class SeriesLog implements Prologue {
  private readonly kernel: Kernel;
  /** Refs below are in the log for good. */
  private logged: number;
  private takenEnd: number;
  private blocks: number[] = [];

  constructor(kernel: Kernel, logged: number) {
    this.kernel = kernel;
    this.logged = logged;
    this.takenEnd = logged;
  }

  take(): readonly Uint8Array[] {
    const count = this.kernel.seriesCount();
    this.takenEnd = this.logged;
    const { exports } = this.kernel;
    const buffers: Uint8Array[] = [];
    while (this.takenEnd < count) {
      const block = exports.alloc(RECORD_BYTES) >>> 0;
      // Without memory the group goes out without these series; its submitters' samples must not be acknowledged.
      if (block === 0) throw new RangeError("no heap memory for series records");
      this.blocks.push(block);
      this.takenEnd = exports.encodeSeries(this.takenEnd, count, block, RECORD_BYTES);
      buffers.push(this.kernel.u8().subarray(block, block + exports.encodedSeriesBytes()));
    }
    exports.settleLiveBytes();
    return buffers;
  }

  durable(): void {
    this.logged = this.takenEnd;
    this.releaseBlocks();
  }

  failed(): void {
    this.takenEnd = this.logged;
    this.releaseBlocks();
  }

  private releaseBlocks(): void {
    for (const block of this.blocks) this.kernel.exports.free(block, RECORD_BYTES);
    this.blocks = [];
  }
}
