import { CorruptionError } from "../base/errors.js";
import { worked } from "../base/patience.js";
import { readU32 } from "../encoding/byte-reader.js";
import { compareUtf8 } from "../model/labels.js";
import {
  CheckedSection,
  type Checksum,
  lengthAt,
  lengthEnd,
  SectionCursor,
  type SectionScan,
} from "./checked-section.js";
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

  constructor(file: PagedFile, offset: number, checksum: Checksum) {
    const scan = new TableScan(this.names);
    this.section = new CheckedSection(file, offset, checksum, scan.take);
    if (scan.fault !== "" || scan.seen !== scan.count) {
      const reason = scan.fault === "" ? "section ends inside an entry" : scan.fault;
      throw new CorruptionError(file.path, this.section.start, reason);
    }
    this.allOffset = scan.allOffset;
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

/** The first pass over all entries: `2 │ name │ value │ uvarint offset`, texts behind their lengths. */
class TableScan {
  count = -1;
  seen = 0;
  allOffset = 0;
  /** What is wrong with the table, "" so far nothing. */
  fault = "";
  private readonly names: Map<string, NameEntries>;
  private entries: NameEntries = { count: 0, values: [], offsets: [] };
  private name: Uint8Array | null = null;

  constructor(names: Map<string, NameEntries>) {
    this.names = names;
  }

  readonly take: SectionScan = (bytes, start, end, offset) => {
    let at = start;
    if (this.count < 0) {
      if (end - at < 4) return at;
      this.count = readU32(bytes, at);
      at += 4;
    }
    while (this.seen < this.count && this.fault === "") {
      if (at < end && bytes[at] !== 2) this.fault = "postings offset entry without name and value";
      const nameBytes = lengthAt(bytes, at + 1, end);
      const nameAt = lengthEnd;
      if (nameAt === 0 || nameAt + nameBytes > end) return at;
      const valueBytes = lengthAt(bytes, nameAt + nameBytes, end);
      const valueAt = lengthEnd;
      if (valueAt === 0 || valueAt + valueBytes > end) return at;
      const postings = lengthAt(bytes, valueAt + valueBytes, end);
      if (lengthEnd === 0) return at;
      const next = lengthEnd;
      // Decoding the name of every entry would be half of the time.
      if (this.name === null || !isAt(bytes, nameAt, nameBytes, this.name))
        this.beginName(bytes, nameAt, nameBytes);
      if (this.entries.count++ % SAMPLE_EVERY === 0) {
        this.entries.values.push(textDecoder.decode(bytes.subarray(valueAt, valueAt + valueBytes)));
        this.entries.offsets.push(offset + at - start);
      }
      if (nameBytes === 0) this.allOffset = postings;
      this.seen++;
      at = next;
    }
    return end;
  };

  private beginName(bytes: Uint8Array, at: number, length: number): void {
    this.name = bytes.slice(at, at + length);
    this.entries = { count: 0, values: [], offsets: [] };
    this.names.set(textDecoder.decode(this.name), this.entries);
  }
}

/** Of `worked`. */
const WORK_PER_VALUE = 10;
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

function isAt(bytes: Uint8Array, at: number, length: number, wanted: Uint8Array): boolean {
  if (length !== wanted.length) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== wanted[i]) return false;
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
