/** Prometheus' stale marker: the NaN 0x7ff0000000000002, told from other NaNs by its bits. */
export const STALE_NAN_HIGH = 0x7ff00000;
export const STALE_NAN_LOW = 0x00000002;

/** A little-endian view of the bits of one float; this machine's order (x86-64, arm64) is little-endian. */
const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** True for the stale marker only. Reads the bits, so `value` must not have gone through arithmetic. */
export function isStaleNaN(value: number): boolean {
  if (!Number.isNaN(value)) return false;
  float[0] = value;
  return words[0] === STALE_NAN_LOW && words[1] === STALE_NAN_HIGH;
}

/** The same for element `index` of a column, without passing the value through a register. */
export function isStaleAt(valueWords: Uint32Array, index: number): boolean {
  return valueWords[2 * index] === STALE_NAN_LOW && valueWords[2 * index + 1] === STALE_NAN_HIGH;
}

/** Writes the stale marker into element `index` of a column. */
export function setStaleAt(valueWords: Uint32Array, index: number): void {
  valueWords[2 * index] = STALE_NAN_LOW;
  valueWords[2 * index + 1] = STALE_NAN_HIGH;
}
