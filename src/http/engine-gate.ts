import type { Engine, ReadyState, ReplayProgress } from "../workers/contract.js";

/**
 * The database as the front end sees it before, while and after it is open: the server listens from the first
 * moment, so that a load balancer reads "starting" instead of a refused connection.
 */
export class EngineGate {
  private engine: Engine | null = null;
  private message = "opening the database";
  private stopping = false;
  private replay: ReplayProgress = { min: 0, max: 0, current: 0 };

  /** Progress of the start, for `/-/ready`; and of the replay where that is under way. */
  progress(message: string, replay?: ReplayProgress): void {
    this.message = message;
    if (replay !== undefined) this.replay = replay;
  }

  replayProgress(): ReplayProgress {
    return this.replay;
  }

  open(engine: Engine): void {
    this.engine = engine;
  }

  /** From here on nothing is let through; what is under way goes on. */
  stop(): void {
    this.stopping = true;
  }

  /** Null while the database cannot be asked. */
  current(): Engine | null {
    return this.stopping ? null : this.engine;
  }

  /** The engine whatever its state, for metrics. */
  any(): Engine | null {
    return this.engine;
  }

  ready(): ReadyState {
    if (this.stopping) return { state: "stopping" };
    return this.engine?.ready() ?? { state: "starting", message: this.message };
  }

  /** One sentence for a 503. */
  reason(): string {
    const ready = this.ready();
    if (ready.state === "stopping") return "the server is stopping";
    if (ready.state === "starting") return `the server is starting: ${ready.message}`;
    return ready.state === "degraded" ? ready.message : "the server is ready";
  }
}
