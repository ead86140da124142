import { CorruptionError } from "../base/errors.js";

/** The name under which a chunk's bytes appear in errors until somebody who knows the file renames them. */
export const CHUNK_IN_MEMORY = "chunk";

/**
 * Bits out of bytes, most significant first. Reads past the end give zeros, so that the hot loops need no test
 * for each bit; whoever reads calls `check` before it believes a sample.
 */
export class BitReader {
  bytes: Uint8Array;
  bitOffset: number;
  private bitEnd: number;

  constructor(bytes: Uint8Array, byteOffset = 0) {
    this.bytes = bytes;
    this.bitOffset = byteOffset * 8;
    this.bitEnd = bytes.length * 8;
  }

  reset(bytes: Uint8Array, byteOffset: number): void {
    this.bytes = bytes;
    this.bitOffset = byteOffset * 8;
    this.bitEnd = bytes.length * 8;
  }

  /** Bits that are left. Negative after a read past the end. */
  get bitsLeft(): number {
    return this.bitEnd - this.bitOffset;
  }

  /** Throws CorruptionError if more was read than there is. */
  check(): void {
    if (this.bitOffset > this.bitEnd) throw this.corruption("samples end early");
  }

  corruption(reason: string): CorruptionError {
    return new CorruptionError(CHUNK_IN_MEMORY, this.bitOffset >>> 3, reason);
  }

  bit(): number {
    const at = this.bitOffset++;
    return (this.bytes[at >>> 3] >>> (7 - (at & 7))) & 1;
  }

  /** The next `count` bits as an unsigned number, 1 <= count <= 32. */
  read(count: number): number {
    const at = this.bitOffset;
    this.bitOffset = at + count;
    const bytes = this.bytes;
    const i = at >>> 3;
    const shift = at & 7;
    const word = (bytes[i] << 24) | (bytes[i + 1] << 16) | (bytes[i + 2] << 8) | bytes[i + 3];
    if (count + shift <= 32) return (word << shift) >>> (32 - count);
    return ((word << shift) | (bytes[i + 4] >>> (8 - shift))) >>> (32 - count);
  }

  /** How many of the next bits are ones, at most `max`; the zero that ends them is consumed, too. */
  ones(max: number): number {
    let count = 0;
    while (count < max && this.bit() === 1) count++;
    return count;
  }

  /** A whole number of `uvarint` groups, which need not begin at a byte. */
  uvarint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.read(8);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw this.corruption("uvarint longer than ten bytes");
  }

  varint(): number {
    const zigzag = this.uvarint();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }
}
