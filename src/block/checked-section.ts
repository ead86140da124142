import { CorruptionError } from "../base/errors.js";
import { readU32 } from "../encoding/byte-reader.js";
import { crc32cBehind } from "../encoding/crc32c.js";
import type { PagedFile } from "./page-cache.js";

/** The section is checked in pieces of this size; each keeps a checksum of its own. */
const PIECE_BYTES = 64 * 1024;
/** Pieces that one read of the first use takes. */
const PIECES_PER_READ = 16;

/** What the checksum of something becomes when a piece is put behind it, before the piece's own is added. */
const behindPiece: (checksum: number) => number = crc32cBehind(PIECE_BYTES);

/** Computes CRC-32C of bytes [start, end), continued from `seed`. */
export type Checksum = (bytes: Uint8Array, start: number, end: number, seed?: number) => number;

/**
 * Sees the whole content once, in order: bytes[start] lies at content offset `offset`. Returns where it stopped; what
 * is behind is shown again with more. It may be anything: the checksum is proven when all was seen.
 */
export type SectionScan = (bytes: Uint8Array, start: number, end: number, offset: number) => number;

/**
 * A section `length u32 │ content │ crc32c u32` of an index that is too large to be kept in memory. Opening it
 * reads all of it once, proves the section's checksum and remembers one for every piece; whatever is read
 * later is held to those, so that bytes which go bad under a running program are noticed, too.
 */
export class CheckedSection {
  readonly file: PagedFile;
  /** Offset in the file and bytes of the content. */
  readonly start: number;
  readonly bytes: number;
  private readonly checksum: Checksum;
  private readonly pieceChecksums: Uint32Array;
  private lastPiece = -1;
  private lastBytes: Uint8Array = new Uint8Array(0);

  constructor(file: PagedFile, offset: number, checksum: Checksum, scan: SectionScan) {
    this.file = file;
    this.checksum = checksum;
    const header = file.read(offset, 4);
    if (header.length < 4) throw new CorruptionError(file.path, offset, "section begins past the end");
    this.start = offset + 4;
    this.bytes = readU32(header, 0);
    if (this.start + this.bytes + 4 > file.bytes) {
      throw new CorruptionError(file.path, offset, `section of ${this.bytes} bytes ends past the file`);
    }
    this.pieceChecksums = new Uint32Array(Math.ceil(this.bytes / PIECE_BYTES));
    const found = this.scanAll(scan);
    const trailer = file.read(this.start + this.bytes, 4);
    if (trailer.length < 4 || readU32(trailer, 0) !== found) {
      throw new CorruptionError(file.path, this.start, "checksum mismatch");
    }
  }

  /** Past the page cache, which has better use for its bytes. Returns the checksum of all. */
  private scanAll(scan: SectionScan): number {
    const readBytes = PIECES_PER_READ * PIECE_BYTES;
    let buffer = new Uint8Array(Math.min(2 * readBytes, this.bytes));
    let found = 0;
    let left = 0; // bytes at the front that the scan has not gone through
    for (let at = 0; at < this.bytes; ) {
      const wanted = Math.min(readBytes, this.bytes - at);
      if (left + wanted > buffer.length) {
        const grown = new Uint8Array(Math.min(Math.max(left + wanted, 2 * buffer.length), this.bytes));
        grown.set(buffer.subarray(0, left));
        buffer = grown;
      }
      const read = this.file.readInto(buffer, left, wanted, this.start + at);
      if (read < wanted) throw new CorruptionError(this.file.path, this.start + at, "section ends too soon");
      found = this.addPieces(buffer, left, wanted, at, found);
      const end = left + wanted;
      const stopped = scan(buffer, 0, end, at - left);
      if (stopped > 0) buffer.copyWithin(0, stopped, end);
      left = end - stopped;
      at += wanted;
    }
    return found;
  }

