/**
 * Reads the log from its first record to its last: replay at start, and inspection. Every intact record is
 * visited, in the order in which it was written, whatever lies between: behind damage the search goes on at
 * steps of 8 bytes for a header whose checksum holds. Nothing read here is ever trusted without its checksum.
 */
import { RefusalError } from "../base/errors.js";
import { crc32c } from "../encoding/crc32c.js";
import type { FileSystem } from "../io/file-system.js";
import {
  type Crc32c,
  decodeSegmentHeader,
  isRecordHeader,
  isRecordIntact,
  LATER_VERSION,
  RECORD_ALIGNMENT,
  RECORD_CRC_OFFSET,
  RECORD_HEADER_BYTES,
  RECORD_TYPE_OFFSET,
  readU32,
  recordBytes,
  recordPayloadBytesAt,
  recordTypeAt,
  SEGMENT_HEADER_BYTES,
} from "./record-format.js";
import { keepAside, listSegments, segmentPath } from "./segments.js";

/** One intact record. The reader uses the same object for each: copy what must outlive `visit`. */
export interface LogRecord {
  /** A RecordType, or a number up to 255 that only later versions know. */
  type: number;
  /** Holds the payload at [payload, payload + payloadBytes); overwritten after `visit` returns. */
  buffer: Uint8Array;
  payload: number;
  payloadBytes: number;
  segment: number;
  /** Where the record's header begins in the segment's file. */
  offset: number;
}

/** Bytes [start, end) of a segment that hold no intact record. */
export interface LogDamage {
  /** "torn": the unfinished end of the log, as a crash leaves it; nothing acknowledged lies there. */
  readonly kind: "torn" | "damaged";
  readonly segment: number;
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly reason: string;
  /** Where the segment is kept for inspection; null for a torn end and where that failed. */
  readonly kept: string | null;
}

export interface ReadLogOptions {
  /** At least MIN_BUFFER_BYTES; larger is faster (8 MiB is plenty). May be a view of shared memory. */
  readonly buffer: Uint8Array;
  /** A buffer of at least `bytes` for a longer record (at most 128 MiB + 16), used from then on. */
  readonly grow?: (bytes: number) => Uint8Array;
  readonly crc?: Crc32c;
  readonly visit: (record: LogRecord) => void;
  readonly report: (damage: LogDamage) => void;
  /** Called about once a buffer. */
  readonly progress?: (bytesDone: number, bytesTotal: number) => void;
  /** Cut the torn end, keep damaged segments aside. False: change nothing on disk. Default true. */
  readonly repair?: boolean;
  /** Segments with smaller numbers are passed over. Default 0. */
  readonly firstSegment?: number;
}

export interface ReadLogSummary {
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  readonly damages: number;
  readonly tornBytes: number;
  /**
   * True if everything visited is durable now, not only in the operating system's cache: a process that was
   * killed leaves records there that it had not synced. False without `repair` and where the disk refused.
   */
  readonly synced: boolean;
}

const MIN_BUFFER_BYTES = 4096;

/**
 * Visits every intact record of the segments in `dir`. Throws what `visit` throws, Node's errors of a disk that
 * cannot be read at all, and RefusalError("unsupported") for a segment that a later version wrote.
 * An unreadable block is damage like any other. A failing repair is no error: the log is read all the same.
 */
export function readLog(fs: FileSystem, dir: string, options: ReadLogOptions): ReadLogSummary {
  const segments = listSegments(fs, dir).filter((segment) => segment >= (options.firstSegment ?? 0));
  const sizes = segments.map((segment) => fs.stat(segmentPath(dir, segment)).bytes);
  const scan = new LogScan(fs, dir, options, sum(sizes));
  segments.forEach((segment, index) => {
    scan.readSegment(segment, index === segments.length - 1);
  });
  scan.syncFolder();
  return {
    segments: segments.length,
    records: scan.records,
    bytes: sum(sizes),
    damages: scan.damages,
    tornBytes: scan.tornBytes,
    synced: scan.synced,
  };
}

/** Headers in damaged bytes that look right may cost this many times the segment's size to check. */
const RESYNC_COST_FACTOR = 8;
/** What a candidate may hold once that is spent: hostile payloads can be full of forged headers. */
const RESYNC_PAYLOAD_BYTES_MAX = 4096;

class LogScan {
  records = 0;
  damages = 0;
  tornBytes = 0;
  synced: boolean;
  private readonly fs: FileSystem;
  private readonly dir: string;
  private readonly options: ReadLogOptions;
  private readonly crc: Crc32c;
  private readonly bytesTotal: number;
  private bytesDone = 0;
  private readonly record: LogRecord;

  private buffer: Uint8Array;
  private fd = -1;
  private segment = 0;
  private size = 0;
  /** The buffer holds bytes [base, filled) of the file. `base` is a multiple of 8, like every record's place. */
  private base = 0;
  private filled = 0;
  private resyncBudget = 0;

