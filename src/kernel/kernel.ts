import { assert } from "../base/assert.js";
import * as L from "./assembly/layout.js";
import type { SharedMemory } from "./shared-memory.js";

/** The kernel's functions; their contracts stand in src/kernel/assembly. Addresses may arrive negative: use `>>> 0`. */
export interface KernelExports {
  alloc(bytes: number): number;
  free(at: number, bytes: number): void;
  settleLiveBytes(): void;
  crc32c(at: number, length: number, seed: number): number;
  snappyDecode(source: number, length: number, target: number, max: number): number;
  ingest(
    scratch: number,
    slot: number,
    length: number,
    version: number,
    oldest: number,
    newest: number,
  ): number;
  /** As `ingest`, making and changing nothing. */
  probe(
    scratch: number,
    slot: number,
    length: number,
    version: number,
    oldest: number,
    newest: number,
  ): number;
  appendMerged(scratch: number, ref: number, t: number, v: number, again: number): number;
  countPairs(refs: number, count: number, table: number, slots: number, used: number): number;
  listPairs(pair: number, max: number, bits: number, bitCount: number, out: number): number;
  countLive(refs: number, count: number, end: number): number;
  beginRules(): number;
  initRules(at: number): number;
  freeSpellings(at: number): void;
  lockCreation(): void;
  unlockCreation(): void;
  forgetMetadata(): void;
  settleLate(scratch: number, ref: number, entry: number, found: number): void;
  finish(scratch: number, slot: number, slotBytes: number): number;
  refuse(
    scratch: number,
    why: number,
    count: number,
    t: bigint,
    ref: number,
    at: number,
    length: number,
  ): void;
  chunksLogged(pairs: number, count: number, segment: number, base: number): void;
  evict(target: number): number;
  sweepEvictionQueue(): void;
  sealSeries(scratch: number, ref: number, end: number): number;
  oldestChunk(ref: number, end: number): number;
  collectChunks(scratch: number, ref: number, mint: number, maxt: number): number;
  dropCollected(ref: number, keep: number): void;
  markEnded(bits: number, stay: number, count: number, border: number): number;
  buildWithout(bits: number, count: number, work: number, room: number): number;
  replaceIndex(bits: number, stay: number, border: number, result: number): number;
  buryEnded(list: number, end: number): void;
  freeEnded(list: number, end: number, bytes: number, blocks: number): void;
  reuseRefs(refs: number, count: number, logged: number): number;
  sortRefs(refs: number, count: number, spare: number): void;
  measureSeries(from: number, end: number, out: number): void;
  beginDeletion(): void;
  finishDeletion(scratch: number): number;
  deleteSamples(scratch: number, ref: number, mint: number, maxt: number): number;
  deleteFromChunk(
    scratch: number,
    ref: number,
    node: number,
    bytes: number,
    length: number,
    mint: number,
    maxt: number,
  ): number;
  removeChunk(ref: number, node: number): void;
  settleNewest(scratch: number, ref: number): number;
  settleNewestFrom(scratch: number, ref: number, bytes: number, length: number): void;
  settleHistograms(ref: number, mint: number, maxt: number): void;
  encodeSeries(from: number, end: number, target: number, cap: number): number;
  encodedSeriesBytes(): number;
  mapRef(ref: number): number;
  replaySeries(at: number, length: number): number;
  replaySamples(scratch: number, at: number, length: number, from: number): number;
  replayChunk(
    scratch: number,
    at: number,
    length: number,
    segment: number,
    offset: number,
    keep: number,
  ): number;
  findKey(key: number, length: number): number;
  readPostings(pair: number, refEnd: number, target: number): number;
  snapshot(scratch: number, ref: number, mint: number, maxt: number): number;
  decodeFloats(scratch: number, mint: number, maxt: number): number;
  filterOverlapping(refs: number, count: number, mint: number, maxt: number): number;
  fillCells(
    scratch: number,
    count: number,
    first: number,
    stride: number,
    steps: number,
    lookback: number,
  ): number;
  beginRows(scratch: number): void;
  groupRows(scratch: number, count: number, keyBytes: number, used: number): number;
  countDistinct(scratch: number, count: number, used: number): number;
  readFloats(scratch: number, ref: number, mint: number, maxt: number): number;
  decodeChunk(at: number, length: number, outT: number, outV: number, max: number): number;
  encodeTightly(scratch: number, from: number, end: number): number;
  decodeChecked(scratch: number, length: number, checksum: number): number;
  lockRef(ref: number): void;
  unlockRef(ref: number): void;
  waitingHistograms(ref: number): number;
  addHistogram(ref: number, t: number, bytes: number, length: number, sure: number): number;
  firstHistogram(ref: number): number;
  dropHistograms(ref: number): void;
  addHistogramChunk(
    scratch: number,
    ref: number,
    encoding: number,
    samples: number,
    mint: number,
    maxt: number,
    bytes: number,
    length: number,
  ): number;
  initShared(): number;
  initThread(lists: number, shares: number): void;
}

