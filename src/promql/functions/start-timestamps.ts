/** Whether the start timestamps of two samples say that the counter began anew between them. 0: unknown. */
export function isStartReset(prevStart: number, prevT: number, start: number, t: number): boolean {
  if (start === 0 || start >= t || start < prevT) return false;
  if (start > prevT) return true;
  // The start is the previous sample's time: a delta series, unless that sample's own start is unknown.
  if (prevStart > prevT) return false;
  return prevStart !== 0 && prevStart !== prevT;
}

/** Whether a sample claims to have started before the previous one was taken, and not where that one did. */
export function startsOverlap(prevStart: number, prevT: number, start: number): boolean {
  return start !== 0 && start < prevT && start !== prevStart;
}