  constructor(fs: FileSystem, dir: string, options: ReadLogOptions, bytesTotal: number) {
    if (options.buffer.length < MIN_BUFFER_BYTES) {
      throw new RangeError(`a log buffer of ${options.buffer.length} bytes is less than ${MIN_BUFFER_BYTES}`);
    }
    this.fs = fs;
    this.dir = dir;
    this.options = options;
    this.crc = options.crc ?? crc32c;
    this.bytesTotal = bytesTotal;
    this.synced = options.repair ?? true;
    this.buffer = options.buffer;
    this.record = { type: 0, buffer: this.buffer, payload: 0, payloadBytes: 0, segment: 0, offset: 0 };
  }

  readSegment(segment: number, last: boolean): void {
    const path = segmentPath(this.dir, segment);
    this.fd = this.fs.open(path, "r");
    this.segment = segment;
    try {
      this.size = this.fs.fileBytes(this.fd);
      this.base = 0;
      this.filled = 0;
      this.resyncBudget = RESYNC_COST_FACTOR * this.size;
      if (this.size > 0) this.readRecords(path, last);
      this.sync(() => this.fs.fdatasync(this.fd));
    } finally {
      this.fs.close(this.fd);
    }
  }

  /** Makes the names of the segments durable, as `readSegment` did their content. */
  syncFolder(): void {
    if (this.fs.exists(this.dir)) this.sync(() => this.fs.fsyncDirectory(this.dir));
  }

  private sync(call: () => void): void {
    if (!this.synced) return;
    try {
      call();
    } catch {
      this.synced = false;
    }
  }

  private readRecords(path: string, last: boolean): void {
    const headerReason = this.checkSegmentHeader(path);
    let at = headerReason === null ? SEGMENT_HEADER_BYTES : 0;
    let reason = headerReason ?? "";
    while (at < this.size) {
      const found = reason === "" ? at : this.resync(at);
      if (found > at) this.reportDamage(path, at, found, last, reason);
      if (found >= this.size) return;
      at = this.visitRun(found);
      reason = this.reasonAt(at);
    }
  }

  /** Null if the segment begins as it must. */
  private checkSegmentHeader(path: string): string | null {
    if (!this.load(0, Math.min(SEGMENT_HEADER_BYTES, this.size))) return "the segment cannot be read";
    const header = decodeSegmentHeader(this.buffer.subarray(0, this.filled));
    if (typeof header !== "string") return null;
    if (header.startsWith(LATER_VERSION)) throw new RefusalError("unsupported", `${path}: ${header}`);
    return header;
  }

  /** Visits records from `at` on for as long as they are intact; returns where that ends. */
  private visitRun(start: number): number {
    let at = start;
    while (at < this.size && this.isIntactAt(at)) {
      const { record } = this;
      const inBuffer = at - this.base;
      record.buffer = this.buffer;
      record.type = recordTypeAt(this.buffer, inBuffer);
      record.payload = inBuffer + RECORD_HEADER_BYTES;
      record.payloadBytes = recordPayloadBytesAt(this.buffer, inBuffer);
      record.segment = this.segment;
      record.offset = at;
      at += recordBytes(record.payloadBytes);
      this.records++;
      this.options.visit(record);
    }
    return at;
  }

  /** True if a record with a right checksum begins at `at`; all of it is in the buffer then. */
  private isIntactAt(at: number): boolean {
    if (at + RECORD_HEADER_BYTES > this.size) return false;
    if (!this.load(at, RECORD_HEADER_BYTES)) return false;
    if (!isRecordHeader(this.buffer, at - this.base)) return false;
    const bytes = RECORD_HEADER_BYTES + recordPayloadBytesAt(this.buffer, at - this.base);
    if (at + bytes > this.size) return false;
    if (bytes > this.buffer.length) {
      if (!this.isLongRecordIntact(at, bytes)) return false;
      this.growTo(bytes);
    }
    return (
      this.load(at, bytes) && isRecordIntact(this.buffer, at - this.base, this.filled - this.base, this.crc)
    );
  }

  /** Checks a record piece by piece: a flipped length bit must not be able to make the buffer grow. */
  private isLongRecordIntact(at: number, bytes: number): boolean {
    const header = at - this.base;
    const expected = readU32(this.buffer, header + RECORD_CRC_OFFSET);
    let crc = this.crc(this.buffer, header + RECORD_TYPE_OFFSET, header + RECORD_CRC_OFFSET);
    const end = at + bytes;
    for (let piece = at + RECORD_HEADER_BYTES; piece < end; ) {
      const length = Math.min(end - piece, this.buffer.length);
      this.load(piece, length);
      crc = this.crc(this.buffer, piece - this.base, piece - this.base + length, crc);
      piece += length;
    }
    return crc === expected;
  }

