import { CorruptionError } from "../base/errors.js";
import { ByteReader, readU32 } from "../encoding/byte-reader.js";
import { crc32c } from "../encoding/crc32c.js";
import { EMPTY_POSTINGS } from "../index/postings.js";
import type { PostingsSource } from "../index/select-postings.js";
import type { FileSystem } from "../io/file-system.js";
import { compareUtf8, Labels } from "../model/labels.js";
import {
  CHECKSUM_BYTES,
  INDEX_HEADER_BYTES,
  INDEX_MAGIC,
  INDEX_VERSION,
  SERIES_ALIGNMENT,
  TOC_BYTES,
} from "./block-format.js";
import type { Checksum } from "./checked-section.js";
import { type PageCache, PagedFile } from "./page-cache.js";
import { PostingsTable } from "./postings-table.js";
import { SymbolTable } from "./symbol-table.js";

/** A series entry is read with this much in the first go. */
const SERIES_READ_BYTES = 512;
/** Length and count. */
const POSTINGS_HEADER_BYTES = 8;

/** The chunks of one series, filled again and again. */
export class ChunkList {
  count = 0;
  mint: Float64Array = new Float64Array(16);
  maxt: Float64Array = new Float64Array(16);
  refs: Float64Array = new Float64Array(16);

  push(mint: number, maxt: number, ref: number): void {
    if (this.count === this.mint.length) this.grow();
    this.mint[this.count] = mint;
    this.maxt[this.count] = maxt;
    this.refs[this.count++] = ref;
  }

  private grow(): void {
    const grown = [this.mint, this.maxt, this.refs].map((old) => {
      const bigger = new Float64Array(old.length * 2);
      bigger.set(old);
      return bigger;
    });
    [this.mint, this.maxt, this.refs] = grown as [Float64Array, Float64Array, Float64Array];
  }
}

/**
 * Reads a block's index file, version 2. Opening reads its first and last bytes; the symbol and postings offset
 * tables are gone through at their first use.
 */
export class IndexReader implements PostingsSource {
  readonly file: PagedFile;
  private readonly toc: { symbols: number; series: number; seriesEnd: number; postingsTable: number };
  private symbolTable: SymbolTable | null = null;
  private postingsTable: PostingsTable | null = null;
  private readonly checksum: Checksum;

  constructor(fs: FileSystem, path: string, cache: PageCache, checksum: Checksum = crc32c) {
    this.checksum = checksum;
    this.file = new PagedFile(fs, path, cache);
    try {
      this.toc = readToc(this.file);
    } catch (error) {
      this.file.close();
      throw error;
    }
  }

  close(): void {
    this.file.close();
  }

  get symbols(): SymbolTable {
    this.symbolTable ??= new SymbolTable(this.file, this.toc.symbols, this.checksum);
    return this.symbolTable;
  }

  get table(): PostingsTable {
    this.postingsTable ??= new PostingsTable(this.file, this.toc.postingsTable, this.checksum);
    return this.postingsTable;
  }

  allPostings(): Uint32Array {
    const offset = this.table.allOffset;
    return offset === 0 ? EMPTY_POSTINGS : this.readPostings(offset);
  }

  postings(name: string, value: string): Uint32Array {
    const offset = value === "" ? null : this.table.find(name, value);
    return offset === null ? EMPTY_POSTINGS : this.readPostings(offset);
  }

  matchingPostings(
    name: string,
    prefix: string,
    accepts: ((value: string) => boolean) | null,
  ): Uint32Array[] {
    const offsets: number[] = [];
    this.table.walk(name, prefix, (value, offset) => {
      if (!value.startsWith(prefix)) return compareUtf8(value, prefix) < 0;
      if (accepts === null || accepts(value)) offsets.push(offset);
      return true;
    });
    return offsets.map((offset) => this.readPostings(offset));
  }

  /** `symbols` saves looking up the same strings again; the caller bounds its life. */
  labels(ref: number, symbols: Map<number, string>): Labels {
    const entry = this.seriesEntry(ref);
    const count = entry.uvarint();
    if (count * 2 > entry.remaining) throw entry.corruption(`no room for ${count} labels`);
    const pairs: string[] = [];
    for (let i = 0; i < count * 2; i++) {
      const symbol = entry.uvarint();
      let text = symbols.get(symbol);
      if (text === undefined) {
        text = this.symbols.lookup(symbol);
        symbols.set(symbol, text);
      }
      pairs.push(text);
    }
    return new Labels(pairs);
  }

