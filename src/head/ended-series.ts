/**
 * Series that have ended leave the head, and their refs come to new series. The way of a ref: its samples are all
 * in blocks (`EndedSeries` takes it out of the index); no query that could know it runs any more
 * (`SpareRefs.release` frees its labels); no segment of the log names it any more (`SpareRefs.truncated` lets
 * new series have it). So a ref in the log always means one series.
 */
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { SeriesLog } from "./series-log.js";

/** What left: plain data, it crosses threads. The addresses are for `SpareRefs.release`. */
export interface DroppedSeries {
  readonly refs: Uint32Array;
  readonly list: number;
  readonly listEnd: number;
  readonly listBytes: number;
  readonly indexBlocks: number;
}

/** The maintenance thread's side: `prepare`, `replace` and `bury`, in this order. */
export class EndedSeries {
  private readonly kernel: Kernel;
  private readonly work: number;
  private borderMs = 0;
  private count = 0;
  /** Two bit sets in the heap: who leaves, and behind it who stays. */
  private bits = 0;

  /** `kernel` must share what it frees; `scratch`: a query scratch of this thread alone. */
  constructor(kernel: Kernel, scratch: number) {
    this.kernel = kernel;
    this.work = scratch + L.Q_TMP;
  }

  /** Series that have no sample in the head and had none since `borderMs`. */
  countEnded(borderMs: number): number {
    return this.kernel.exports.markEnded(0, 0, this.kernel.seriesCount(), borderMs);
  }

  /** Builds the index that the head would have without them, but for `pinned`. False: there is no memory for it. */
  prepare(borderMs: number, pinned: Uint32Array): boolean {
    const { kernel } = this;
    this.borderMs = borderMs;
    this.count = kernel.seriesCount();
    this.bits = kernel.exports.alloc(2 * this.setBytes) >>> 0;
    if (this.bits === 0) return false;
    kernel.u8().fill(0, this.bits, this.bits + 2 * this.setBytes);
    this.pin(pinned);
    kernel.exports.markEnded(this.bits, this.stay, this.count, borderMs);
    const room = (L.Q_BYTES - L.Q_TMP) >>> 2;
    const built = kernel.exports.buildWithout(this.bits, this.count, this.work, room) !== 0;
    if (!built) this.freeBits();
    return built;
  }

  /**
   * Lets the head have that index. No request may be under way, and none may begin before this returns. What came
   * or came back since `prepare` is in it. False: there is no memory; nothing changed.
   */
  replace(pinned: Uint32Array): boolean {
    this.pin(pinned);
    const { bits, stay, borderMs, work } = this;
    const replaced = this.kernel.exports.replaceIndex(bits, stay, borderMs, work) !== 0;
    this.freeBits();
    return replaced;
  }

  /** Takes the series apart that are in the index no more. */
  bury(): DroppedSeries {
    const [list, listEnd, listBytes, indexBlocks] = this.kernel
      .u32()
      .slice(this.work >>> 2, (this.work >>> 2) + 4);
    this.kernel.exports.buryEnded(list, listEnd);
    const words = this.kernel.u32();
    const refs: number[] = [];
    for (let at = list; at < listEnd; at += L.ENDED_BYTES) {
      const ref = words[(at + L.ENDED_REF) >>> 2];
      if (ref !== L.NONE) refs.push(ref);
    }
    return { refs: Uint32Array.from(refs), list, listEnd, listBytes, indexBlocks };
  }

  private get setBytes(): number {
    return (this.count >>> 3) + 1;
  }

  private get stay(): number {
    return this.bits + this.setBytes;
  }

  private pin(refs: Uint32Array): void {
    const bytes = this.kernel.u8();
    for (const ref of refs) if (ref < this.count) bytes[this.stay + (ref >>> 3)] |= 1 << (ref & 7);
  }

  private freeBits(): void {
    this.kernel.exports.free(this.bits, 2 * this.setBytes);
    this.kernel.exports.settleLiveBytes();
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
