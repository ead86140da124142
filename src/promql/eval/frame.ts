/** The evaluation times of one (sub)query: `count` steps of `stepMs` milliseconds from `startMs`. */
export interface Frame {
  readonly startMs: number;
  /** Positive, also where there is one step only. */
  readonly stepMs: number;
  /** May be 0: a subquery whose grid has no point in its range. */
  readonly count: number;
}

export function frameOf(startMs: number, endMs: number, stepMs: number): Frame {
  return { startMs, stepMs, count: endMs < startMs ? 0 : Math.floor((endMs - startMs) / stepMs) + 1 };
}

/** The last evaluation time. */
export function frameEnd(frame: Frame): number {
  return frame.startMs + (frame.count - 1) * frame.stepMs;
}
