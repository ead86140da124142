import { assert } from "../base/assert.js";

const textEncoder = new TextEncoder();
/** Lengths up to this take one byte. */
const ASCII_LENGTH_MAX = 127;

/**
 * A growing buffer for big-endian integers and the variable-length integers of Go's `encoding/binary`
 * (`uvarint`: seven bits a byte, low group first; `varint`: zigzag over it), as Prometheus' TSDB files use them.
 * Integers are whole numbers up to 2^53 - 1, with a sign up to 2^52 - 1.
 */
export class ByteWriter {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  /** What was written; a view that the next write may change. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** What was written, as a copy. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    this.bytes[this.length++] = value >>> 8;
    this.bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.reserve(4);
    writeU32(this.bytes, this.length, value);
    this.length += 4;
  }

  u64(value: number): void {
    assert(value >= 0, "u64 is not negative");
    this.u32(Math.floor(value / 0x1_0000_0000));
    this.u32(value % 0x1_0000_0000);
  }

  uvarint(value: number): void {
    assert(value >= 0, "uvarint is not negative");
    this.reserve(10);
    const bytes = this.bytes;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      bytes[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[this.length++] = rest;
  }

  varint(value: number): void {
    this.uvarint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  append(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Length in bytes as uvarint, then the UTF-8 bytes. */
  uvarintString(text: string): void {
    const { length } = text;
    // Most strings here are short and ASCII: a loop beats the encoder, which allocates.
    if (length <= ASCII_LENGTH_MAX) {
      this.reserve(length + 1);
      const { bytes } = this;
      const start = this.length + 1;
      let i = 0;
      for (; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 0x7f) break;
        bytes[start + i] = unit;
      }
      if (i === length) {
        bytes[this.length] = length;
        this.length = start + length;
        return;
      }
    }
    const encoded = textEncoder.encode(text);
    this.uvarint(encoded.length);
    this.append(encoded);
  }

  /** Zero bytes until the length is a multiple of `alignment`. */
  pad(alignment: number): void {
    const count = (alignment - (this.length % alignment)) % alignment;
    this.reserve(count);
    this.bytes.fill(0, this.length, this.length + count);
    this.length += count;
  }
}

export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}
