import { readU32 } from "../encoding/byte-reader.js";
import { CheckedSection, SectionCursor } from "./checked-section.js";
import type { PagedFile } from "./page-cache.js";

/** The offset of every n-th symbol is kept; the others are found by walking from there. */
const SAMPLE_EVERY = 32;

/** The strings of an index by their number. Keeps one offset for every 32 symbols, no strings. */
export class SymbolTable {
  readonly count: number;
  private readonly section: CheckedSection;
  private readonly offsets: Uint32Array;

  constructor(file: PagedFile, offset: number) {
    this.section = new CheckedSection(file, offset);
    this.count = readU32(this.section.read(0, 4), 0);
    const cursor = new SectionCursor(this.section, 4);
    // A symbol takes a byte or more.
    if (this.count > this.section.bytes - 4) throw cursor.corruption(`no room for ${this.count} symbols`);
    this.offsets = new Uint32Array(Math.ceil(this.count / SAMPLE_EVERY));
    for (let i = 0; i < this.count; i++) {
      if (i % SAMPLE_EVERY === 0) this.offsets[i / SAMPLE_EVERY] = cursor.offset;
      cursor.stringBytes();
    }
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
