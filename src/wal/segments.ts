/** The log's files: their names, deleting the oldest, reading one record back. */
import { CorruptionError } from "../base/errors.js";
import { crc32c } from "../encoding/crc32c.js";
import type { FileSystem } from "../io/file-system.js";
import {
  type Crc32c,
  isRecordHeader,
  isRecordIntact,
  RECORD_HEADER_BYTES,
  recordPayloadBytesAt,
  recordTypeAt,
} from "./record-format.js";

/** Where a record begins: `offset` is counted in bytes from the start of the segment's file. */
export interface LogPlace {
  readonly segment: number;
  readonly offset: number;
}

/** Segments that replay found damaged are kept here, so that no truncation deletes the evidence. */
const DAMAGED_FOLDER = "damaged";
export const SEGMENT_NUMBER_MAX = 99_999_999;
const SEGMENT_NAME = /^\d{8}$/;

export function segmentPath(dir: string, segment: number): string {
  return `${dir}/${String(segment).padStart(8, "0")}`;
}

/** Segment numbers in ascending order; other names in the folder are passed over. Empty if it is absent. */
export function listSegments(fs: FileSystem, dir: string): number[] {
  if (!fs.exists(dir)) return [];
  return fs
    .list(dir)
    .filter((name) => SEGMENT_NAME.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Deletes the segments with numbers <= `last`, oldest first, and makes that durable. A crash in between leaves
 * a log that begins later than before, never one with a hole. Returns how many were deleted.
 */
export function deleteSegments(fs: FileSystem, dir: string, last: number): number {
  const old = listSegments(fs, dir).filter((segment) => segment <= last);
  for (const segment of old) fs.unlink(segmentPath(dir, segment));
  if (old.length > 0) fs.fsyncDirectory(dir);
  return old.length;
}

/** Bytes of all segments, the `damaged` folder not counted. */
export function logBytes(fs: FileSystem, dir: string): number {
  let bytes = 0;
  for (const segment of listSegments(fs, dir)) bytes += fs.stat(segmentPath(dir, segment)).bytes;
  return bytes;
}

/** Bytes of everything in the log's folder; a damaged segment that was kept aside counts once. */
export function logFolderBytes(fs: FileSystem, dir: string): number {
  const bytesOf = (path: string): number => {
    try {
      const { bytes, directory } = fs.stat(path);
      if (!directory) return bytes;
      return fs.list(path).reduce((sum, name) => sum + bytesOf(`${path}/${name}`), 0);
    } catch (error) {
      // Another thread removes what it has no use for.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
      throw error;
    }
  };
  let bytes = 0;
  const names = fs.exists(dir) ? fs.list(dir) : [];
  for (const name of names) {
    if (name !== DAMAGED_FOLDER) bytes += bytesOf(`${dir}/${name}`);
    else {
      for (const kept of fs.list(`${dir}/${name}`)) {
        if (!names.includes(kept)) bytes += bytesOf(`${dir}/${name}/${kept}`);
      }
    }
  }
  return bytes;
}

/**
 * Keeps `segment` under `damaged/` too: a second name for the same file, or a copy where the file system has no
 * links. Returns that path, or null where neither could be made. Safe to call again.
 */
export function keepAside(fs: FileSystem, dir: string, segment: number): string | null {
  const folder = `${dir}/${DAMAGED_FOLDER}`;
  const kept = segmentPath(folder, segment);
  try {
    if (fs.exists(kept)) return kept;
    fs.mkdir(folder);
    linkOrCopy(fs, segmentPath(dir, segment), kept);
    fs.fsyncDirectory(folder);
    fs.fsyncDirectory(dir);
    return kept;
  } catch {
    return null;
  }
}

function linkOrCopy(fs: FileSystem, from: string, to: string): void {
  try {
    fs.link(from, to);
  } catch {
    const fd = fs.open(to, "wx");
    try {
      fs.write(fd, fs.readFile(from), 0);
      fs.fsync(fd);
    } finally {
      fs.close(fd);
    }
  }
}

/**
 * Reads single records back (chunks whose memory was freed). Keeps the last few segments open, because reads
 * of one query come from neighbouring chunks.
 */
export class RecordReader {
  private readonly fs: FileSystem;
  private readonly dir: string;
  private readonly crc: Crc32c;
  /** Least recently used first. */
  private readonly open = new Map<number, number>();
  private readonly header = new Uint8Array(RECORD_HEADER_BYTES);

  constructor(fs: FileSystem, dir: string, crc: Crc32c = crc32c) {
    this.fs = fs;
    this.dir = dir;
    this.crc = crc;
  }

  /**
   * The payload of the record of type `type` at `segment`, `offset`. Throws CorruptionError if there is none
   * with a right checksum, and Node's error if the segment is gone.
   */
  readRecord(segment: number, offset: number, type: number): Uint8Array {
    const fd = this.descriptor(segment);
    const { header } = this;
    const damaged = (reason: string): CorruptionError =>
      new CorruptionError(segmentPath(this.dir, segment), offset, reason);
    if (this.fs.read(fd, header, 0, header.length, offset) < header.length || !isRecordHeader(header, 0)) {
      throw damaged("no record begins here");
    }
    if (recordTypeAt(header, 0) !== type) {
      throw damaged(`a record of type ${recordTypeAt(header, 0)} instead of ${type}`);
    }
    const bytes = RECORD_HEADER_BYTES + recordPayloadBytesAt(header, 0);
    if (offset + bytes > this.fs.fileBytes(fd)) throw damaged("the segment ends inside the record");
    const record = new Uint8Array(bytes);
    const read = this.fs.read(fd, record, 0, bytes, offset);
    if (read < bytes) throw damaged("the segment ends inside the record");
    if (!isRecordIntact(record, 0, bytes, this.crc)) throw damaged("the record fails its checksum");
    return record.subarray(RECORD_HEADER_BYTES);
  }

  /** Closes the segments with numbers <= `last`. */
  forget(last: number): void {
    for (const [segment, fd] of this.open) {
      if (segment > last) continue;
      this.open.delete(segment);
      this.fs.close(fd);
    }
  }

  close(): void {
    this.forget(SEGMENT_NUMBER_MAX);
  }

  /** The disk gets a deleted segment's space back only when nobody has it open any more. */
  private closeDeleted(): void {
    for (const [segment, fd] of this.open) {
      if (this.fs.exists(segmentPath(this.dir, segment))) continue;
      this.open.delete(segment);
      this.fs.close(fd);
    }
  }

  private descriptor(segment: number): number {
    const known = this.open.get(segment);
    if (known !== undefined) {
      this.open.delete(segment);
      this.open.set(segment, known);
      return known;
    }
    this.closeDeleted();
    const fd = this.fs.open(segmentPath(this.dir, segment), "r");
    this.open.set(segment, fd);
    for (const [oldest, oldFd] of this.open) {
      if (this.open.size <= OPEN_SEGMENTS_MAX) break;
      this.open.delete(oldest);
      this.fs.close(oldFd);
    }
    return fd;
  }
}

const OPEN_SEGMENTS_MAX = 16;
