import type { Labels } from "../model/labels.js";

/**
 * The contract between what holds encoded chunks (`head`, `block`) and what writes them into blocks
 * (`compact`, `block`).
 */

/**
 * Encodings of chunks, with the numbers that Prometheus writes before a chunk's data. These are the ones that
 * Prometheus 3.5 reads; 4 (XOR2) and the encodings with start timestamps came later.
 */
export const ChunkEncoding: { readonly XOR: 1; readonly HISTOGRAM: 2; readonly FLOAT_HISTOGRAM: 3 } = {
  XOR: 1,
  HISTOGRAM: 2,
  FLOAT_HISTOGRAM: 3,
};
export type ChunkEncoding = 1 | 2 | 3;

/** A closed chunk. Immutable; `bytes` may be a view of memory that is only good until the next series. */
export interface EncodedChunk {
  /** Time of the first and of the last sample, milliseconds. */
  readonly mint: number;
  readonly maxt: number;
  readonly encoding: ChunkEncoding;
  /** The chunk's data: without length, encoding byte and checksum. */
  readonly bytes: Uint8Array;
}

export interface ChunkSeries {
  readonly labels: Labels;
  /** At least one, ascending by mint (then maxt). They may overlap: `compact` mends that. */
  readonly chunks: readonly EncodedChunk[];
}

/** Everything of one head range or one block, in the order in which blocks store it. */
export interface ChunkSeriesSource {
  /** Sorted by UTF-8 bytes, unique: all label names and values of `series` (more do no harm). */
  symbols(): Iterable<string>;
  /**
   * Ascending by `compareLabels`, each label set once. One pass at a time: what the iterator yielded is good
   * until it is asked for the next one.
   */
  series(): Iterator<ChunkSeries>;
}
