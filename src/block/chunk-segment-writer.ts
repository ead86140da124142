import { ByteWriter } from "../encoding/byte-writer.js";
import { crc32c } from "../encoding/crc32c.js";
import type { FileSystem } from "../io/file-system.js";
import type { EncodedChunk } from "../storage/chunk-series.js";
import {
  CHECKSUM_BYTES,
  CHUNK_ENCODING_BYTES,
  CHUNK_REF_SEGMENT,
  CHUNKS_HEADER_BYTES,
  CHUNKS_MAGIC,
  CHUNKS_VERSION,
  segmentName,
} from "./block-format.js";
import { FileWriter } from "./file-writer.js";

/** A chunk's length as uvarint takes at most this. */
const LENGTH_BYTES_MAX = 5;

/** Writes chunks into files of at most `segmentBytesMax` bytes and says where each lies. */
export class ChunkSegmentWriter {
  private readonly fs: FileSystem;
  private readonly folder: string;
  private readonly segmentBytesMax: number;
  private segment = -1;
  private file: FileWriter | null = null;
  private readonly scratch: ByteWriter = new ByteWriter(4096);

  constructor(fs: FileSystem, folder: string, segmentBytesMax: number) {
    this.fs = fs;
    this.folder = folder;
    this.segmentBytesMax = segmentBytesMax;
  }

  /** Returns the chunk's ref. Refs ascend. */
  add(chunk: EncodedChunk): number {
    const bytes = LENGTH_BYTES_MAX + CHUNK_ENCODING_BYTES + chunk.bytes.length + CHECKSUM_BYTES;
    const file = this.fileFor(bytes);
    const ref = this.segment * CHUNK_REF_SEGMENT + file.position;
    const { scratch } = this;
    scratch.clear();
    scratch.uvarint(chunk.bytes.length);
    const dataStart = scratch.length;
    scratch.u8(chunk.encoding);
    scratch.append(chunk.bytes);
    scratch.u32(crc32c(scratch.bytes, dataStart, scratch.length));
    file.append(scratch.view());
    return ref;
  }

  finish(): void {
    this.file?.finish();
    this.file = null;
  }

  abandon(): void {
    this.file?.abandon();
    this.file = null;
  }

  private fileFor(bytes: number): FileWriter {
    const { file } = this;
    if (file !== null) {
      const empty = file.position === CHUNKS_HEADER_BYTES;
      if (empty || file.position + bytes <= this.segmentBytesMax) return file;
      this.finish();
    }
    this.segment++;
    const next = new FileWriter(this.fs, `${this.folder}/${segmentName(this.segment)}`);
    this.file = next;
    const header = new ByteWriter(CHUNKS_HEADER_BYTES);
    header.u32(CHUNKS_MAGIC);
    header.u8(CHUNKS_VERSION);
    header.pad(CHUNKS_HEADER_BYTES);
    next.append(header.view());
    return next;
  }
}
