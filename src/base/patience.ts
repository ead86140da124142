/**
 * How the work of a query hears that nobody waits for it any more, wherever it is: a query runs to completion on its
 * thread, so the thread knows whom to ask. Threads without a query never ask anybody.
 */
let checkpoint: (() => void) | null = null;
let units = 0;

/**
 * Work between two looks: less than a millisecond, a unit being about 20 ns. Units are guessed, for warm code: looks
 * come often enough that work of ten times its guess is still heard in time. A look takes about 50 ns.
 */
const UNITS_PER_LOOK = 20_000;

/** Runs `work`; `look` is called now and then and ends it by throwing. */
export function underControl<T>(look: () => void, work: () => T): T {
  checkpoint = look;
  units = 0;
  try {
    return work();
  } finally {
    checkpoint = null;
  }
}

/** Says that about so many units of work (20 ns each) are done since the last call. */
export function worked(count: number): void {
  units += count;
  if (units < UNITS_PER_LOOK) return;
  units = 0;
  checkpoint?.();
}
