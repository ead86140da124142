/**
 * The one WebAssembly.Memory of a database and where everything lies in it. Fixed regions first (control block,
 * tables, slots, the scratch of every thread), then the heap, which grows. Regions are reserved, not touched:
 * an idle thread's scratch costs address space only.
 */
import { assert } from "../base/assert.js";
import * as L from "./assembly/layout.js";
import { kernelModule } from "./load-kernel.js";

const WASM_PAGE_BYTES = 65536;
const PAGES_MAX = 65536;
const CRC_TABLE_BYTES: number = L.SNAPPY_TABLE + 512;
/** Share of the heap's room that the limit may take: freed pieces of one size do not serve another. */
const HEAP_USABLE = 0.85;
const MAGIC = 0x48565256; // "VRVH"

export interface SharedMemoryOptions {
  readonly ingestThreads: number;
  readonly queryThreads: number;
  /** Refs that may ever be given out: 64 bytes of address space each. */
  readonly seriesMax: number;
  /** Live series; new ones beyond are refused. */
  readonly seriesLimit: number;
  /** Live heap bytes above which new series are refused; less where the heap has less room. */
  readonly memoryLimitBytes: number;
  readonly labelsPerSeriesMax: number;
  readonly labelNameBytesMax: number;
  readonly labelValueBytesMax: number;
  readonly outOfOrderWindowMs: number;
  readonly chunkSamplesMax: number;
  /** A chunk never crosses a multiple of this. */
  readonly blockRangeSeconds: number;
  /** Slot sizes in bytes, ascending, and how many of each. */
  readonly slots: readonly { readonly bytes: number; readonly count: number }[];
  readonly hashSeed: readonly [low: number, high: number];
  readonly mergeBytes: number;
}

/** What a thread needs to join: plain data and shareable objects, good for `workerData`. */
export interface SharedMemory {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly ingestScratch: readonly number[];
  readonly queryScratch: readonly number[];
  /** The main thread's free lists. */
  readonly mainLists: number;
  readonly slotRegions: readonly { readonly at: number; readonly bytes: number; readonly count: number }[];
  /** What the heap holds at most: the limit that was asked for, or what the fixed regions leave room for. */
  readonly memoryLimitBytes: number;
  /** Of `MergeTable` (src/head/merge-table.ts): address space until a series is merged. */
  readonly merges: SharedArrayBuffer;
}

class Regions {
  private at = L.CTRL + 0x1000;

  take(bytes: number): number {
    const at = this.at;
    this.at = (at + bytes + 4095) & ~4095;
    if (this.at < 0) this.at += 2 ** 32;
    return at;
  }

  get end(): number {
    return this.at;
  }
}

/** Reserves the memory and writes the control block. Throws RangeError where the machine cannot give it. */
export function createSharedMemory(options: SharedMemoryOptions): SharedMemory {
  const regions = new Regions();
  const crcTable = regions.take(CRC_TABLE_BYTES);
  const mainLists = regions.take(4096);
  const seen = regions.take(8 * L.SEEN_SLOTS);
  const locks = regions.take(4 * Math.ceil(options.seriesMax / (1 << L.STRIPE_SHIFT)) + 64);
  const slotRegions = options.slots.map(({ bytes, count }) => ({
    at: regions.take(bytes * count),
    bytes,
    count,
  }));
  const ingestScratch = Array.from({ length: options.ingestThreads }, () => regions.take(L.SCRATCH_BYTES));
  const queryScratch = Array.from({ length: options.queryThreads }, () => regions.take(L.Q_BYTES));
  const seriesTable = regions.take(options.seriesMax << L.SERIES_SHIFT);
  const heap = regions.end;
  const pages = Math.ceil(heap / WASM_PAGE_BYTES) + 1;
  assert(pages < PAGES_MAX - 1024, "the fixed regions leave no room for the heap");
  const heapEnd = PAGES_MAX * WASM_PAGE_BYTES - WASM_PAGE_BYTES;
  const memoryLimitBytes = Math.min(options.memoryLimitBytes, Math.floor((heapEnd - heap) * HEAP_USABLE));
  const memory = new WebAssembly.Memory({ initial: pages, maximum: PAGES_MAX, shared: true });
  const control = new DataView(memory.buffer, L.CTRL, 0x1000);
  const word = (offset: number, value: number): void => control.setUint32(offset, value, true);
  word(L.C_MAGIC, MAGIC);
  word(L.C_SERIES_MAX, options.seriesMax);
  word(L.C_SERIES, seriesTable);
  word(L.C_LOCKS, locks);
  word(L.C_CRC, crcTable);
  word(L.C_SEEN, seen);
  word(L.C_HEAP_END, heapEnd);
  word(L.C_SEED, options.hashSeed[0]);
  word(L.C_SEED + 4, options.hashSeed[1]);
  word(L.C_CHUNK_SAMPLES, options.chunkSamplesMax);
  word(L.C_RANGE_SECONDS, options.blockRangeSeconds);
  control.setBigInt64(L.C_WINDOW_MS, BigInt(options.outOfOrderWindowMs), true);
  word(L.C_LABELS_MAX, options.labelsPerSeriesMax);
  word(L.C_NAME_MAX, options.labelNameBytesMax);
  word(L.C_VALUE_MAX, options.labelValueBytesMax);
  word(L.C_SERIES_LIMIT, options.seriesLimit);
  control.setBigInt64(L.C_MEMORY_LIMIT, BigInt(memoryLimitBytes), true);
  word(L.C_HEAP_TOP, heap);
  return {
    memory,
    module: kernelModule(),
    ingestScratch,
    queryScratch,
    mainLists,
    slotRegions,
    memoryLimitBytes,
    merges: new SharedArrayBuffer(options.mergeBytes),
  };
}
