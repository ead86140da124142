/** Tells that nobody waits for some work any more. An AbortSignal says the same, and takes 15 µs of each query. */
export class Cancellation {
  private canceled = false;
  private listener: (() => void) | null = null;

  get isCanceled(): boolean {
    return this.canceled;
  }

  /** The second time nothing happens. */
  cancel(): void {
    if (this.canceled) return;
    this.canceled = true;
    this.listener?.();
  }

  /** Told instead of the listener before; null: nobody is. Not told of what was canceled before. */
  onCancel(listener: (() => void) | null): void {
    this.listener = listener;
  }
}
