/**
 * Reads protobuf (wire format of protobuf.dev/programming-guides/encoding) from a range of bytes, for messages
 * off the hot path. Nothing throws: the first malformed byte sets `failed`, and every later read gives nothing.
 * No length read from the input ever allocates.
 */
export const WireType: {
  readonly VARINT: 0;
  readonly FIXED64: 1;
  readonly BYTES: 2;
  readonly GROUP_START: 3;
  readonly GROUP_END: 4;
  readonly FIXED32: 5;
} = { VARINT: 0, FIXED64: 1, BYTES: 2, GROUP_START: 3, GROUP_END: 4, FIXED32: 5 };

const TWO_POW_32 = 4294967296;
const GROUP_DEPTH_MAX = 32;

export class ProtobufReader {
  /** The field that `next` stopped at; its value must be read or skipped. */
  field = 0;
  wireType = 0;
  failed = false;
  /** Of the value that `bytes` read last: [start, stop). */
  start = 0;
  stop = 0;

  private source: Uint8Array = new Uint8Array(0);
  private view = new DataView(this.source.buffer);
  private position = 0;
  private end = 0;
  /** The two halves of the varint read last, unsigned. */
  private low = 0;
  private high = 0;

  /** Begins at the message in bytes [start, end). Cheap to call again for the same array. */
  reset(source: Uint8Array, start: number, end: number): void {
    if (this.source !== source) {
      this.source = source;
      this.view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    }
    this.position = start;
    this.start = start;
    this.stop = start;
    this.end = Math.min(end, source.length);
    this.failed = start > this.end;
  }

  /** Steps to the next field; false at the end of the message and after a failure. */
  next(): boolean {
    if (this.failed || this.position >= this.end) return false;
    this.varint();
    this.field = this.low >>> 3;
    this.wireType = this.low & 7;
    if (this.high !== 0 || this.field === 0 || this.wireType > WireType.FIXED32) this.fail();
    return !this.failed;
  }

  /** True if the field has this wire type; else the message is malformed. */
  expect(wireType: number): boolean {
    if (this.wireType !== wireType) this.fail();
    return !this.failed;
  }

  uint32(): number {
    this.varint();
    return this.low;
  }

  int32(): number {
    this.varint();
    return this.low | 0;
  }

  sint32(): number {
    this.varint();
    return (this.low >>> 1) ^ -(this.low & 1);
  }

  /** Exact up to 2^53, rounded above. */
  uint64(): number {
    this.varint();
    return this.high * TWO_POW_32 + this.low;
  }

  /** Exact within ±2^53, rounded outside. */
  int64(): number {
    this.varint();
    return (this.high | 0) * TWO_POW_32 + this.low;
  }

  /** Exact within ±2^53, rounded outside. */
  sint64(): number {
    this.varint();
    const mask = -(this.low & 1);
    const low = (((this.low >>> 1) | (this.high << 31)) ^ mask) >>> 0;
    const high = (this.high >>> 1) ^ mask;
    return high * TWO_POW_32 + low;
  }

  /** Bit for bit, NaN payloads included as far as a number carries them. */
  double(): number {
    if (this.end - this.position < 8) this.fail();
    if (this.failed) return 0;
    const value = this.view.getFloat64(this.position, true);
    this.position += 8;
    return value;
  }

  /** The two words of a double, low word first, for NaN payloads that decide something. */
  doubleWords(words: Uint32Array): void {
    if (this.end - this.position < 8) this.fail();
    if (this.failed) return;
    words[0] = this.view.getUint32(this.position, true);
    words[1] = this.view.getUint32(this.position + 4, true);
    this.position += 8;
  }

  /** Steps over a length-delimited value and leaves its place in `start` and `stop`. */
  bytes(): void {
    this.varint();
    if (this.high !== 0 || this.low > this.end - this.position) this.fail();
    this.start = this.position;
    this.stop = this.failed ? this.position : this.position + this.low;
    this.position = this.stop;
  }

  /** Goes into a length-delimited value; give what this returns to `leave` when it is read. */
  enter(): number {
    const outer = this.end;
    this.bytes();
    this.position = this.start;
    this.end = this.stop;
    return outer;
  }

  /** Goes on behind the value that was entered, read to its end or not. */
  leave(outer: number): void {
    if (!this.failed) this.position = this.end;
    this.end = outer;
  }

  /** True while an entered run of packed values has more. */
  more(): boolean {
    return !this.failed && this.position < this.end;
  }

  /** Steps over the value of the current field, whole groups included. */
  skip(): void {
    let depth = 0;
    do {
      switch (this.wireType) {
        case WireType.VARINT:
          this.varint();
          break;
        case WireType.FIXED64:
          this.advance(8);
          break;
        case WireType.BYTES:
          this.bytes();
          break;
        case WireType.FIXED32:
          this.advance(4);
          break;
        case WireType.GROUP_START:
          if (++depth > GROUP_DEPTH_MAX) this.fail();
          break;
        default:
          if (--depth < 0) this.fail();
      }
      if (depth > 0 && !this.next()) this.fail();
    } while (depth > 0 && !this.failed);
  }

  fail(): void {
    this.failed = true;
    this.position = this.end;
    this.low = 0;
    this.high = 0;
  }

  private advance(bytes: number): void {
    if (this.end - this.position < bytes) this.fail();
    else this.position += bytes;
  }

  /** Reads one varint of up to ten bytes into `low` and `high`; the tenth may hold the last bit only. */
  private varint(): void {
    const { source, end } = this;
    let position = this.position;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (position >= end) break;
      const byte = source[position++];
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else if (byte > 1) break;
      else high |= bits << 31;
      if (byte < 0x80) {
        this.position = position;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    this.fail();
  }
}
