import { SLOT_WAIT_BYTES_MAX, SLOT_WAIT_MS_MAX, SLOT_WAIT_TICK_MS } from "../base/limits.js";
import type { IngestSlot } from "../workers/contract.js";

/** A request that waits for a slot and keeps what has come of its body meanwhile. */
export interface Waiter {
  /** Monotonic milliseconds at which it began. */
  readonly startMs: number;
  /** Who sends it: a user, or an address. */
  readonly client: string;
  /** Bytes of its body, or a guess. */
  readonly cost: number;
  /** Bytes that it keeps now. */
  readonly keptBytes: number;
  /** It has a slot now. */
  wake(slot: IngestSlot): void;
  /** It has waited long enough, or keeps too much. */
  expire(): void;
}

/** What one client has waiting, the next one first. */
interface Queue {
  /** Bytes that were served to this client since it began to wait, on the clock of all clients. */
  turn: number;
  /** The tag of the one that was served last. */
  served: number;
  readonly waiters: { readonly waiter: Waiter; readonly tag: number }[];
}

/**
 * Requests that found no free slot. Clients take turns by bytes (self-clocked fair queueing, Golestani 1994), and so do
 * the requests of one client: a small request passes large ones, and none is passed for ever. In overload everybody
 * waits a little instead of some being turned away; bounded in bytes and in time.
 */
export class WaitingRoom {
  /** In the order in which they came. */
  private readonly waiters = new Set<Waiter>();
  private readonly queues = new Map<string, Queue>();
  private readonly acquire: () => IngestSlot | null;
  private readonly nowMs: () => number;
  private turn = 0;
  private bytes = 0;
  private timer: NodeJS.Timeout | null = null;
  private serving = false;

  /** `acquire`: a slot for the next one, null where there is none. */
  constructor(acquire: () => IngestSlot | null, nowMs: () => number) {
    this.acquire = acquire;
    this.nowMs = nowMs;
  }

  get count(): number {
    return this.waiters.size;
  }

  get keptBytes(): number {
    return this.bytes;
  }

  get clientCount(): number {
    return this.queues.size;
  }

  enter(waiter: Waiter): void {
    this.waiters.add(waiter);
    let queue = this.queues.get(waiter.client);
    if (queue === undefined) {
      queue = { turn: this.turn, served: 0, waiters: [] };
      this.queues.set(waiter.client, queue);
    }
    const tag = queue.served + waiter.cost;
    let at = queue.waiters.length;
    while (at > 0 && (queue.waiters[at - 1]?.tag ?? 0) > tag) at--;
    queue.waiters.splice(at, 0, { waiter, tag });
    this.timer ??= setInterval(() => this.tick(), SLOT_WAIT_TICK_MS).unref();
  }

  /**
   * Counts `bytes` more that a waiter keeps; false: there is no room for them. Where there is none, the waiter that
   * keeps most leaves, so that large bodies cannot keep small ones out.
   */
  keep(waiter: Waiter, bytes: number): boolean {
    while (this.bytes + bytes > SLOT_WAIT_BYTES_MAX) {
      const largest = this.largest();
      if (largest === null || largest.keptBytes <= waiter.keptBytes + bytes) return false;
      largest.expire();
    }
    this.bytes += bytes;
    return true;
  }

  /** The waiter is gone, awake or refused; it keeps nothing any more. */
  leave(waiter: Waiter): void {
    if (!this.waiters.delete(waiter)) return;
    this.bytes -= waiter.keptBytes;
    const queue = this.queues.get(waiter.client);
    if (queue !== undefined) {
      const at = queue.waiters.findIndex((place) => place.waiter === waiter);
      if (at >= 0) queue.waiters.splice(at, 1);
      if (queue.waiters.length === 0) this.queues.delete(waiter.client);
    }
    if (this.waiters.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  /** Call when a slot may have become free. */
  serve(): void {
    if (this.serving) return;
    this.serving = true;
    while (this.waiters.size > 0) {
      const slot = this.acquire();
      if (slot === null) break;
      const waiter = this.take();
      if (waiter === null) slot.release();
      else waiter.wake(slot);
    }
    this.serving = false;
  }

  /** The first of the client whose turn it is. */
  private take(): Waiter | null {
    let next: Queue | null = null;
    for (const queue of this.queues.values()) {
      if (next === null || queue.turn < next.turn) next = queue;
    }
    const place = next?.waiters[0];
    if (next === null || place === undefined) return null;
    this.turn = next.turn;
    next.turn += place.waiter.cost;
    next.served = place.tag;
    return place.waiter;
  }

  private largest(): Waiter | null {
    let largest: Waiter | null = null;
    for (const waiter of this.waiters) {
      if (largest === null || waiter.keptBytes > largest.keptBytes) largest = waiter;
    }
    return largest;
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
