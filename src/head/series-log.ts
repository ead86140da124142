import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { Prologue } from "../wal/group-commit.js";

const RECORD_BYTES: number = 4 << 20;
/** A block with less room than this is full: the labels of one series may take 1 MiB. */
const ROOM_MIN: number = (1 << 20) + 1024;

/**
 * Logs new series by two watermarks, one for refs that are given out for the first time and one for those that are
 * used again: each group of the log begins with the series created since the last durable one, so no record of
 * samples can be durable before the series it names, whichever thread created it.
 */
export class SeriesLog implements Prologue {
  private readonly kernel: Kernel;
  /** Refs below are in the log for good. */
  private logged: number;
  private takenEnd: number;
  /** Positions of refs that are used again; they wrap at 2^32. */
  private loggedReused: number;
  private takenReused: number;
  private blocks: number[] = [];

  /** Everything that the kernel knows now is in the log. */
  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.logged = kernel.seriesCount();
    this.takenEnd = this.logged;
    this.loggedReused = this.word(L.C_REUSE_NEXT);
    this.takenReused = this.loggedReused;
  }

  /** The position up to which refs that are used again are in the log. */
  get reusedLogged(): number {
    return this.loggedReused;
  }

  private word(offset: number): number {
    return Atomics.load(this.kernel.u32(), (L.CTRL + offset) >>> 2);
  }

  take(): readonly Uint8Array[] {
    const count = this.kernel.seriesCount();
    const reusedEnd = this.word(L.C_REUSE_NEXT);
    const runs = this.reusedRuns(this.loggedReused, reusedEnd);
    if (this.logged < count) runs.push([this.logged, count]);
    this.takenEnd = count;
    this.takenReused = reusedEnd;
    return runs.length === 0 ? [] : this.encode(runs);
  }

  /** Refs at the positions from `from` to `end`, as runs that follow each other. */
  private reusedRuns(from: number, end: number): [from: number, end: number][] {
    const runs: [number, number][] = [];
    const base = this.word(L.C_REUSE_BASE);
    const first = this.word(L.C_REUSE) >>> 2;
    for (let position = from; position !== end; position = (position + 1) >>> 0) {
      const ref = this.kernel.u32()[first + ((position - base) >>> 0)];
      const last = runs.at(-1);
      if (last !== undefined && last[1] === ref) last[1]++;
      else runs.push([ref, ref + 1]);
    }
    return runs;
  }

  private encode(runs: readonly (readonly [from: number, end: number])[]): Uint8Array[] {
    const { exports } = this.kernel;
    const buffers: Uint8Array[] = [];
    let block = 0;
    let used = RECORD_BYTES;
    for (const [from, end] of runs) {
      for (let ref = from; ref < end; ) {
        if (RECORD_BYTES - used < ROOM_MIN) {
          block = exports.alloc(RECORD_BYTES) >>> 0;
          // Without memory the group goes out without these series; its submitters' samples must not be acknowledged.
          if (block === 0) throw new RangeError("no heap memory for series records");
          this.blocks.push(block);
          used = 0;
        }
        ref = exports.encodeSeries(ref, end, block + used, RECORD_BYTES - used);
        const bytes = exports.encodedSeriesBytes();
        buffers.push(this.kernel.u8().subarray(block + used, block + used + bytes));
        used += bytes;
      }
    }
    exports.settleLiveBytes();
    return buffers;
  }

  durable(): void {
    this.logged = this.takenEnd;
    this.loggedReused = this.takenReused;
    this.releaseBlocks();
  }

  failed(): void {
    this.takenEnd = this.logged;
    this.takenReused = this.loggedReused;
    this.releaseBlocks();
  }

  private releaseBlocks(): void {
    for (const block of this.blocks) this.kernel.exports.free(block, RECORD_BYTES);
    this.blocks = [];
  }
}
