import { CorruptionError } from "../base/errors.js";
import { CHUNK_IN_MEMORY } from "../encoding/bit-reader.js";
import { ChunkEncoding } from "../storage/chunk-series.js";
import type { SampleColumns } from "../storage/columns.js";
import { isChunkEncoding } from "./chunk-header.js";
import { decodeHistogramChunk } from "./histogram-decode.js";
import { decodeXorChunk } from "./xor-decode.js";

/**
 * Appends the samples of any chunk with mint <= timestamp <= maxt to `columns` (behind what is there).
 * Throws CorruptionError where the bytes are no chunk of that encoding.
 */
export function decodeChunk(
  bytes: Uint8Array,
  encoding: number,
  columns: SampleColumns,
  mint: number = Number.NEGATIVE_INFINITY,
  maxt: number = Number.POSITIVE_INFINITY,
): void {
  if (!isChunkEncoding(encoding)) {
    throw new CorruptionError(CHUNK_IN_MEMORY, 0, `unknown chunk encoding ${encoding}`);
  }
  if (encoding === ChunkEncoding.XOR) decodeXorChunk(bytes, columns, mint, maxt);
  else decodeHistogramChunk(bytes, encoding, columns, mint, maxt);
}
