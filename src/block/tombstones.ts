import { CorruptionError } from "../base/errors.js";
import { ByteReader } from "../encoding/byte-reader.js";
import { ByteWriter } from "../encoding/byte-writer.js";
import { crc32c } from "../encoding/crc32c.js";
import { writeFileDurably } from "../io/durable-file.js";
import type { FileSystem } from "../io/file-system.js";
import { CHECKSUM_BYTES, TOMBSTONES_FILE, TOMBSTONES_MAGIC, TOMBSTONES_VERSION } from "./block-format.js";

/** Deleted times of one series, both ends inclusive, milliseconds. */
export interface DeletedInterval {
  readonly mint: number;
  readonly maxt: number;
}

/** Deleted intervals by series ref: sorted, neither overlapping nor touching. */
export type Tombstones = ReadonlyMap<number, readonly DeletedInterval[]>;

export const NO_TOMBSTONES: Tombstones = new Map();

const HEADER_BYTES = 5;

/** `intervals` with one more, merged with those that it overlaps or touches. */
export function addInterval(
  intervals: readonly DeletedInterval[],
  added: DeletedInterval,
): readonly DeletedInterval[] {
  let { mint, maxt } = added;
  const before: DeletedInterval[] = [];
  const after: DeletedInterval[] = [];
  for (const interval of intervals) {
    if (interval.maxt + 1 < mint) before.push(interval);
    else if (interval.mint - 1 > maxt) after.push(interval);
    else {
      mint = Math.min(mint, interval.mint);
      maxt = Math.max(maxt, interval.maxt);
    }
  }
  return [...before, { mint, maxt }, ...after];
}

/** True if all of [mint, maxt] is deleted. */
export function covers(intervals: readonly DeletedInterval[], mint: number, maxt: number): boolean {
  return intervals.some((interval) => interval.mint <= mint && maxt <= interval.maxt);
}

export function overlapsAny(intervals: readonly DeletedInterval[], mint: number, maxt: number): boolean {
  return intervals.some((interval) => interval.mint <= maxt && mint <= interval.maxt);
}

export function countIntervals(tombstones: Tombstones): number {
  let count = 0;
  for (const intervals of tombstones.values()) count += intervals.length;
  return count;
}

/** No file: no tombstones. Throws CorruptionError for a damaged one. */
export function readTombstones(fs: FileSystem, dir: string): Tombstones {
  const file = `${dir}/${TOMBSTONES_FILE}`;
  if (!fs.exists(file)) return NO_TOMBSTONES;
  const bytes = fs.readFile(file);
  if (bytes.length < HEADER_BYTES + CHECKSUM_BYTES) throw new CorruptionError(file, 0, "file too short");
  const end = bytes.length - CHECKSUM_BYTES;
  const reader = new ByteReader(bytes, 0, end, file);
  if (reader.u32() !== TOMBSTONES_MAGIC) throw new CorruptionError(file, 0, "wrong magic number");
  const version = reader.u8();
  if (version !== TOMBSTONES_VERSION) throw new CorruptionError(file, 4, `unknown version ${version}`);
  // The checksum leaves out magic and version.
  if (new ByteReader(bytes, end, bytes.length, file).u32() !== crc32c(bytes, HEADER_BYTES, end)) {
    throw new CorruptionError(file, end, "checksum mismatch");
  }
  const tombstones = new Map<number, readonly DeletedInterval[]>();
  while (reader.remaining > 0) {
    const ref = reader.uvarint();
    const interval = { mint: reader.varint(), maxt: reader.varint() };
    tombstones.set(ref, addInterval(tombstones.get(ref) ?? [], interval));
  }
  return tombstones;
}

/** Replaces the file; durable on return. */
export function writeTombstones(fs: FileSystem, dir: string, tombstones: Tombstones): void {
  writeFileDurably(fs, dir, TOMBSTONES_FILE, encodeTombstones(tombstones));
}

export function encodeTombstones(tombstones: Tombstones): Uint8Array {
  const writer = new ByteWriter();
  writer.u32(TOMBSTONES_MAGIC);
  writer.u8(TOMBSTONES_VERSION);
  for (const ref of [...tombstones.keys()].sort((a, b) => a - b)) {
    for (const { mint, maxt } of tombstones.get(ref) ?? []) {
      writer.uvarint(ref);
      writer.varint(mint);
      writer.varint(maxt);
    }
  }
  writer.u32(crc32c(writer.bytes, HEADER_BYTES, writer.length));
  return writer.take();
}
