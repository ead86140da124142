import type { BitReader } from "../encoding/bit-reader.js";
import type { BitWriter } from "../encoding/bit-writer.js";

/**
 * The value column of the Gorilla paper (Pelkonen et al., VLDB 2015, 4.1.2) in Prometheus' form: a value is
 * XORed with the one before; `0`: the same; `10`: the bits of the last window; `11`, 5 bits of leading zeros,
 * 6 bits of length (0 means 64): a new window.
 * Values travel as two 32-bit words, so that NaN payloads survive.
 */

/** Leading zeros are clamped to what five bits hold. */
const LEADING_MAX = 31;
const NO_WINDOW = 0xff;

export class XorValueWriter {
  private high = 0;
  private low = 0;
  private leading = NO_WINDOW;
  private trailing = 0;

  /** The first value, all 64 bits. */
  start(writer: BitWriter, high: number, low: number): void {
    this.remember(high, low);
    writer.write(high >>> 0, 32);
    writer.write(low >>> 0, 32);
  }

  /** Takes the value as the previous one without writing it. */
  remember(high: number, low: number): void {
    this.high = high;
    this.low = low;
  }

  write(writer: BitWriter, high: number, low: number): void {
    const xorHigh = (high ^ this.high) >>> 0;
    const xorLow = (low ^ this.low) >>> 0;
    if (xorHigh === 0 && xorLow === 0) {
      writer.write(0, 1);
      return;
    }
    this.high = high;
    this.low = low;
    const leading = Math.min(leadingZeros(xorHigh, xorLow), LEADING_MAX);
    const trailing = trailingZeros(xorHigh, xorLow);
    const fits = this.leading !== NO_WINDOW && leading >= this.leading && trailing >= this.trailing;
    if (!fits) {
      this.leading = leading;
      this.trailing = trailing;
    }
    writeXorInWindow(writer, xorHigh, xorLow, this.leading, this.trailing, fits ? 0 : 1);
  }
}

/** Writes a XOR that is not 0 and whose bits the window covers; `opens` is 0 in the window of the last one. */
export function writeXorInWindow(
  writer: BitWriter,
  high: number,
  low: number,
  leading: number,
  trailing: number,
  opens: number,
): void {
  const significant = 64 - leading - trailing;
  if (opens === 0) writer.write(0b10, 2);
  else writer.write((0b11 << 11) | (leading << 6) | (significant & 63), 13);
  writeShifted(writer, high, low, trailing, significant);
}

/** The lowest `count` bits of high:low >>> shift. */
function writeShifted(writer: BitWriter, high: number, low: number, shift: number, count: number): void {
  if (shift === 0) writer.write64(high, low, count);
  else if (shift < 32) writer.write64(high >>> shift, (low >>> shift) | (high << (32 - shift)), count);
  else writer.write64(0, high >>> (shift - 32), count);
}

export function leadingZeros(high: number, low: number): number {
  return high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low);
}

export function trailingZeros(high: number, low: number): number {
  return low !== 0 ? 31 - Math.clz32(low & -low) : 63 - Math.clz32(high & -high);
}

export class XorValueReader {
  high = 0;
  low = 0;
  private leading = 0;
  private trailing = 0;

  reset(): void {
    this.leading = 0;
    this.trailing = 0;
  }

  start(reader: BitReader): void {
    this.high = reader.read(32) | 0;
    this.low = reader.read(32) | 0;
  }

  next(reader: BitReader): void {
    if (reader.bit() === 0) return;
    if (reader.bit() === 1) {
      const window = reader.read(11);
      this.leading = window >>> 6;
      const significant = window & 63;
      this.trailing = 64 - this.leading - (significant === 0 ? 64 : significant);
      if (this.trailing < 0) throw reader.corruption("XOR window wider than a value");
    }
    const trailing = this.trailing;
    const count = 64 - this.leading - trailing;
    let high = 0;
    let low: number;
    if (count > 32) {
      high = reader.read(count - 32);
      low = reader.read(32);
    } else {
      low = reader.read(count);
    }
    if (trailing === 0) {
      this.high ^= high;
      this.low ^= low;
    } else if (trailing < 32) {
      this.high ^= (high << trailing) | (low >>> (32 - trailing));
      this.low ^= low << trailing;
    } else {
      this.high ^= low << (trailing - 32);
    }
  }
}
