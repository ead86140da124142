/**
 * Which generation of blocks each query thread works with. A block is written, the generation goes up, and only
 * when no query of an older generation runs any more the head drops what the block holds: so no query finds a
 * sample neither here nor there.
 *
 * Words of a shared array: 0 the generation, written by the maintenance side; 1 + i the generation that query
 * thread i works with, 0 while it rests, written by that thread.
 */
export class Epochs {
  readonly buffer: SharedArrayBuffer;
  private readonly words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
  }

  static create(threads: number): Epochs {
    const epochs = new Epochs(new SharedArrayBuffer(4 * (1 + threads)));
    Atomics.store(epochs.words, 0, 1);
    return epochs;
  }

  /** A query begins on `thread`; returns the generation it must work with. */
  enter(thread: number): number {
    for (;;) {
      const generation = Atomics.load(this.words, 0);
      Atomics.store(this.words, 1 + thread, generation);
      // Published before the generation went up, or seen by whoever raised it.
      if (Atomics.load(this.words, 0) === generation) return generation;
    }
  }

  leave(thread: number): void {
    Atomics.store(this.words, 1 + thread, 0);
  }

  /** Blocks have changed. Returns the generation that knows. */
  advance(): number {
    return Atomics.add(this.words, 0, 1) + 1;
  }

  /** True once no query works with an older generation than this one. */
  settled(generation: number): boolean {
    for (let i = 1; i < this.words.length; i++) {
      const seen = Atomics.load(this.words, i);
      if (seen !== 0 && seen < generation) return false;
    }
    return true;
  }
}
