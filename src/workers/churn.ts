/** How many series there were when: the marks that churn is told from. */

const MARK_MS = 60_000;
const MARKS_MAX = 61;

interface Mark {
  readonly ms: number;
  /** Refs given out. */
  readonly count: number;
  /** Series made since the start of the process. */
  readonly created: number;
}

export class Churn {
  private readonly marks: Mark[] = [];

  /** To be called every now and then, with a monotonic time. */
  mark(ms: number, count: number, created: number): void {
    const last = this.marks.at(-1);
    if (last !== undefined && ms - last.ms < MARK_MS) return;
    this.marks.push({ ms, count, created });
    if (this.marks.length > MARKS_MAX) this.marks.shift();
  }

  /** The time since the oldest mark of the last hour. */
  before(
    ms: number,
    count: number,
    created: number,
  ): { countBefore: number; created: number; windowMs: number } {
    const [oldest] = this.marks;
    if (oldest === undefined) return { countBefore: count, created: 0, windowMs: 0 };
    return { countBefore: oldest.count, created: created - oldest.created, windowMs: ms - oldest.ms };
  }
}
