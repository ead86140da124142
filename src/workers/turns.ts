/**
 * Who may use the maintenance thread: one after another, in the order of asking. Who has a client waiting asks what
 * is under way to end at its next checkpoint; what was ended so is not ended a second time in a row, so that
 * it gets done however often somebody asks.
 */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();
  private wasEnded = false;
  private readonly words: Int32Array;

  /** `buffer`: of one word, which the maintenance thread looks at: not zero, it ends what may be ended. */
  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
  }

  take<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => {});
    return result;
  }

  takeSoon<T>(work: () => Promise<T>): Promise<T> {
    if (!this.wasEnded) Atomics.store(this.words, 0, 1);
    return this.take(() => {
      Atomics.store(this.words, 0, 0);
      return work();
    });
  }

  /** As `take`, for work that may be ended: it comes to null then, and is to be tried again. */
  async takeUntilAsked<T>(work: () => Promise<T | null>): Promise<T | null> {
    const result = await this.take(work);
    this.wasEnded = result === null;
    return result;
  }
}
