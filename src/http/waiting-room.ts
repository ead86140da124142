import { SLOT_WAIT_BYTES_MAX, SLOT_WAIT_MS_MAX, SLOT_WAIT_TICK_MS } from "../base/limits.js";
import type { IngestSlot } from "../workers/contract.js";

/** A request that waits for a slot and keeps what has come of its body meanwhile. */
export interface Waiter {
  /** Monotonic milliseconds at which it began. */
  readonly startMs: number;
  /** It has a slot now. */
  wake(slot: IngestSlot): void;
  /** It has waited long enough. */
  expire(): void;
}

/**
 * Requests that found no free slot, first come, first served. Senders have one request under way each, so in
 * overload everybody waits a little instead of some being turned away; bounded in bytes and in time.
 */
export class WaitingRoom {
  private readonly waiters = new Set<Waiter>();
  private readonly acquire: () => IngestSlot | null;
  private readonly nowMs: () => number;
  private bytes = 0;
  private timer: NodeJS.Timeout | null = null;
  private serving = false;

  /** `acquire`: a slot for the first who waits, null where there is none. */
  constructor(acquire: () => IngestSlot | null, nowMs: () => number) {
    this.acquire = acquire;
    this.nowMs = nowMs;
  }

  get count(): number {
    return this.waiters.size;
  }

  enter(waiter: Waiter): void {
    this.waiters.add(waiter);
    this.timer ??= setInterval(() => this.tick(), SLOT_WAIT_TICK_MS);
  }

  /** Counts `bytes` more that a waiter keeps; false: there is no room for them. */
  keep(bytes: number): boolean {
    if (this.bytes + bytes > SLOT_WAIT_BYTES_MAX) return false;
    this.bytes += bytes;
    return true;
  }

  /** The waiter is gone, awake or refused; `bytes` is what it kept. */
  leave(waiter: Waiter, bytes: number): void {
    this.waiters.delete(waiter);
    this.bytes -= bytes;
    if (this.waiters.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  /** Call when a slot may have become free. */
  serve(): void {
    if (this.serving) return;
    this.serving = true;
    for (const waiter of this.waiters) {
      const slot = this.acquire();
      if (slot === null) break;
      waiter.wake(slot);
    }
    this.serving = false;
  }

  private tick(): void {
    this.serve();
    const oldest = this.nowMs() - SLOT_WAIT_MS_MAX;
    for (const waiter of this.waiters) {
      if (waiter.startMs > oldest) break;
      waiter.expire();
    }
  }
}
