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

/** Fills in the bytes of the described chunks that lie only in the log. */
export function fillFromLog(kernel: Kernel, scratch: number, readLogChunk: ReadLogChunk): void {
  const words = kernel.u32();
  if (words[(scratch + L.Q_MISSING) >>> 2] === 0) return;
  eachDescriptor(kernel, scratch, (desc) => {
    if (words[(desc + L.N_DATA) >>> 2] !== 0) return;
    const bytes = readLogChunk(words[(desc + L.N_SEGMENT) >>> 2], words[(desc + L.N_OFFSET) >>> 2]);
    assert(bytes.length === words[(desc + L.N_LEN) >>> 2], "the log holds the chunk that the node names");
    const target = words[(desc + L.N_NEXT) >>> 2];
    kernel.u8().set(bytes, target);
    words[(desc + L.N_DATA) >>> 2] = target;
  });
}
