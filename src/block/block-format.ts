/**
 * Names and numbers of a block's files (docs/format/block.md, index.md, chunks.md, tombstones.md): Prometheus'
 * TSDB format, index version 2.
 */
export const META_FILE = "meta.json";
export const INDEX_FILE = "index";
export const CHUNKS_FOLDER = "chunks";
export const TOMBSTONES_FILE = "tombstones";

/** Folders with these endings are not blocks: the first is half written, the second half removed. */
export const TMP_FOR_CREATION = ".tmp-for-creation";
export const TMP_FOR_DELETION = ".tmp-for-deletion";

export const META_VERSION = 1;

export const INDEX_MAGIC = 0xbaaad700;
export const INDEX_VERSION = 2;
export const INDEX_HEADER_BYTES = 5;
/** Six offsets of eight bytes and a checksum, at the end of the file. */
export const TOC_BYTES = 52;
/** A series ref is the offset of its entry divided by this. */
export const SERIES_ALIGNMENT = 16;
export const POSTINGS_ALIGNMENT = 4;

export const CHUNKS_MAGIC = 0x85bd40dd;
export const CHUNKS_VERSION = 1;
export const CHUNKS_HEADER_BYTES = 8;
export const SEGMENT_BYTES_MAX: number = 512 * 1024 * 1024;
/** Encoding byte and checksum around a chunk's data; its length as uvarint comes before. */
export const CHUNK_ENCODING_BYTES = 1;
export const CHECKSUM_BYTES = 4;
/** No chunk of any writer comes near; a length above is damage. */
export const CHUNK_BYTES_MAX: number = 64 * 1024 * 1024;
/** A chunk ref is segment number (from 0) * this + offset in the file. */
export const CHUNK_REF_SEGMENT = 0x1_0000_0000;

export const TOMBSTONES_MAGIC = 0x0130ba30;
export const TOMBSTONES_VERSION = 1;

const ULID_NAME = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

export function isBlockName(name: string): boolean {
  return ULID_NAME.test(name);
}

/** Name of chunk segment `index` (from 0): 000001, 000002 … */
export function segmentName(index: number): string {
  return String(index + 1).padStart(6, "0");
}
