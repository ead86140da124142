import { assert } from "../base/assert.js";
import { ByteWriter, writeU32 } from "../encoding/byte-writer.js";
import { crc32c } from "../encoding/crc32c.js";
import type { FileSystem } from "../io/file-system.js";
import { compareLabels, compareUtf8, type Labels } from "../model/labels.js";
import { INDEX_MAGIC, INDEX_VERSION, POSTINGS_ALIGNMENT, SERIES_ALIGNMENT } from "./block-format.js";
import { FileWriter } from "./file-writer.js";
import { PostingsBuilder } from "./postings-builder.js";

/** Where a chunk lies and the times of its first and last sample. */
export interface ChunkEntry {
  readonly mint: number;
  readonly maxt: number;
  readonly ref: number;
}

/**
 * Writes an index file, version 2 (docs/format/index.md): all symbols, then series in order, then `finish`.
 * The sections that nothing reads any more (label indices) are left empty, as Prometheus 3 does.
 */
export class IndexWriter {
  private readonly file: FileWriter;
  private readonly symbols = new Map<string, number>();
  private symbolList: string[] = [];
  private readonly postings: PostingsBuilder = new PostingsBuilder();
  private readonly scratch: ByteWriter = new ByteWriter(4096);
  private lastLabels: Labels | null = null;
  private lastChunkRef = -1;
  private readonly toc = {
    symbols: 0,
    series: 0,
    labelIndices: 0,
    labelTable: 0,
    postings: 0,
    postingsTable: 0,
  };

  constructor(fs: FileSystem, path: string) {
    this.file = new FileWriter(fs, path);
    this.scratch.u32(INDEX_MAGIC);
    this.scratch.u8(INDEX_VERSION);
    this.appendScratch();
  }

  /** Sorted by UTF-8 bytes, unique; every label name and value of the series to come. */
  writeSymbols(symbols: Iterable<string>): void {
    this.toc.symbols = this.file.position;
    const start = this.startSection();
    this.scratch.u32(0);
    let last: string | null = null;
    for (const symbol of symbols) {
      assert(last === null || compareUtf8(last, symbol) < 0, "symbols ascend");
      last = symbol;
      this.symbols.set(symbol, this.symbolList.length);
      this.symbolList.push(symbol);
    }
    writeU32(this.scratch.bytes, 0, this.symbolList.length);
    for (const symbol of this.symbolList) {
      this.scratch.uvarintString(symbol);
      if (this.scratch.length > SCRATCH_FLUSH_BYTES) this.appendScratch();
    }
    this.endSection(start);
    this.file.pad(SERIES_ALIGNMENT);
    this.toc.series = this.file.position;
  }

  /** Series ascend by `compareLabels`; chunks ascend by ref and time and do not overlap. */
  addSeries(labels: Labels, chunks: readonly ChunkEntry[]): void {
    assert(this.lastLabels === null || compareLabels(this.lastLabels, labels) < 0, "series ascend");
    this.lastLabels = labels;
    this.file.pad(SERIES_ALIGNMENT);
    this.postings.startSeries(this.file.position / SERIES_ALIGNMENT);
    const { scratch } = this;
    // Room for the length, which is known last.
    scratch.length = LENGTH_BYTES_MAX;
    scratch.uvarint(labels.size);
    const { pairs } = labels;
    for (let i = 0; i < pairs.length; i += 2) {
      const name = this.symbolOf(pairs[i]);
      const value = this.symbolOf(pairs[i + 1]);
      scratch.uvarint(name);
      scratch.uvarint(value);
      this.postings.addLabel(name, value);
    }
    this.encodeChunkEntries(chunks);
    const length = scratch.length - LENGTH_BYTES_MAX;
    scratch.u32(crc32c(scratch.bytes, LENGTH_BYTES_MAX, scratch.length));
    const end = scratch.length;
    const start = LENGTH_BYTES_MAX - uvarintBytes(length);
    scratch.length = start;
    scratch.uvarint(length);
    this.file.append(scratch.bytes.subarray(start, end));
    scratch.clear();
  }