  /** Replaces the content of `list`. */
  chunks(ref: number, list: ChunkList): void {
    const entry = this.seriesEntry(ref);
    for (let i = entry.uvarint() * 2; i > 0; i--) entry.uvarint();
    const count = entry.uvarint();
    if (count * 3 > entry.remaining) throw entry.corruption(`no room for ${count} chunks`);
    list.count = 0;
    let maxt = 0;
    let chunkRef = 0;
    for (let i = 0; i < count; i++) {
      const mint = i === 0 ? entry.varint() : maxt + entry.uvarint();
      maxt = mint + entry.uvarint();
      chunkRef = i === 0 ? entry.uvarint() : chunkRef + entry.varint();
      list.push(mint, maxt, chunkRef);
    }
  }

  /** A reader of the entry's content, whose checksum was proven. */
  private seriesEntry(ref: number): ByteReader {
    const offset = ref * SERIES_ALIGNMENT;
    if (offset < this.toc.series || offset >= this.toc.seriesEnd) {
      throw new CorruptionError(this.file.path, offset, "series ref points outside the series");
    }
    let bytes = this.file.read(offset, SERIES_READ_BYTES);
    const reader = new ByteReader(bytes, 0, bytes.length, this.file.path, offset);
    const length = reader.uvarint();
    const start = reader.offset;
    const wanted = start + length + CHECKSUM_BYTES;
    if (offset + wanted > this.file.bytes) throw reader.corruption("series entry ends past the file");
    if (wanted > bytes.length) bytes = this.file.read(offset, wanted);
    if (readU32(bytes, start + length) !== crc32c(bytes, start, start + length)) {
      throw new CorruptionError(this.file.path, offset, "series entry: checksum mismatch");
    }
    return new ByteReader(bytes, start, start + length, this.file.path, offset);
  }

  private readPostings(offset: number): Uint32Array {
    let bytes = this.file.readAhead(offset, POSTINGS_HEADER_BYTES);
    if (bytes.length < POSTINGS_HEADER_BYTES) {
      throw new CorruptionError(this.file.path, offset, "postings begin past the end");
    }
    const length = readU32(bytes, 0);
    const count = readU32(bytes, 4);
    const end = 4 + length + CHECKSUM_BYTES;
    if (length !== 4 + 4 * count || offset + end > this.file.bytes) {
      throw new CorruptionError(this.file.path, offset, `postings of ${count} series in ${length} bytes`);
    }
    if (end > bytes.length) bytes = this.file.read(offset, end);
    if (readU32(bytes, 4 + length) !== this.checksum(bytes, 4, 4 + length)) {
      throw new CorruptionError(this.file.path, offset, "postings: checksum mismatch");
    }
    const refs = new Uint32Array(count);
    for (let i = 0; i < count; i++) refs[i] = readU32(bytes, POSTINGS_HEADER_BYTES + 4 * i);
    return refs;
  }
}

function readToc(file: PagedFile): IndexReader["toc"] {
  if (file.bytes < INDEX_HEADER_BYTES + TOC_BYTES) throw new CorruptionError(file.path, 0, "file too short");
  const header = new ByteReader(file.readDirect(0, INDEX_HEADER_BYTES), 0, INDEX_HEADER_BYTES, file.path);
  if (header.u32() !== INDEX_MAGIC) throw new CorruptionError(file.path, 0, "wrong magic number");
  const version = header.u8();
  if (version !== INDEX_VERSION) throw new CorruptionError(file.path, 4, `unknown index version ${version}`);
  const start = file.bytes - TOC_BYTES;
  const bytes = file.readDirect(start, TOC_BYTES);
  const end = TOC_BYTES - CHECKSUM_BYTES;
  if (bytes.length < TOC_BYTES || readU32(bytes, end) !== crc32c(bytes, 0, end)) {
    throw new CorruptionError(file.path, start, "table of contents: checksum mismatch");
  }
  const reader = new ByteReader(bytes, 0, end, file.path, start);
  const symbols = reader.u64();
  const series = reader.u64();
  const labelIndices = reader.u64();
  reader.u64();
  const postings = reader.u64();
  const postingsTable = reader.u64();
  const seriesEnd = labelIndices === 0 ? postings : Math.min(labelIndices, postings);
  for (const offset of [symbols, series, seriesEnd, postingsTable]) {
    if (offset < INDEX_HEADER_BYTES || offset > start) throw reader.corruption(`section offset ${offset}`);
  }
  return { symbols, series, seriesEnd, postingsTable };
}
