/** The evaluation times of one (sub)query: `count` steps of `stepMs` milliseconds from `startMs`. */
export interface Frame {
  readonly startMs: number;
  /** Positive, also where there is one step only. */
  readonly stepMs: number;
  /** May be 0: a subquery whose grid has no point in its range. */
  readonly count: number;
  /** Whether its end lies behind its start, be it by less than a step: then it is a range query's. */
  readonly ranges?: boolean;
}

export function frameOf(startMs: number, endMs: number, stepMs: number): Frame {
  const count = endMs < startMs ? 0 : Math.floor((endMs - startMs) / stepMs) + 1;
  return { startMs, stepMs, count, ranges: endMs !== startMs };
}

/** The last evaluation time. */
export function frameEnd(frame: Frame): number {
  return frame.startMs + (frame.count - 1) * frame.stepMs;
}
