import { CorruptionError } from "../base/errors.js";

const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads what `ByteWriter` writes. Every read past `end` and every malformed integer is a `CorruptionError` that
 * names the file and the offset in it.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  offset: number;
  readonly end: number;
  private readonly file: string;
  private readonly fileOffset: number;

  /** Reads [start, end) of `bytes`; `bytes[0]` lies at `fileOffset` of `file`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length, file = "memory", fileOffset = 0) {
    this.bytes = bytes;
    this.offset = start;
    this.end = end;
    this.file = file;
    this.fileOffset = fileOffset;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  corruption(reason: string): CorruptionError {
    return new CorruptionError(this.file, this.fileOffset + this.offset, reason);
  }

  u8(): number {
    this.need(1);
    return this.bytes[this.offset++];
  }

  u16(): number {
    this.need(2);
    const value = (this.bytes[this.offset] << 8) | this.bytes[this.offset + 1];
    this.offset += 2;
    return value;
  }

  u32(): number {
    this.need(4);
    const value = readU32(this.bytes, this.offset);
    this.offset += 4;
    return value;
  }

  /** At most 2^53 - 1: no count and no offset of a real file is above. */
  u64(): number {
    const value = this.u32() * 0x1_0000_0000 + this.u32();
    if (value > Number.MAX_SAFE_INTEGER) throw this.corruption(`64-bit integer ${value} out of range`);
    return value;
  }

  /** Exact to 2^53; above, the nearest double. */
  uvarint(): number {
    const bytes = this.bytes;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.offset >= this.end) throw this.corruption("input ends inside a uvarint");
      const byte = bytes[this.offset++];
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

  /** A view of the next `count` bytes. */
  take(count: number): Uint8Array {
    this.need(count);
    this.offset += count;
    return this.bytes.subarray(this.offset - count, this.offset);
  }

  uvarintString(): string {
    return textDecoder.decode(this.take(this.uvarint()));
  }

  skipUvarintString(): void {
    const length = this.uvarint();
    this.need(length);
    this.offset += length;
  }

  private need(count: number): void {
    if (count > this.end - this.offset) {
      throw this.corruption(`${count} bytes wanted, ${this.end - this.offset} left`);
    }
  }
}

export function readU32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3]) >>> 0
  );
}
