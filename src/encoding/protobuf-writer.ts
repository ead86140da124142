import { ByteWriter } from "./byte-writer.js";
import { WireType } from "./protobuf.js";

const textEncoder = new TextEncoder();
/** Also what `uvarint` makes room for. */
const VARINT_BYTES_MAX = 10;
const TWO_POW_32 = 4294967296;

/**
 * Writes protobuf, for messages off the hot path. A message inside another one is written
 * between `open` and `close`. As proto3 wants it, scalar fields of value zero are left out; a NaN and -0 are not.
 */
export class ProtobufWriter extends ByteWriter {
  private data: DataView;

  constructor(capacity = 1024) {
    super(capacity);
    this.data = new DataView(this.bytes.buffer);
  }

  /** Begins the message of `field`; what this returns ends it in `close`. */
  open(field: number): number {
    this.key(field, WireType.BYTES);
    this.reserve(5);
    this.length++;
    return this.length;
  }

  /** The same without a field: a message on its own with its length in front of it. */
  openDelimited(): number {
    this.reserve(5);
    this.length++;
    return this.length;
  }

  /** Writes the length in front of the message, which moves if that takes more than a byte. */
  close(start: number): void {
    const size = this.length - start;
    // What lies behind `length` does not move with a buffer that grows.
    this.reserve(VARINT_BYTES_MAX);
    if (size >= 128) {
      const more = varintBytes(size) - 1;
      this.bytes.copyWithin(start + more, start, this.length);
      this.length += more;
    }
    const end = this.length;
    this.length = start - 1;
    this.uvarint(size);
    this.length = end;
  }

  string(field: number, value: string): void {
    if (value !== "") this.text(field, value);
  }

  /** A string that is written though it is empty. */
  text(field: number, value: string): void {
    this.key(field, WireType.BYTES);
    // Three bytes a UTF-16 unit at most; the length goes in front of what is then known.
    this.reserve(VARINT_BYTES_MAX + value.length * 3);
    const at = this.length;
    const { written } = textEncoder.encodeInto(value, this.bytes.subarray(at + 5));
    this.uvarint(written);
    this.bytes.copyWithin(this.length, at + 5, at + 5 + written);
    this.length += written;
  }

  blob(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.key(field, WireType.BYTES);
    this.uvarint(value.length);
    this.append(value);
  }

  /** A whole number from 0 to 2^53. */
  uint64(field: number, value: number): void {
    if (value === 0) return;
    this.key(field, WireType.VARINT);
    this.uvarint(value);
  }

  /** A whole number within ±2^53, as `int32` and `int64` have it: ten bytes where it is negative. */
  int64(field: number, value: number): void {
    if (value === 0) return;
    this.key(field, WireType.VARINT);
    this.rawInt64(value);
  }

  /** A whole number within ±2^52, zigzag. */
  sint64(field: number, value: number): void {
    if (value !== 0) this.uint64(field, value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** The same, written though it is zero. */
  sint64Present(field: number, value: number): void {
    this.key(field, WireType.VARINT);
    this.uvarint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  double(field: number, value: number): void {
    if (Object.is(value, 0)) return;
    this.present(field, value);
  }

  /** A double that is written though it is zero: a member of a `oneof`, a proto2 field that is set. */
  present(field: number, value: number): void {
    this.key(field, WireType.FIXED64);
    this.reserve(8);
    this.data.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** The same from two words, low one first, so that a NaN keeps its payload. */
  doubleWords(field: number, low: number, high: number): void {
    if (low === 0 && high === 0) return;
    this.key(field, WireType.FIXED64);
    this.reserve(8);
    this.data.setUint32(this.length, low, true);
    this.data.setUint32(this.length + 4, high, true);
    this.length += 8;
  }

  /** Packed, zigzag. */
  packedSint64(field: number, values: ArrayLike<number>): void {
    if (values.length === 0) return;
    const start = this.open(field);
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      this.uvarint(value < 0 ? -2 * value - 1 : 2 * value);
    }
    this.close(start);
  }

  packedDoubles(field: number, values: ArrayLike<number>): void {
    if (values.length === 0) return;
    const start = this.open(field);
    this.reserve(8 * values.length);
    for (let i = 0; i < values.length; i++, this.length += 8) {
      this.data.setFloat64(this.length, values[i], true);
    }
    this.close(start);
  }

  private key(field: number, wireType: number): void {
    this.uvarint(field * 8 + wireType);
  }

  private rawInt64(value: number): void {
    this.reserve(VARINT_BYTES_MAX);
    if (value >= 0) {
      this.uvarint(value);
      return;
    }
    // Two's complement of 64 bits, seven at a time.
    let high = Math.floor(value / TWO_POW_32) >>> 0;
    let low = (value - Math.floor(value / TWO_POW_32) * TWO_POW_32) >>> 0;
    for (let i = 0; i < 9; i++) {
      this.bytes[this.length++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.bytes[this.length++] = low;
  }

  override reserve(count: number): void {
    const { bytes } = this;
    super.reserve(count);
    if (this.bytes !== bytes) this.data = new DataView(this.bytes.buffer);
  }
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) count++;
  return count;
}