/** What the kernel asks in the middle of a request. Must not throw: the kernel may hold a lock. */
export interface KernelHooks {
  /** src/kernel/assembly/rules.ts has the verdicts. */
  judge(scratch: number, length: number): number;
  /** 0, or the reason why no series with the canonical labels at `at` may be made. */
  admit(at: number, length: number): number;
}

const LET_ALL_IN: KernelHooks = { judge: () => 0, admit: () => 0 };

/**
 * One thread's instance of the kernel, with views of the shared memory. The memory grows under everybody's feet
 * and old views keep their length: take a view with `u8()` and its like for each piece of work, never keep one.
 */
export class Kernel {
  readonly exports: KernelExports;
  hooks: KernelHooks = LET_ALL_IN;
  private readonly memory: WebAssembly.Memory;
  private bytes: Uint8Array;
  private words: Uint32Array;
  private floats: Float64Array;

  private constructor(shared: SharedMemory) {
    this.memory = shared.memory;
    // The locks lie in the fixed regions: a view of the memory as it is now reaches them.
    const locks = new Int32Array(shared.memory.buffer);
    const env = {
      memory: shared.memory,
      pause: (at: number, seen: number, us: number) => {
        Atomics.wait(locks, at >>> 2, seen, us / 1000);
      },
      judge: (scratch: number, length: number) => this.hooks.judge(scratch >>> 0, length),
      admit: (at: number, length: number) => this.hooks.admit(at >>> 0, length),
    };
    const instance = new WebAssembly.Instance(shared.module, { env });
    this.exports = instance.exports as unknown as KernelExports;
    this.bytes = new Uint8Array(shared.memory.buffer);
    this.words = new Uint32Array(shared.memory.buffer);
    this.floats = new Float64Array(shared.memory.buffer);
  }

  /** The main thread's instance, made first: it fills what all share. */
  static openFirst(shared: SharedMemory): Kernel {
    const kernel = new Kernel(shared);
    kernel.exports.initThread(shared.mainLists, 1);
    assert(kernel.exports.initShared() !== 0, "a new memory has room for its tables");
    return kernel;
  }

  /** An ingest thread's instance; `scratch` is one of `ingestScratch`. `sharesFrees`: what it frees is for all. */
  static openIngest(shared: SharedMemory, scratch: number, sharesFrees = false): Kernel {
    const kernel = new Kernel(shared);
    kernel.exports.initThread(scratch + L.R_FREE, sharesFrees ? 1 : 0);
    return kernel;
  }

  /** A query thread's instance; `scratch` is one of `queryScratch`. */
  static openQuery(shared: SharedMemory, scratch: number): Kernel {
    const kernel = new Kernel(shared);
    kernel.exports.initThread(scratch + L.Q_FREE, 0);
    return kernel;
  }

  private refresh(): void {
    const buffer = this.memory.buffer;
    if (buffer.byteLength === this.bytes.length) return;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.floats = new Float64Array(buffer);
  }

  /** The whole memory by bytes. */
  u8(): Uint8Array {
    this.refresh();
    return this.bytes;
  }

  /** By 32-bit words: index = address >>> 2. */
  u32(): Uint32Array {
    this.refresh();
    return this.words;
  }

  /** By 64-bit floats: index = address >>> 3. */
  f64(): Float64Array {
    this.refresh();
    return this.floats;
  }

  /** A signed 64-bit integer of magnitude below 2^53. */
  i64(at: number): number {
    const words = this.u32();
    const index = at >>> 2;
    return (words[index + 1] | 0) * 2 ** 32 + words[index];
  }

  /** Series refs given out so far: every ref below is published. */
  seriesCount(): number {
    return Atomics.load(this.u32(), (L.CTRL + L.C_SERIES_COUNT) >>> 2);
  }

  deadSeries(): number {
    return this.u32()[(L.CTRL + L.C_DEAD) >>> 2];
  }

  /** Rises when refs have lost their series: what is remembered of refs must be forgotten then. */
  generation(): number {
    return Atomics.load(this.u32(), (L.CTRL + L.C_GENERATION) >>> 2);
  }

  /** Heap bytes in use, as of each thread's last request. */
  liveBytes(): number {
    return this.i64(L.CTRL + L.C_LIVE_BYTES);
  }

  seriesAt(ref: number): number {
    return this.u32()[(L.CTRL + L.C_SERIES) >>> 2] + ref * (1 << L.SERIES_SHIFT);
  }
}
