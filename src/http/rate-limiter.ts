import type { RateLimit } from "./web-settings.js";

/** A token bucket, as `golang.org/x/time/rate` counts: full at first, never fuller than `burst`. */
export class RateLimiter {
  private readonly limit: RateLimit;
  private tokens: number;
  private lastMs: number;

  constructor(limit: RateLimit, nowMs: number) {
    this.limit = limit;
    this.tokens = limit.burst;
    this.lastMs = nowMs;
  }

  /** Takes one, where there is one. */
  take(nowMs: number): boolean {
    const { burst, intervalMs } = this.limit;
    this.tokens = Math.min(burst, this.tokens + (nowMs - this.lastMs) / intervalMs);
    this.lastMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }
}
