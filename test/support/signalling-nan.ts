/**
 * NaNs whose quiet bit is not set, the stale marker first of all. V8 sets that bit when such a number is stored
 * in an array of numbers, so tests carry finite numbers that stand for them until the request is encoded.
 */
interface StandIn {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Stands for the stale marker. */
export const STALE_VALUE = 1.1234e-301;
/** Stands for a signalling NaN that is no marker. */
export const SIGNALLING_VALUE = 1.4321e-301;

const STAND_INS: readonly StandIn[] = [
  { value: STALE_VALUE, low: 2, high: 0x7ff00000 },
  { value: SIGNALLING_VALUE, low: 0xdeadbeef, high: 0xfff12345 },
];
export const STALE_BITS = "7ff00000:2";

/** Puts the NaNs into an encoded message, in place. */
export function putSignallingNaNs(message: Uint8Array): Uint8Array {
  const buffer = Buffer.from(message.buffer, message.byteOffset, message.length);
  for (const { value, low, high } of STAND_INS) {
    const wanted = Buffer.from(Float64Array.of(value).buffer);
    for (let at = buffer.indexOf(wanted); at >= 0; at = buffer.indexOf(wanted, at + 8)) {
      buffer.writeUInt32LE(low, at);
      buffer.writeUInt32LE(high, at + 4);
    }
  }
  return message;
}

/** The bits that `value` stands for, high word first. */
export function bitsOf(value: number): string {
  const standIn = STAND_INS.find((one) => one.value === value);
  const words = new Uint32Array(Float64Array.of(value).buffer);
  return `${(standIn?.high ?? words[1]).toString(16)}:${(standIn?.low ?? words[0]).toString(16)}`;
}
