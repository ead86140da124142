import { CorruptionError } from "../base/errors.js";
import type { CheckedDecoder } from "../chunk/checked-decoder.js";
import { decodeChunk } from "../chunk/chunk.js";
import { isChunkEncoding } from "../chunk/chunk-header.js";
import { CHUNK_IN_MEMORY } from "../encoding/bit-reader.js";
import { ByteReader, readU32 } from "../encoding/byte-reader.js";
import { crc32c } from "../encoding/crc32c.js";
import type { FileSystem } from "../io/file-system.js";
import type { ChunkEncoding } from "../storage/chunk-series.js";
import type { SampleColumns } from "../storage/columns.js";
import {
  CHECKSUM_BYTES,
  CHUNK_BYTES_MAX,
  CHUNK_ENCODING_BYTES,
  CHUNK_REF_SEGMENT,
  CHUNKS_HEADER_BYTES,
  CHUNKS_MAGIC,
  CHUNKS_VERSION,
} from "./block-format.js";
import { type PageCache, PagedFile } from "./page-cache.js";

/** Length and encoding byte of a chunk take at most this. */
const PREFIX_BYTES_MAX = 6;
const SEGMENT_NAME = /^[0-9]{6}$/;

/** Reads chunks from a block's `chunks` folder. The files stay open: a block may be deleted under its readers. */
export class ChunkReader {
  private readonly segments: PagedFile[] = [];
  private readonly folder: string;
  private readonly decoder: CheckedDecoder | null;
  /** Where the last `locate` found encoding byte and data, and their checksum. */
  private located: Uint8Array = new Uint8Array(0);
  private checksum = 0;
  /** What the last `load` found. */
  encoding: ChunkEncoding = 1;
  bytes: Uint8Array = new Uint8Array(0);

  constructor(fs: FileSystem, folder: string, cache: PageCache, decoder: CheckedDecoder | null = null) {
    this.folder = folder;
    this.decoder = decoder;
    try {
      // Names are counted from 000001 without gaps; a ref holds the position in their order.
      for (const name of fs.list(folder)) {
        if (!SEGMENT_NAME.test(name)) continue;
        const segment = new PagedFile(fs, `${folder}/${name}`, cache);
        this.segments.push(segment);
        checkHeader(segment);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get fileBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  close(): void {
    for (const segment of this.segments) segment.close();
    this.segments.length = 0;
  }

  /** Puts the chunk at `ref` into `encoding` and `bytes` (a view); its checksum was proven. */
  load(ref: number): void {
    this.locate(ref);
    const { located } = this;
    if (this.checksum !== crc32c(located, 0, located.length)) {
      throw this.corruption(ref, "chunk: checksum mismatch");
    }
    const encoding = located[0];
    if (!isChunkEncoding(encoding)) throw this.corruption(ref, `unknown chunk encoding ${encoding}`);
    this.encoding = encoding;
    this.bytes = located.subarray(CHUNK_ENCODING_BYTES);
  }

  /** Appends the chunk's samples in [mint, maxt] to `columns`. */
  decode(ref: number, columns: SampleColumns, mint: number, maxt: number): void {
    if (this.decoder !== null && columns.histograms === null) {
      this.locate(ref);
      if (this.decoder.decode(this.located, this.checksum, columns, mint, maxt)) return;
    }
    this.load(ref);
    try {
      decodeChunk(this.bytes, this.encoding, columns, mint, maxt);
    } catch (error) {
      if (!(error instanceof CorruptionError) || error.file !== CHUNK_IN_MEMORY) throw error;
      throw this.corruption(ref, error.reason);
    }
  }

  private locate(ref: number): void {
    const segment = this.segmentOf(ref);
    const offset = ref % CHUNK_REF_SEGMENT;
    const ahead = segment.readAhead(offset, PREFIX_BYTES_MAX);
    const reader = new ByteReader(ahead, 0, ahead.length, segment.path, offset);
    const length = reader.uvarint();
    if (length > CHUNK_BYTES_MAX) throw reader.corruption(`chunk of ${length} bytes`);
    const start = reader.offset;
    const end = start + CHUNK_ENCODING_BYTES + length;
    const bytes = end + CHECKSUM_BYTES <= ahead.length ? ahead : segment.read(offset, end + CHECKSUM_BYTES);
    if (bytes.length < end + CHECKSUM_BYTES) throw reader.corruption("chunk ends past the file");
    this.located = bytes.subarray(start, end);
    this.checksum = readU32(bytes, end);
  }

  private corruption(ref: number, reason: string): CorruptionError {
    return new CorruptionError(this.segmentOf(ref).path, ref % CHUNK_REF_SEGMENT, reason);
  }

  /** The ref that a chunk at the end of the segment of `ref` would have. */
  segmentEnd(ref: number): number {
    return Math.floor(ref / CHUNK_REF_SEGMENT) * CHUNK_REF_SEGMENT + this.segmentOf(ref).bytes;
  }

  private segmentOf(ref: number): PagedFile {
    const segment = this.segments[Math.floor(ref / CHUNK_REF_SEGMENT)];
    if (segment === undefined) throw new CorruptionError(this.folder, 0, `no segment for chunk ref ${ref}`);
    if (ref % CHUNK_REF_SEGMENT < CHUNKS_HEADER_BYTES) {
      throw new CorruptionError(segment.path, 0, `chunk ref ${ref} points into the header`);
    }
    return segment;
  }
}

function checkHeader(segment: PagedFile): void {
  const header = segment.readDirect(0, CHUNKS_HEADER_BYTES);
  const reader = new ByteReader(header, 0, header.length, segment.path);
  if (reader.u32() !== CHUNKS_MAGIC) throw new CorruptionError(segment.path, 0, "wrong magic number");
  const version = reader.u8();
  if (version !== CHUNKS_VERSION) throw new CorruptionError(segment.path, 4, `unknown version ${version}`);
}
