/** Thrown when the program itself is wrong: never for bad input, a bad file or a failing disk. */
class BugError extends Error {
  override readonly name = "BugError";
}

/** Ends the work at hand if an invariant of the program does not hold. One condition a call. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new BugError(`BUG: ${what}`);
}
