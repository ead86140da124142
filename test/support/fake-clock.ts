import type { Clock } from "../../dist/base/clock.js";

/** Time that passes only when the test says so. */
export class FakeClock implements Clock {
  private wallMs: number;
  private runMs = 0;

  constructor(startMs = Date.UTC(2026, 10, 22, 14, 0, 0)) {
    this.wallMs = startMs;
  }

  nowMs(): number {
    return Math.floor(this.wallMs);
  }

  monotonicMs(): number {
    return this.runMs;
  }

  advance(ms: number): void {
    this.wallMs += ms;
    this.runMs += ms;
  }

  /** Moves the wall clock alone, as an administrator or NTP would. */
  jumpTo(wallMs: number): void {
    this.wallMs = wallMs;
  }
}
