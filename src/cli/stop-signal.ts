import type { Logger } from "../base/log.js";

/** The wish that the server ends: SIGTERM, SIGINT or `/-/quit`. A second signal exits at once. */
export class StopSignal {
  /** Resolves at the first wish. */
  readonly requested: Promise<"stop">;
  private readonly log: Logger;
  private resolve: (outcome: "stop") => void = () => {};
  private stopping = false;

  /** `exitStatus`: that of an exit at the second signal. */
  constructor(log: Logger, exitStatus: number) {
    this.log = log;
    this.requested = new Promise((resolve) => {
      this.resolve = resolve;
    });
    const received = (signal: string): void => {
      if (this.request(signal)) return;
      log.warn("second signal: exiting at once", { signal });
      process.exit(exitStatus);
    };
    process.on("SIGTERM", received);
    process.on("SIGINT", received);
  }

  /** False where it was wished before. */
  request(why: string): boolean {
    if (this.stopping) return false;
    this.stopping = true;
    this.log.info("stopping", { signal: why });
    this.resolve("stop");
    return true;
  }
}
