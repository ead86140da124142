import { worked } from "../base/patience.js";
import { readU32 } from "../encoding/byte-reader.js";
import { compareUtf8 } from "../model/labels.js";
import { CheckedSection, SectionCursor } from "./checked-section.js";
import type { PagedFile } from "./page-cache.js";

/** Of the values of a name, every n-th is kept with its place; the others are found by walking from there. */
const SAMPLE_EVERY = 32;

interface NameEntries {
  /** How many values the name has. */
  count: number;
  /** Every 32nd value, ascending, and the content offset of its entry. */
  readonly values: string[];
  readonly offsets: number[];
}

/** Where the postings of each label pair lie. Keeps all label names and every 32nd value. */
export class PostingsTable {
  /** Offset in the file of the postings of all series. */
  readonly allOffset: number;
  private readonly section: CheckedSection;
  private readonly names = new Map<string, NameEntries>();

  constructor(file: PagedFile, offset: number) {
    this.section = new CheckedSection(file, offset);
    const count = readU32(this.section.read(0, 4), 0);
    const cursor = new SectionCursor(this.section, 4);
    let all = 0;
    let entries: NameEntries = { count: 0, values: [], offsets: [] };
    let nameBytes: Uint8Array | null = null;
    for (let i = 0; i < count; i++) {
      const start = cursor.offset;
      if (cursor.u8() !== 2) throw cursor.corruption("postings offset entry without name and value");
      // Decoding the name of every entry would be half of the time.
      const bytes = cursor.stringBytes();
      if (nameBytes === null || !equalBytes(nameBytes, bytes)) {
        nameBytes = bytes;
        entries = { count: 0, values: [], offsets: [] };
        this.names.set(textDecoder.decode(bytes), entries);
      }
      const valueBytes = cursor.stringBytes();
      if (entries.count++ % SAMPLE_EVERY === 0) {
        entries.values.push(textDecoder.decode(valueBytes));
        entries.offsets.push(start);
      }
      const postings = cursor.uvarint();
      if (bytes.length === 0) all = postings;
    }
    this.allOffset = all;
    this.names.delete("");
  }

  labelNames(): string[] {
    return [...this.names.keys()].sort(compareUtf8);
  }

  valueCount(name: string): number {
    return this.names.get(name)?.count ?? 0;
  }

  /** File offset of the postings of `name` = `value`, or null. */
  find(name: string, value: string): number | null {
    let found: number | null = null;
    this.walk(name, value, (other, offset) => {
      if (other === value) found = offset;
      return compareUtf8(other, value) < 0;
    });
    return found;
  }

  /** Visits the values of `name` from about `from` on (some before it, too) until `visit` returns false. */
  walk(name: string, from: string, visit: (value: string, postingsOffset: number) => boolean): void {
    const entries = this.names.get(name);
    if (entries === undefined) return;
    const sample = lastAtOrBefore(entries.values, from);
    const cursor = new SectionCursor(this.section, entries.offsets[sample]);
    for (let i = sample * SAMPLE_EVERY; i < entries.count; i++) {
      worked(WORK_PER_VALUE);
      cursor.u8();
      cursor.stringBytes();
      const value = cursor.string();
      if (!visit(value, cursor.uvarint())) return;
    }
  }
}

/** Of `worked`. */
const WORK_PER_VALUE = 10;
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Index of the last element <= `value`; 0 where there is none. */
function lastAtOrBefore(values: readonly string[], value: string): number {
  let low = 0;
  let high = values.length;
  while (low + 1 < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(values[middle], value) <= 0) low = middle;
    else high = middle;
  }
  return low;
}
