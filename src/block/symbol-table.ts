import { CorruptionError } from "../base/errors.js";
import { readU32 } from "../encoding/byte-reader.js";
import { CheckedSection, type Checksum, lengthAt, lengthEnd, SectionCursor } from "./checked-section.js";
import type { PagedFile } from "./page-cache.js";

/** The offset of every n-th symbol is kept; the others are found by walking from there. */
const SAMPLE_EVERY = 32;

/** The strings of an index by their number. Keeps one offset for every 32 symbols, no strings. */
export class SymbolTable {
  readonly count: number;
  private readonly section: CheckedSection;
  private readonly offsets: Uint32Array;

  constructor(file: PagedFile, offset: number, checksum: Checksum) {
    let count = -1;
    let seen = 0;
    let offsets = new Uint32Array(0);
    this.section = new CheckedSection(file, offset, checksum, (bytes, start, end, base) => {
      let at = start;
      if (count < 0) {
        if (end - at < 4) return at;
        count = readU32(bytes, at);
        at += 4;
        // A symbol takes a byte or more.
        if (count > file.bytes)
          throw new CorruptionError(file.path, offset + 4, `no room for ${count} symbols`);
        offsets = new Uint32Array(Math.ceil(count / SAMPLE_EVERY));
      }
      for (; seen < count; seen++) {
        const length = lengthAt(bytes, at, end);
        if (lengthEnd === 0 || lengthEnd + length > end) return at;
        if (seen % SAMPLE_EVERY === 0) offsets[seen / SAMPLE_EVERY] = base + at - start;
        at = lengthEnd + length;
      }
      return end;
    });
    if (count < 0 || seen < count) {
      throw new CorruptionError(file.path, this.section.start, "section ends inside an entry");
    }
    this.count = count;
    this.offsets = offsets;
  }

  lookup(symbol: number): string {
    if (symbol >= this.count) {
      throw new SectionCursor(this.section, 0).corruption(`symbol ${symbol} of ${this.count}`);
    }
    const cursor = new SectionCursor(this.section, this.offsets[Math.floor(symbol / SAMPLE_EVERY)]);
    for (let i = symbol % SAMPLE_EVERY; i > 0; i--) cursor.stringBytes();
    return cursor.string();
  }

  *[Symbol.iterator](): IterableIterator<string> {
    const cursor = new SectionCursor(this.section, 4);
    for (let i = 0; i < this.count; i++) yield cursor.string();
  }
}
