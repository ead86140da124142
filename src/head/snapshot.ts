/** What the kernel copied of one series into a query scratch: `snapshot` and `collectChunks` of read.ts. */
import { assert } from "../base/assert.js";
import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { ReadLogChunk } from "./logged-chunks.js";

/** Visits the address of each descriptor, which is laid out as a chunk node. */
export function eachDescriptor(kernel: Kernel, scratch: number, visit: (desc: number) => void): void {
  const count = kernel.u32()[(scratch + L.Q_COUNT) >>> 2];
  for (let i = 0; i < count; i++) visit(scratch + L.Q_DESC + i * L.NODE_BYTES);
}

/**
 * Fills in the bytes of the described chunks that lie only in the log. False: for some there are none (null); their
 * descriptors keep N_DATA 0.
 */
export function fillFromLog(
  kernel: Kernel,
  scratch: number,
  readLogChunk: (...place: Parameters<ReadLogChunk>) => Uint8Array | null,
): boolean {
  const words = kernel.u32();
  let whole = true;
  if (words[(scratch + L.Q_MISSING) >>> 2] === 0) return whole;
  eachDescriptor(kernel, scratch, (desc) => {
    if (words[(desc + L.N_DATA) >>> 2] !== 0) return;
    const bytes = readLogChunk(words[(desc + L.N_SEGMENT) >>> 2], words[(desc + L.N_OFFSET) >>> 2]);
    if (bytes === null) {
      whole = false;
      return;
    }
    assert(bytes.length === words[(desc + L.N_LEN) >>> 2], "the log holds the chunk that the node names");
    const target = words[(desc + L.N_NEXT) >>> 2];
    kernel.u8().set(bytes, target);
    words[(desc + L.N_DATA) >>> 2] = target;
  });
  return whole;
}
