import { systemClock } from "../base/clock.js";
import type { Output } from "./output.js";

const BAR_CELLS = 30;
const TERMINAL_MS = 200;
const LINES_MS = 5000;

/** How far a long command is: a bar that is drawn again and again on a terminal, a line now and then elsewhere. */
export class Progress {
  private readonly err: Output;
  private readonly startMs: number = systemClock.monotonicMs();
  private nextMs: number;
  private drawn = false;

  constructor(err: Output) {
    this.err = err;
    this.nextMs = this.startMs + (err.isTerminal ? TERMINAL_MS : LINES_MS);
  }

  /** `total` 0: nobody knows. Cheap where it is not time yet. */
  async show(what: string, done: number, total: number, note = ""): Promise<void> {
    const now = systemClock.monotonicMs();
    if (now < this.nextMs) return;
    this.nextMs = now + (this.err.isTerminal ? TERMINAL_MS : LINES_MS);
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const percent = total > 0 ? ` ${Math.floor(share * 100)}%` : "";
    const rest = note === "" ? "" : `, ${note}`;
    if (!this.err.isTerminal) {
      await this.err.line(`${what}:${percent}${rest}`);
      await this.err.flush();
      return;
    }
    const filled = Math.round(share * BAR_CELLS);
    const bar = total > 0 ? ` [${"#".repeat(filled)}${".".repeat(BAR_CELLS - filled)}]` : "";
    await this.err.write(`\r\x1b[K${what}:${bar}${percent}${rest}`);
    await this.err.flush();
    this.drawn = true;
  }

  /** Takes the bar away, so that lines may follow. */
  async clear(): Promise<void> {
    if (this.drawn) await this.err.write("\r\x1b[K");
    this.drawn = false;
    await this.err.flush();
  }

  get seconds(): number {
    return (systemClock.monotonicMs() - this.startMs) / 1000;
  }
}
