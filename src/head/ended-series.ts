/**
 * Series that have ended leave the head, and their refs come to new series. The way of a ref: its samples are all
 * in blocks (`EndedSeries.drop` takes it out of the index); no query that could know it runs any more
 * (`SpareRefs.release` frees its labels); no segment of the log names it any more (`SpareRefs.truncated` lets
 * new series have it). So a ref in the log always means one series.
 */
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { SeriesLog } from "./series-log.js";

/** What `drop` took out: plain data, it crosses threads. The addresses are for `SpareRefs.release`. */
export interface DroppedSeries {
  readonly refs: Uint32Array;
  readonly list: number;
  readonly listEnd: number;
  readonly listBytes: number;
  readonly indexBlocks: number;
}

/** The maintenance thread's side. */
export class EndedSeries {
  private readonly kernel: Kernel;
  private readonly work: number;

  /** `kernel` must share what it frees; `scratch`: a query scratch of this thread alone. */
  constructor(kernel: Kernel, scratch: number) {
    this.kernel = kernel;
    this.work = scratch + L.Q_TMP;
  }

  /** Series that have no sample in the head and had none since `borderMs`. Other threads may be at work. */
  count(borderMs: number): number {
    return this.kernel.exports.markEnded(0, this.kernel.seriesCount(), borderMs);
  }

  /**
   * Takes those series out of the head's index, but for the refs `pinned`. No request may be under way, and none
   * may begin before this returns. Null: there is no memory for the new index; nothing changed.
   */
  drop(borderMs: number, pinned: Uint32Array): DroppedSeries | null {
    const { kernel } = this;
    const { exports } = kernel;
    const count = kernel.seriesCount();
    const bytes = (count >>> 3) + 1;
    const bits = exports.alloc(bytes) >>> 0;
    if (bits === 0) return null;
    kernel.u8().fill(0, bits, bits + bytes);
    for (const ref of pinned) kernel.u8()[bits + (ref >>> 3)] |= 1 << (ref & 7);
    exports.markEnded(bits, count, borderMs);
    const room = (L.Q_BYTES - L.Q_TMP) >>> 2;
    const dropped = exports.dropEnded(bits, this.work, room) !== 0;
    exports.free(bits, bytes);
    exports.settleLiveBytes();
    return dropped ? this.dropped() : null;
  }

  private dropped(): DroppedSeries {
    const words = this.kernel.u32();
    const [list, listEnd, listBytes, indexBlocks] = words.subarray(this.work >>> 2, (this.work >>> 2) + 4);
    const refs: number[] = [];
    for (let at = list; at < listEnd; at += L.ENDED_BYTES) {
      const ref = words[(at + L.ENDED_REF) >>> 2];
      if (ref !== L.NONE) refs.push(ref);
    }
    return { refs: Uint32Array.from(refs), list, listEnd, listBytes, indexBlocks };
  }
}

/** The main thread's side: refs that wait until the log has forgotten their old series. */
export class SpareRefs {
  private readonly kernel: Kernel;
  private readonly log: SeriesLog;
  private waiting: { readonly segment: number; readonly refs: Uint32Array }[] = [];

  /** `segment`: the first that will be written. Refs without a series may stand in any segment before it. */
  constructor(kernel: Kernel, log: SeriesLog, segment: number) {
    this.kernel = kernel;
    this.log = log;
    const refs: number[] = [];
    const count = kernel.seriesCount();
    if (kernel.deadSeries() === 0) return;
    for (let ref = 0; ref < count; ref++) {
      if (kernel.u32()[(kernel.seriesAt(ref) + L.S_LABELS_LEN) >>> 2] === 0) refs.push(ref);
    }
    this.waiting.push({ segment, refs: Uint32Array.from(refs) });
  }

  /** After every query that began before the drop. `segment`: the newest that may name the refs. */
  release(dropped: DroppedSeries, segment: number): void {
    const { list, listEnd, listBytes, indexBlocks, refs } = dropped;
    this.kernel.exports.freeEnded(list, listEnd, listBytes, indexBlocks);
    this.waiting.push({ segment, refs });
  }

  /** The log now begins behind segment `last`. */
  truncated(last: number): void {
    const spare = this.waiting.filter(({ segment }) => segment <= last).flatMap(({ refs }) => [...refs]);
    if (spare.length === 0) return;
    this.waiting = this.waiting.filter(({ segment }) => segment > last);
    const { exports } = this.kernel;
    const at = exports.alloc(4 * spare.length) >>> 0;
    let reused = false;
    if (at !== 0) {
      this.kernel.u32().set(
        spare.sort((a, b) => a - b),
        at >>> 2,
      );
      reused = exports.reuseRefs(at, spare.length, this.log.reusedLogged) !== 0;
      exports.free(at, 4 * spare.length);
    }
    exports.settleLiveBytes();
    if (!reused) this.waiting.push({ segment: last, refs: Uint32Array.from(spare) });
  }

  /** Refs that no series has and none can have yet. */
  get waitingCount(): number {
    return this.waiting.reduce((sum, { refs }) => sum + refs.length, 0);
  }
}
