/**
 * When the data of the differential test lies: a fixed time, so that a seed gives the same queries and the same
 * answers on every day. It crosses midnight into a leap day's morrow, for the sake of the calendar functions.
 */
export const BEGIN_MS: number = Date.UTC(2024, 1, 29, 23, 0, 0);
export const SPAN_MS: number = 2 * 3_600_000;
export const END_MS: number = BEGIN_MS + SPAN_MS;
export const INTERVAL_MS = 15_000;
export const ROUNDS: number = SPAN_MS / INTERVAL_MS;

/** The bit pattern that marks the end of a series; built over bytes, so that no conversion makes it another NaN. */
export const STALE: number = new Float64Array(new BigUint64Array([0x7ff0000000000002n]).buffer)[0]!;
