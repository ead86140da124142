/**
 * Slots: pieces of the shared memory that request bodies are received into. All of them are reserved at start, so
 * a flood of requests meets "full" instead of more memory. A body begins in a small slot and moves to a larger
 * one when it outgrows it; no header decides about memory.
 */
import { assert } from "../base/assert.js";
import type { SharedMemory } from "../kernel/shared-memory.js";
import type { IngestSlot } from "./contract.js";

interface SlotClass {
  readonly bytes: number;
  readonly free: number[];
}

export class SlotPool {
  readonly slotCount: number;
  private readonly classes: readonly SlotClass[];
  private readonly memory: Uint8Array;
  private readonly requestBytesMax: number;

  /** `requestBytesMax`: longer compressed bodies are "too-large"; at most the largest slot. */
  constructor(shared: SharedMemory, requestBytesMax: number) {
    this.classes = shared.slotRegions.map(({ at, bytes, count }) => ({
      bytes,
      free: Array.from({ length: count }, (_, i) => at + (count - 1 - i) * bytes),
    }));
    this.slotCount = this.classes.reduce((sum, { free }) => sum + free.length, 0);
    this.memory = new Uint8Array(shared.memory.buffer); // slots lie in the part that never moves
    this.requestBytesMax = requestBytesMax;
  }

  /** An empty slot of the smallest size, null where none is free. */
  acquire(): Slot | null {
    const at = this.classes[0]?.free.pop();
    return at === undefined ? null : new Slot(this, at);
  }

  get freeCount(): number {
    return this.classes.reduce((sum, { free }) => sum + free.length, 0);
  }

  /** @internal for Slot */
  classBytes(index: number): number {
    return this.classes[index]?.bytes ?? 0;
  }

  /** @internal for Slot: copies `chunk` behind `length` bytes, moving to a larger slot where it must. */
  write(slot: Slot, chunk: Uint8Array): "ok" | "full" | "too-large" {
    const length = slot.length + chunk.length;
    if (length > this.requestBytesMax) return "too-large";
    if (length > this.classBytes(slot.sizeClass)) {
      const sizeClass = this.classes.findIndex(({ bytes }) => bytes >= length);
      const at = this.classes[sizeClass]?.free.pop();
      if (at === undefined) return sizeClass === -1 ? "too-large" : "full";
      this.memory.copyWithin(at, slot.at, slot.at + slot.length);
      this.give(slot);
      slot.at = at;
      slot.sizeClass = sizeClass;
    }
    this.memory.set(chunk, slot.at + slot.length);
    slot.length = length;
    return "ok";
  }

  /** @internal for Slot */
  view(at: number, length: number): Uint8Array {
    return this.memory.subarray(at, at + length);
  }

  /** @internal for Slot */
  give(slot: Slot): void {
    this.classes[slot.sizeClass]?.free.push(slot.at);
  }
}

export class Slot implements IngestSlot {
  length = 0;
  at: number;
  sizeClass = 0;
  private readonly pool: SlotPool;
  private released = false;

  constructor(pool: SlotPool, at: number) {
    this.pool = pool;
    this.at = at;
  }

  /** Room in all. */
  get room(): number {
    return this.pool.classBytes(this.sizeClass);
  }

  bytes(): Uint8Array {
    return this.pool.view(this.at, this.length);
  }

  write(chunk: Uint8Array): "ok" | "full" | "too-large" {
    assert(!this.released, "a released slot is not written");
    return this.pool.write(this, chunk);
  }

  release(): void {
    assert(!this.released, "a slot is released once");
    this.released = true;
    this.pool.give(this);
  }
}
