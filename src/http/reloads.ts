import type { Clock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import type { MetricRegistry } from "../base/self-metrics.js";

/** What can be read again while the server runs: SIGHUP and `/-/reload` do it. */
export class Reloads {
  private readonly parts = new Map<string, () => void>();
  private readonly clock: Clock;
  /** How the last reload of each part ended; a part that failed goes on with what it had. */
  private readonly failures = new Map<string, string>();
  private lastSuccessMs: number;

  constructor(clock: Clock) {
    this.clock = clock;
    this.lastSuccessMs = clock.nowMs();
  }

  /** `reload` reads a part again; it throws RefusalError, and has changed nothing, where that cannot be used. */
  add(part: string, reload: () => void): void {
    this.parts.set(part, reload);
  }

  /** Reads every part again, or one. Throws RefusalError with what went wrong, after all were tried. */
  run(only: string | null = null): void {
    for (const [part, reload] of this.parts) {
      if (only !== null && part !== only) continue;
      this.failures.delete(part);
      try {
        reload();
      } catch (error) {
        this.failures.set(part, error instanceof Error ? error.message : String(error));
      }
    }
    if (this.failures.size > 0) throw new RefusalError("bad_data", [...this.failures.values()].join("; "));
    this.lastSuccessMs = this.clock.nowMs();
  }

  get successful(): boolean {
    return this.failures.size === 0;
  }

  get lastSuccessSeconds(): number {
    return this.lastSuccessMs / 1000;
  }

  register(registry: MetricRegistry): void {
    registry.gauge(
      "varve_config_last_reload_successful",
      "1 where the configuration files could be used when they were last read.",
      () => (this.successful ? 1 : 0),
    );
    registry.gauge(
      "varve_config_last_reload_success_timestamp_seconds",
      "When the configuration files were last read and could be used.",
      () => this.lastSuccessSeconds,
    );
  }
}
