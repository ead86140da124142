/**
 * Which query thread uses which scratch. A thread takes a free number when it starts; threads that ended (idle for
 * long, or out of memory) do not give theirs back, so the main thread looks who is still alive.
 */
export class ThreadSlots {
  readonly buffer: SharedArrayBuffer;
  private readonly owners: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.owners = new Int32Array(buffer);
  }

  static create(count: number): ThreadSlots {
    return new ThreadSlots(new SharedArrayBuffer(4 * count));
  }

  /** The number that thread `threadId` (positive) has from here on; -1 where all are taken. */
  take(threadId: number): number {
    for (let i = 0; i < this.owners.length; i++) {
      if (Atomics.compareExchange(this.owners, i, 0, threadId) === 0) return i;
    }
    return -1;
  }

  /** Frees the numbers of threads that are not among `alive`, after telling `freed` about each. */
  sweep(alive: ReadonlySet<number>, freed: (index: number) => void): void {
    for (let i = 0; i < this.owners.length; i++) {
      const owner = Atomics.load(this.owners, i);
      if (owner === 0 || alive.has(owner)) continue;
      freed(i);
      Atomics.store(this.owners, i, 0);
    }
  }
}
