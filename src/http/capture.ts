/**
 * Write requests as they come, into a file that `varve replay` sends again. The format is that of data/captures: for each
 * request u32 header length, the header as JSON, u32 body length, the body; little-endian. Of the headers only those are
 * kept that say what the body is: no credential, no cookie, no query string.
 */
import type { Clock } from "../base/clock.js";
import { RefusalError } from "../base/errors.js";
import { CAPTURE_FILES_MAX } from "../base/limits.js";
import type { Logger } from "../base/log.js";
import type { FileSystem } from "../io/file-system.js";
import type { Exchange } from "./transport.js";

const KEPT_HEADERS = ["content-type", "content-encoding", "user-agent", "x-prometheus-remote-write-version"];
const FOLDER = "captures";
const SUFFIX = ".rwcap";
const BUFFER_BYTES: number = 256 * 1024;

export interface CaptureLimits {
  readonly bytes: number;
  readonly ms: number;
}

export interface CaptureState {
  readonly active: boolean;
  readonly file: string;
  readonly requests: number;
  readonly bytes: number;
  readonly startedAt: string;
  /** Why it ended, "" while it goes on. */
  readonly ended: string;
}

/** What a request is captured with, taken while its headers can still be read. */
export interface CapturedHead {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export class Capture {
  private readonly fs: FileSystem;
  private readonly dir: string;
  private readonly clock: Clock;
  private readonly log: Logger;
  private fd = -1;
  private limits: CaptureLimits = { bytes: 0, ms: 0 };
  private startedMs = 0;
  private endMs = 0;
  private file = "";
  private ended = "";
  private requests = 0;
  private bytes = 0;
  private flushed = 0;
  private pieces: Uint8Array[] = [];
  private pieceBytes = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(fs: FileSystem, dataPath: string, clock: Clock, log: Logger) {
    this.fs = fs;
    this.dir = `${dataPath}/${FOLDER}`;
    this.clock = clock;
    this.log = log;
  }

  get active(): boolean {
    return this.fd >= 0;
  }

  /** Throws RefusalError where one is under way, or the folder has too many. */
  start(limits: CaptureLimits): CaptureState {
    if (this.active) throw new RefusalError("bad_data", `a capture is under way: ${this.file}`);
    this.fs.mkdir(this.dir);
    const files = this.fs.list(this.dir).filter((name) => name.endsWith(SUFFIX));
    if (files.length >= CAPTURE_FILES_MAX) {
      throw new RefusalError("bad_data", `${this.dir} has ${files.length} captures: remove some`);
    }
    this.startedMs = this.clock.nowMs();
    this.endMs = this.clock.monotonicMs() + limits.ms;
    const stamp = new Date(this.startedMs).toISOString().replaceAll(/[:.]/g, "-");
    this.file = `${this.dir}/${stamp}${SUFFIX}`;
    this.fd = this.fs.open(this.file, "wx");
    this.limits = limits;
    this.requests = 0;
    this.bytes = 0;
    this.flushed = 0;
    this.ended = "";
    this.timer = setTimeout(() => this.stop("time is over"), limits.ms);
    this.timer.unref();
    this.log.warn("capture of write requests started", {
      file: this.file,
      bytes: limits.bytes,
      ms: limits.ms,
    });
    return this.state();
  }

  /** Null while nothing is captured. */
  head(exchange: Exchange): CapturedHead | null {
    if (!this.active) return null;
    const headers: Record<string, string> = {};
    for (const name of KEPT_HEADERS) {
      const value = exchange.header(name);
      if (value !== "") headers[name] = value;
    }
    return { path: exchange.path, headers };
  }

  /** Keeps a request whose body is complete; `body` is copied. */
  add(head: CapturedHead, body: Uint8Array): void {
    if (!this.active) return;
    const header = new TextEncoder().encode(JSON.stringify({ atMs: this.clock.nowMs(), ...head }));
    const length = 8 + header.length + body.length;
    if (this.bytes + length > this.limits.bytes) return this.stop("the file is full");
    if (this.clock.monotonicMs() > this.endMs) return this.stop("time is over");
    const entry = new Uint8Array(length);
    const view = new DataView(entry.buffer);
    view.setUint32(0, header.length, true);
    entry.set(header, 4);
    view.setUint32(4 + header.length, body.length, true);
    entry.set(body, 8 + header.length);
    this.pieces.push(entry);
    this.pieceBytes += length;
    this.bytes += length;
    this.requests++;
    if (this.pieceBytes >= BUFFER_BYTES) this.flush();
  }

  /** Ends the capture and makes its file durable. Nothing happens where there is none. */
  stop(why: string): void {
    if (!this.active) return;
    if (this.timer !== null) clearTimeout(this.timer);
    if (!this.flush()) return;
    this.finish(why, () => this.fs.fsync(this.fd));
    this.log.warn("capture of write requests ended", { file: this.file, why, requests: this.requests });
  }

  /** False: the disk did not take it, and the capture is over. */
  private flush(): boolean {
    try {
      for (const piece of this.pieces) {
        this.fs.write(this.fd, piece, this.flushed);
        this.flushed += piece.length;
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.log.error("capture of write requests failed", { file: this.file, err: reason });
      this.finish(`the disk refused it: ${reason}`, () => this.fs.truncate(this.fd, this.flushed));
      return false;
    } finally {
      this.pieces = [];
      this.pieceBytes = 0;
    }
    return true;
  }

  private finish(why: string, last: () => void): void {
    try {
      last();
    } catch (error) {
      this.log.error("capture of write requests failed", { file: this.file, err: String(error) });
    }
    this.fs.close(this.fd);
    this.fd = -1;
    this.ended = why;
  }

  state(): CaptureState {
    const startedAt = this.file === "" ? "" : new Date(this.startedMs).toISOString();
    const { active, file, requests, bytes, ended } = this;
    return { active, file, requests, bytes, startedAt, ended };
  }
}
