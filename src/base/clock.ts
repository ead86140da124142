/** The only door to time. Tests pass a clock of their own. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970-01-01 UTC. */
  nowMs(): number;
  /** Monotonic time in milliseconds, for durations. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