  /** Writes what remains; everything is on disk when it returns. */
  finish(): void {
    const end = this.file.position;
    this.toc.labelIndices = end;
    this.toc.postings = end;
    const offsets: PostingsOffset[] = [];
    this.writePostings(0, 0, this.postings.allRefs(), offsets, true);
    this.postings.visit((name, value, refs) => {
      this.writePostings(name, value, refs, offsets, false);
    });
    this.toc.labelTable = this.file.position;
    this.toc.postingsTable = this.file.position;
    this.writePostingsTable(offsets);
    this.writeToc();
    this.file.finish();
  }

  abandon(): void {
    this.file.abandon();
  }

  private symbolOf(text: string): number {
    const symbol = this.symbols.get(text);
    assert(symbol !== undefined, "every label is among the symbols");
    return symbol;
  }

  private encodeChunkEntries(chunks: readonly ChunkEntry[]): void {
    const { scratch } = this;
    scratch.uvarint(chunks.length);
    for (let i = 0; i < chunks.length; i++) {
      const { mint, maxt, ref } = chunks[i];
      assert(ref > this.lastChunkRef, "chunk refs ascend");
      assert(maxt >= mint, "a chunk ends after it begins");
      this.lastChunkRef = ref;
      if (i === 0) {
        scratch.varint(mint);
        scratch.uvarint(maxt - mint);
        scratch.uvarint(ref);
      } else {
        const before = chunks[i - 1];
        assert(mint > before.maxt, "chunks of a series do not overlap");
        scratch.uvarint(mint - before.maxt);
        scratch.uvarint(maxt - mint);
        scratch.varint(ref - before.ref);
      }
    }
  }

  private writePostings(
    name: number,
    value: number,
    refs: Uint32Array,
    offsets: PostingsOffset[],
    all: boolean,
  ): void {
    this.file.pad(POSTINGS_ALIGNMENT);
    offsets.push({ name, value, offset: this.file.position, all });
    const { scratch } = this;
    scratch.u32(4 + 4 * refs.length);
    this.appendScratch();
    this.file.startChecksum();
    scratch.u32(refs.length);
    scratch.reserve(4 * refs.length);
    for (let i = 0; i < refs.length; i++) scratch.u32(refs[i]);
    this.appendScratch();
    this.file.appendChecksum();
  }

  private writePostingsTable(offsets: readonly PostingsOffset[]): void {
    const start = this.startSection();
    this.scratch.u32(offsets.length);
    for (const { name, value, offset, all } of offsets) {
      this.scratch.u8(2);
      this.scratch.uvarintString(all ? "" : this.symbolList[name]);
      this.scratch.uvarintString(all ? "" : this.symbolList[value]);
      this.scratch.uvarint(offset);
      if (this.scratch.length > SCRATCH_FLUSH_BYTES) this.appendScratch();
    }
    this.endSection(start);
  }

  private writeToc(): void {
    const { toc, scratch } = this;
    for (const offset of [toc.symbols, toc.series, toc.labelIndices, toc.labelTable, toc.postings]) {
      scratch.u64(offset);
    }
    scratch.u64(toc.postingsTable);
    this.file.startChecksum();
    this.appendScratch();
    this.file.appendChecksum();
  }

  /** Leaves room for the section's length; returns where. */
  private startSection(): number {
    const start = this.file.position;
    this.scratch.u32(0);
    this.appendScratch();
    this.file.startChecksum();
    return start;
  }

  private endSection(start: number): void {
    this.appendScratch();
    const length = new Uint8Array(4);
    writeU32(length, 0, this.file.position - start - 4);
    this.file.appendChecksum();
    this.file.patch(start, length);
  }

  private appendScratch(): void {
    this.file.append(this.scratch.view());
    this.scratch.clear();
  }
}

interface PostingsOffset {
  readonly name: number;
  readonly value: number;
  readonly offset: number;
  /** The entry of all series, under the pair of two empty strings. */
  readonly all: boolean;
}

/** No series entry is longer than five bytes can say; `ByteWriter.uvarint` wants room for ten. */
const LENGTH_BYTES_MAX = 10;

function uvarintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

const SCRATCH_FLUSH_BYTES = 64 * 1024;