  /** Enters the checksums of the pieces in [from, from + length), and returns that of all so far. */
  private addPieces(bytes: Uint8Array, from: number, length: number, at: number, before: number): number {
    let found = before;
    for (let start = 0; start < length; start += PIECE_BYTES) {
      const end = Math.min(start + PIECE_BYTES, length);
      const piece = this.checksum(bytes, from + start, from + end);
      this.pieceChecksums[(at + start) / PIECE_BYTES] = piece;
      // Only the last one is shorter.
      found =
        end - start === PIECE_BYTES
          ? behindPiece(found) ^ piece
          : this.checksum(bytes, from + start, from + end, found);
    }
    return found >>> 0;
  }

  /** Content from `offset` on: at least `lengthMin` bytes where there are that many, checked. */
  read(offset: number, lengthMin: number): Uint8Array {
    const first = Math.floor(offset / PIECE_BYTES);
    const start = offset - first * PIECE_BYTES;
    const piece = this.piece(first);
    if (piece.length - start >= lengthMin || first + 1 >= this.pieceChecksums.length) {
      return piece.subarray(start);
    }
    const wanted = Math.min(lengthMin, this.bytes - offset);
    const joined = new Uint8Array(wanted);
    let filled = 0;
    for (let i = first; filled < wanted; i++) {
      const part = this.piece(i).subarray(i === first ? start : 0);
      const fits = part.subarray(0, wanted - filled);
      joined.set(fits, filled);
      filled += fits.length;
    }
    return joined;
  }

  private piece(index: number): Uint8Array {
    if (index === this.lastPiece) return this.lastBytes;
    const piece = this.loadPiece(index);
    if (this.checksum(piece, 0, piece.length) !== this.pieceChecksums[index]) {
      throw new CorruptionError(
        this.file.path,
        this.start + index * PIECE_BYTES,
        "bytes changed since first read",
      );
    }
    this.lastPiece = index;
    this.lastBytes = piece;
    return piece;
  }

  private loadPiece(index: number): Uint8Array {
    const offset = index * PIECE_BYTES;
    return this.file.read(this.start + offset, Math.min(PIECE_BYTES, this.bytes - offset));
  }
}

/** Where the number that `lengthAt` read ends; 0 where it does not end before the end. */
export let lengthEnd = 0;

/** The length (or offset) at bytes[at], for scans: see `SectionScan`. Longer than any file is as good as not ending. */
export function lengthAt(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  let scale = 1;
  for (let i = at; i < end && i < at + 10; i++) {
    const byte = bytes[i];
    if (byte < 0x80) {
      lengthEnd = i + 1;
      return value + byte * scale;
    }
    value += (byte & 0x7f) * scale;
    scale *= 128;
  }
  lengthEnd = 0;
  return 0;
}

/** Reads a section's entries one behind the other. */
export class SectionCursor {
  private readonly section: CheckedSection;
  private bytes: Uint8Array;
  private position = 0;
  /** Content offset of `bytes[0]`. */
  private base: number;

  constructor(section: CheckedSection, offset: number) {
    this.section = section;
    this.base = offset;
    this.bytes = section.read(offset, 1);
  }

  get offset(): number {
    return this.base + this.position;
  }

  u8(): number {
    this.need(1);
    return this.bytes[this.position++];
  }

  uvarint(): number {
    this.prefetch(10);
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.position >= this.bytes.length) throw this.corruption("section ends inside a uvarint");
      const byte = this.bytes[this.position++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw this.corruption("uvarint longer than ten bytes");
  }

  /** The bytes of a string with its length before it; a view. */
  stringBytes(): Uint8Array {
    const length = this.uvarint();
    this.need(length);
    this.position += length;
    return this.bytes.subarray(this.position - length, this.position);
  }

  string(): string {
    return textDecoder.decode(this.stringBytes());
  }

  corruption(reason: string): CorruptionError {
    return new CorruptionError(this.section.file.path, this.section.start + this.offset, reason);
  }

  private need(count: number): void {
    this.prefetch(count);
    if (this.bytes.length - this.position < count) throw this.corruption("section ends inside an entry");
  }

  private prefetch(count: number): void {
    if (this.bytes.length - this.position >= count) return;
    if (count > this.section.bytes - this.offset && this.base + this.bytes.length >= this.section.bytes)
      return;
    this.base += this.position;
    this.position = 0;
    this.bytes = this.section.read(this.base, Math.min(count, this.section.bytes - this.base));
  }
}

const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
