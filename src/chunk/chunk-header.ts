import type { ChunkEncoding } from "../storage/chunk-series.js";

/** The count of samples is a 16-bit number at the start of every chunk. */
export const CHUNK_SAMPLES_MAX = 0xffff;
/** Bytes of that count. */
export const CHUNK_HEADER_BYTES = 2;

export function isChunkEncoding(value: number): value is ChunkEncoding {
  return value >= 1 && value <= 3;
}

/** How many samples a chunk says it has. `bytes` has at least two bytes. */
export function chunkSampleCount(bytes: Uint8Array): number {
  return (bytes[0] << 8) | bytes[1];
}
