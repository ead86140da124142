/** Checks every record of the log without replaying it. Nothing is changed on disk. */
import { CorruptionError } from "../base/errors.js";
import type { FileSystem } from "../io/file-system.js";
import { summarizeRecord } from "../wal/record-summary.js";
import { type LogRecord, readLog } from "../wal/segment-reader.js";
import { newestCheckpoint } from "./checkpoint.js";

/** Something wrong in the log, and the times whose samples may be missing because of it. */
export interface LogProblem {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly reason: string;
  /** Of the records around it, milliseconds; +Infinity and -Infinity where nobody can say. */
  readonly mint: number;
  readonly maxt: number;
}

export interface LogVerification {
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  readonly problems: readonly LogProblem[];
  /** Unfinished ends, as a crash or a running server leaves them: nothing acknowledged lies there. */
  readonly torn: readonly string[];
}

const BUFFER_BYTES: number = 8 << 20;
const COMPACTED_FILE = "compacted";

/** `logDir` may be absent. */
export function verifyLog(fs: FileSystem, logDir: string): LogVerification {
  const verifier = new LogVerifier(fs);
  if (fs.exists(logDir)) {
    verifier.mark(`${logDir}/${COMPACTED_FILE}`);
    const checkpoint = newestCheckpoint(fs, logDir);
    if (checkpoint !== null) verifier.read(checkpoint.dir);
    verifier.read(logDir);
  }
  return verifier.result();
}

interface OpenProblem {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly reason: string;
  /** Place in the order of records: those around it tell the time. */
  readonly position: number;
}

/** Times of so many records before and behind a damage speak for what was in it. */
const NEIGHBOURS = 16;

class LogVerifier {
  private readonly fs: FileSystem;
  private segments = 0;
  private records = 0;
  private bytes = 0;
  private readonly torn: string[] = [];
  private readonly problems: OpenProblem[] = [];
  /** Of each record with samples, in the order of the log: how many records were before it, and its times. */
  private readonly times: { readonly position: number; readonly mint: number; readonly maxt: number }[] = [];

  constructor(fs: FileSystem) {
    this.fs = fs;
  }

  /** The mark is replaced as a whole and read with its checksum: a damaged one costs time only, but says that the disk errs. */
  mark(file: string): void {
    if (!this.fs.exists(file)) return;
    const { length } = this.fs.readFile(file);
    if (length === 0) this.add(file, 0, 0, "the file is empty");
  }

  read(dir: string): void {
    const summary = readLog(this.fs, dir, {
      buffer: new Uint8Array(BUFFER_BYTES),
      repair: false,
      visit: (record) => this.visit(dir, record),
      report: ({ kind, file, start, end, reason }) => {
        if (kind === "torn") this.torn.push(`${file}: ${end - start} bytes from ${start} on: ${reason}`);
        else this.add(file, start, end, reason);
      },
    });
    this.segments += summary.segments;
    this.bytes += summary.bytes;
  }

  private visit(dir: string, { type, buffer, payload, payloadBytes, segment, offset }: LogRecord): void {
    this.records++;
    try {
      const { mint, maxt } = summarizeRecord(type, buffer.subarray(payload, payload + payloadBytes));
      if (mint <= maxt) this.times.push({ position: this.records, mint, maxt });
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.add(`${dir}/${String(segment).padStart(8, "0")}`, offset, offset + payloadBytes, error.reason);
    }
  }

  private add(file: string, start: number, end: number, reason: string): void {
    this.problems.push({ file, start, end, reason, position: this.records });
  }

  result(): LogVerification {
    const { segments, records, bytes, torn } = this;
    return { segments, records, bytes, torn, problems: this.problems.map((problem) => this.timed(problem)) };
  }

  private timed({ position, ...problem }: OpenProblem): LogProblem {
    const behind = this.times.findIndex((time) => time.position > position);
    const middle = behind < 0 ? this.times.length : behind;
    const around = this.times.slice(Math.max(0, middle - NEIGHBOURS), middle + NEIGHBOURS);
    return {
      ...problem,
      mint: Math.min(Number.POSITIVE_INFINITY, ...around.map((time) => time.mint)),
      maxt: Math.max(Number.NEGATIVE_INFINITY, ...around.map((time) => time.maxt)),
    };
  }
}