  private growTo(bytes: number): void {
    const grown = this.options.grow?.(bytes) ?? new Uint8Array(bytes);
    if (grown.length < bytes)
      throw new RangeError(`a log buffer of ${grown.length} bytes, ${bytes} are needed`);
    this.buffer = grown;
    this.base = 0;
    this.filled = 0;
  }

  /** The next place behind `at` where an intact record begins, or the segment's end. */
  private resync(at: number): number {
    for (
      let next = at + RECORD_ALIGNMENT;
      next + RECORD_HEADER_BYTES <= this.size;
      next += RECORD_ALIGNMENT
    ) {
      this.load(next, RECORD_HEADER_BYTES);
      const inBuffer = next - this.base;
      if (!isRecordHeader(this.buffer, inBuffer)) continue;
      const payloadBytes = recordPayloadBytesAt(this.buffer, inBuffer);
      if (this.resyncBudget < 0 && payloadBytes > RESYNC_PAYLOAD_BYTES_MAX) continue;
      this.resyncBudget -= payloadBytes;
      if (this.isIntactAt(next)) return next;
    }
    return this.size;
  }

  private reasonAt(at: number): string {
    if (at >= this.size) return "";
    if (at + RECORD_HEADER_BYTES > this.size) return "the segment ends inside a record header";
    this.load(at, RECORD_HEADER_BYTES);
    if (!isRecordHeader(this.buffer, at - this.base)) return "no record begins here";
    const payloadBytes = recordPayloadBytesAt(this.buffer, at - this.base);
    if (at + RECORD_HEADER_BYTES + payloadBytes > this.size) return "the segment ends inside a record";
    return "the record fails its checksum";
  }

  private reportDamage(path: string, start: number, end: number, last: boolean, reason: string): void {
    const torn = last && end === this.size;
    const repair = this.options.repair ?? true;
    let kept: string | null = null;
    if (torn) {
      this.tornBytes += end - start;
      if (repair) this.cut(path, start);
    } else {
      this.damages++;
      if (repair) kept = keepAside(this.fs, this.dir, this.segment);
    }
    const kind = torn ? "torn" : "damaged";
    this.options.report({ kind, segment: this.segment, file: path, start, end, reason, kept });
  }

  /** Later starts find a clean end. Where the disk refuses, they find the same torn end and say so again. */
  private cut(path: string, bytes: number): void {
    try {
      const fd = this.fs.open(path, "r+");
      try {
        this.fs.truncate(fd, bytes);
        this.fs.fdatasync(fd);
      } finally {
        this.fs.close(fd);
      }
    } catch {
      // Read-only or failing disk: reading goes on, and the writer will say what is wrong with it.
    }
  }

  /** Brings bytes [at, at + bytes) into the buffer; false if the file ends before. `bytes` <= buffer.length. */
  private load(at: number, bytes: number): boolean {
    if (at >= this.base && at + bytes <= this.filled) return true;
    if (at >= this.base && at < this.filled) {
      this.buffer.copyWithin(0, at - this.base, this.filled - this.base);
    } else {
      this.filled = at;
    }
    this.base = at;
    const end = Math.min(this.size, at + this.buffer.length);
    this.bytesDone += end - this.filled;
    readPatiently(this.fs, this.fd, this.buffer, this.filled - at, end - this.filled, this.filled);
    this.filled = end;
    this.options.progress?.(Math.min(this.bytesDone, this.bytesTotal), this.bytesTotal);
    return at + bytes <= end;
  }
}

const BLOCK_BYTES = 4096;

/**
 * Fills target[offset, offset + length) from `position`. Blocks that the disk cannot read (EIO) become zeros,
 * which no checksum accepts, so that a bad sector costs the records on it and no others.
 */
function readPatiently(
  fs: FileSystem,
  fd: number,
  target: Uint8Array,
  offset: number,
  length: number,
  position: number,
): void {
  for (let done = 0; done < length; ) {
    try {
      const read = fs.read(fd, target, offset + done, length - done, position + done);
      if (read === 0) {
        target.fill(0, offset + done, offset + length);
        return;
      }
      done += read;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EIO") throw error;
      done += readBlock(fs, fd, target, offset + done, length - done, position + done);
    }
  }
}

/** The bytes up to the end of the block at `position`, or zeros in their place. */
function readBlock(
  fs: FileSystem,
  fd: number,
  target: Uint8Array,
  offset: number,
  lengthMax: number,
  position: number,
): number {
  const length = Math.min(lengthMax, BLOCK_BYTES - (position % BLOCK_BYTES));
  target.fill(0, offset, offset + length);
  try {
    fs.read(fd, target, offset, length, position);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EIO") throw error;
  }
  return length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
