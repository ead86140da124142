import { SLOT_WAIT_BYTES_MAX, SLOT_WAIT_MS_MAX, SLOT_WAIT_TICK_MS } from "../base/limits.js";
import { ShortFirstQueue } from "../base/short-first-queue.js";
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
  /** It was refused, and is to be told now. */
  tell(): void;
}

/** What one client has waiting. */
interface Queue {
  /** Bytes that were served to this client since it began to wait, on the clock of all clients. */
  turn: number;
  readonly waiters: ShortFirstQueue<Waiter>;
}

/**
 * Requests that found no free slot. Clients take turns by bytes (self-clocked fair queueing, Golestani 1994), and of one
 * client's requests the small go first, while none is passed for ever. In overload everybody
 * waits a little instead of some being turned away; bounded in bytes and in time.
 */
export class WaitingRoom {
  /** In the order in which they came. */
  private readonly waiters = new Set<Waiter>();
  private readonly queues = new Map<string, Queue>();
  /** Refused, and not told yet. */
  private readonly refused = new Set<Waiter>();
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
      queue = { turn: this.turn, waiters: new ShortFirstQueue() };
      this.queues.set(waiter.client, queue);
    }
    queue.waiters.push(waiter, waiter.cost);
    this.startTimer();
  }

  /** `waiter` was refused: it is told once its time is over. */
  refuse(waiter: Waiter): void {
    this.refused.add(waiter);
    this.startTimer();
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
      queue.waiters.remove(waiter);
      if (queue.waiters.length === 0) this.queues.delete(waiter.client);
    }
    this.stopTimer();
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
    const waiter = next?.waiters.take();
    if (next === null || waiter === undefined) return null;
    this.turn = next.turn;
    next.turn += waiter.cost;
    return waiter;
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
    for (const waiter of this.refused) {
      if (waiter.startMs > oldest) continue;
      this.refused.delete(waiter);
      waiter.tell();
    }
    this.stopTimer();
  }

  private startTimer(): void {
    this.timer ??= setInterval(() => this.tick(), SLOT_WAIT_TICK_MS).unref();
  }

  private stopTimer(): void {
    if (this.waiters.size + this.refused.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }
}
