/**
 * Bits into bytes, most significant first, as Prometheus' chunks are laid out. Bits are gathered in one 32-bit
 * word and leave four bytes at a time.
 */
export class BitWriter {
  private bytes: Uint8Array;
  /** Bytes of `bytes` in use; always complete ones. */
  private length = 0;
  /** The bits behind them, at the upper end of the word. */
  private word = 0;
  private wordBits = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  clear(): void {
    this.length = 0;
    this.word = 0;
    this.wordBits = 0;
  }

  get bitLength(): number {
    return this.length * 8 + this.wordBits;
  }

  /** The lowest `count` bits of `value`, 1 <= count <= 32; the bits above must be zero. */
  write(value: number, count: number): void {
    const room = 32 - this.wordBits;
    if (count < room) {
      this.word |= value << (room - count);
      this.wordBits += count;
      return;
    }
    const rest = count - room;
    this.flushWord(this.word | (value >>> rest));
    this.word = rest === 0 ? 0 : value << (32 - rest);
    this.wordBits = rest;
  }

  /** The lowest `count` bits of the 64-bit number high:low, 1 <= count <= 64. */
  write64(high: number, low: number, count: number): void {
    if (count > 32) {
      const highCount = count - 32;
      this.write(highCount === 32 ? high >>> 0 : high & ((1 << highCount) - 1), highCount);
      this.write(low >>> 0, 32);
    } else {
      this.write(count === 32 ? low >>> 0 : low & ((1 << count) - 1), count);
    }
  }

  /** A copy of all bits, the last byte filled up with zeros. */
  take(): Uint8Array {
    const tail = (this.wordBits + 7) >>> 3;
    const taken = new Uint8Array(this.length + tail);
    taken.set(this.bytes.subarray(0, this.length));
    for (let i = 0; i < tail; i++) taken[this.length + i] = this.word >>> (24 - 8 * i);
    return taken;
  }

  private flushWord(word: number): void {
    if (this.length + 4 > this.bytes.length) {
      const grown = new Uint8Array(Math.max(64, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    const bytes = this.bytes;
    const at = this.length;
    bytes[at] = word >>> 24;
    bytes[at + 1] = word >>> 16;
    bytes[at + 2] = word >>> 8;
    bytes[at + 3] = word;
    this.length = at + 4;
  }
}
