/**
 * Reads Prometheus' own log (tsdb/docs/format/wal.md): segments of 32 KiB pages, in them fragments of records, each
 * with a checksum, records compressed as a whole. Nothing is changed on disk. The decoder of zstd must be loaded.
 */
import { CorruptionError } from "../base/errors.js";
import { readU32 } from "../encoding/byte-reader.js";
import { crc32c } from "../encoding/crc32c.js";
import { snappyUncompressOrNull } from "../encoding/snappy.js";
import { zstdUncompressOrNull } from "../encoding/zstd.js";
import type { FileSystem } from "../io/file-system.js";

const PAGE_BYTES = 32 * 1024;
const FRAGMENT_HEADER_BYTES = 7;
/** Pages read at once. */
const READ_BYTES: number = 64 * PAGE_BYTES;
const TYPE_MASK = 0x07;
const SNAPPY_FLAG = 0x08;
const ZSTD_FLAG = 0x10;
const FULL = 1;
const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;
/** No record of any writer comes near: a longer one is damage. */
const RECORD_BYTES_MAX: number = 256 * 1024 * 1024;
const SEGMENT_NAME = /^\d{6,}$/;
const CHECKPOINT_NAME = /^checkpoint\.(\d{6,})$/;

/** A place in the log from which on nothing more can be read of a segment. */
export interface WalDamage {
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
}

export interface WalVisitor {
  /** One whole record; the bytes are good until the call returns. */
  record(bytes: Uint8Array): void;
  damage(damage: WalDamage): void;
  /** Called before every file. */
  file(path: string, index: number, count: number): void;
}

/** The files of the log in `dir` in the order of their content: the newest checkpoint, then the segments behind it. */
export function walFiles(fs: FileSystem, dir: string): string[] {
  if (!fs.exists(dir)) return [];
  const names = fs.list(dir);
  const segments = (folder: string): string[] =>
    fs
      .list(folder)
      .filter((name) => SEGMENT_NAME.test(name))
      .sort((a, b) => Number(a) - Number(b))
      .map((name) => `${folder}/${name}`);
  const last = Math.max(-1, ...names.flatMap((name) => CHECKPOINT_NAME.exec(name)?.[1] ?? []).map(Number));
  const checkpoint = names.find(
    (name) => Number(CHECKPOINT_NAME.exec(name)?.[1] ?? -1) === last && last >= 0,
  );
  const behind = segments(dir).filter((path) => Number(path.slice(dir.length + 1)) > last);
  return [...(checkpoint === undefined ? [] : segments(`${dir}/${checkpoint}`)), ...behind];
}

/** Visits every record of the log in `dir`. Behind damage the next segment is read: records name all they need. */
export function readPrometheusWal(fs: FileSystem, dir: string, visitor: WalVisitor): void {
  const files = walFiles(fs, dir);
  files.forEach((path, index) => {
    visitor.file(path, index, files.length);
    readWalSegment(fs, path, visitor, index === files.length - 1);
  });
}

/** Visits the records of one segment. `last`: it may end inside a page, as a crash leaves it. */
export function readWalSegment(
  fs: FileSystem,
  path: string,
  visitor: Pick<WalVisitor, "record" | "damage">,
  last: boolean,
): void {
  const fd = fs.open(path, "r");
  const parts: Uint8Array[] = [];
  let partBytes = 0;
  let recordAt = 0;
  let position = 0;
  const buffer = new Uint8Array(READ_BYTES);
  try {
    for (;;) {
      const length = readFully(fs, fd, buffer, position);
      if (length === 0) break;
      for (let page = 0; page < length; page += PAGE_BYTES) {
        const end = Math.min(page + PAGE_BYTES, length);
        let at = page;
        while (at + FRAGMENT_HEADER_BYTES <= end) {
          const flags = buffer[at];
          const type = flags & TYPE_MASK;
          if (type === 0) break;
          const bytes = (buffer[at + 1] << 8) | buffer[at + 2];
          const data = at + FRAGMENT_HEADER_BYTES;
          const where = position + at;
          const bad = (reason: string): void => visitor.damage({ file: path, offset: where, reason });
          if (data + bytes > end) {
            if (last && position + end >= position + length && length < READ_BYTES) return;
            return bad("a fragment reaches beyond its page");
          }
          if (readU32(buffer, at + 3) !== crc32c(buffer, data, data + bytes)) return bad("checksum mismatch");
          const starts = type === FULL || type === FIRST;
          if (type > LAST || starts === parts.length > 0) return bad(`unexpected fragment of type ${type}`);
          if (starts) recordAt = where;
          parts.push(buffer.slice(data, data + bytes));
          partBytes += bytes;
          if (partBytes > RECORD_BYTES_MAX) return bad(`a record of more than ${RECORD_BYTES_MAX} bytes`);
          if (type === FULL || type === LAST) {
            const problem = deliver(join(parts, partBytes), flags, visitor);
            if (problem !== null) visitor.damage({ file: path, offset: recordAt, reason: problem });
            parts.length = 0;
            partBytes = 0;
          } else if (type !== FIRST && type !== MIDDLE) return bad(`unknown fragment of type ${type}`);
          at = data + bytes;
        }
      }
      position += length;
    }
    if (parts.length > 0 && !last) {
      visitor.damage({ file: path, offset: recordAt, reason: "the segment ends inside a record" });
    }
  } finally {
    fs.close(fd);
  }
}

function readFully(fs: FileSystem, fd: number, buffer: Uint8Array, position: number): number {
  let filled = 0;
  while (filled < buffer.length) {
    const read = fs.read(fd, buffer, filled, buffer.length - filled, position + filled);
    if (read === 0) break;
    filled += read;
  }
  return filled;
}

function join(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Null, or why the record cannot be read. */
function deliver(bytes: Uint8Array, flags: number, visitor: Pick<WalVisitor, "record">): string | null {
  let content: Uint8Array | null = bytes;
  if ((flags & ZSTD_FLAG) !== 0) content = zstdUncompressOrNull(bytes, RECORD_BYTES_MAX);
  else if ((flags & SNAPPY_FLAG) !== 0) content = snappyUncompressOrNull(bytes, RECORD_BYTES_MAX);
  if (content === null) return `the record is not ${(flags & ZSTD_FLAG) !== 0 ? "zstd" : "snappy"}`;
  try {
    visitor.record(content);
    return null;
  } catch (error) {
    if (error instanceof CorruptionError) return error.reason;
    throw error;
  }
}
