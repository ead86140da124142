import * as L from "../kernel/assembly/layout.js";
import type { Kernel } from "../kernel/kernel.js";
import type { SampleColumns } from "../storage/columns.js";

/** Decodes XOR chunks of files in the kernel: 2.5 times as fast as `decodeXorChunk`, checksum included. */
export class CheckedDecoder {
  private readonly kernel: Kernel;
  private readonly scratch: number;

  /** `scratch` is that of the query thread; nothing in it lives from call to call. */
  constructor(kernel: Kernel, scratch: number) {
    this.kernel = kernel;
    this.scratch = scratch;
  }

  /** CRC-32C of bytes [start, end), continued from `seed`: two to three times as fast as in JavaScript. */
  readonly checksum = (bytes: Uint8Array, start: number, end: number, seed = 0): number => {
    const { kernel, scratch } = this;
    let checksum = seed;
    for (let at = start; at < end; at += L.Q_DATA_MAX) {
      const part = bytes.subarray(at, Math.min(at + L.Q_DATA_MAX, end));
      kernel.u8().set(part, scratch + L.Q_DATA);
      checksum = kernel.exports.crc32c(scratch + L.Q_DATA, part.length, checksum);
    }
    return checksum >>> 0;
  };

  /**
   * Appends the samples with mint <= timestamp <= maxt of the chunk in `bytes`, whose first byte is its encoding,
   * to `columns`, which hold floats only. False, and nothing done, where the checksum is another one or the bytes
   * are no XOR chunk: the caller finds out what they are.
   */
  decode(bytes: Uint8Array, checksum: number, columns: SampleColumns, mint: number, maxt: number): boolean {
    const { kernel, scratch } = this;
    if (bytes.length > L.Q_DATA_MAX) return false;
    kernel.u8().set(bytes, scratch + L.Q_DATA);
    const total = kernel.exports.decodeChecked(scratch, bytes.length, checksum);
    if (total < 0) return false;
    const floats = kernel.f64();
    const t = (scratch + L.Q_T) >>> 3;
    let start = 0;
    let end = total;
    while (start < end && floats[t + start] < mint) start++;
    while (end > start && floats[t + end - 1] > maxt) end--;
    const { count } = columns;
    columns.reserve(count + end - start);
    columns.timestamps.set(floats.subarray(t + start, t + end), count);
    const v = (scratch + L.Q_V) >>> 2;
    columns.valueWords.set(kernel.u32().subarray(v + 2 * start, v + 2 * end), 2 * count);
    columns.count = count + end - start;
    return true;
  }
}
