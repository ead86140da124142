import { decodeChunk } from "../chunk/chunk.js";
import { chunkSampleCount } from "../chunk/chunk-header.js";
import { type EncodeLimits, encodeColumns, FLOAT_SAMPLES_MAX } from "../chunk/encode-columns.js";
import { mergeColumns } from "../chunk/merge-columns.js";
import { ChunkEncoding, type EncodedChunk } from "../storage/chunk-series.js";
import { SampleColumns } from "../storage/columns.js";

export interface MergeLimits extends EncodeLimits {
  /** Float chunks of fewer samples are joined with their neighbours, up to `floatSamplesMax`. */
  readonly floatSamplesMin: number;
}

/** What is smaller than the minimum came from elsewhere, or its series has samples far apart. */
export const MERGE_LIMITS: MergeLimits = {
  floatSamplesMin: 240,
  floatSamplesMax: FLOAT_SAMPLES_MAX,
  histogramSamplesMax: 240,
};

/** Chunks pass byte for byte wherever they can: from the head, which cut them for its block. */
export const VERBATIM_LIMITS: MergeLimits = { ...MERGE_LIMITS, floatSamplesMin: 0 };

interface SourceChunk extends EncodedChunk {
  readonly source: number;
}

/** Brings the chunks that several sources have of one series into one run without overlaps. */
export class SeriesMerger {
  private readonly mint: number;
  private readonly maxt: number;
  private readonly limits: MergeLimits;
  private readonly merged: SampleColumns = new SampleColumns(1024);
  private readonly parts: SampleColumns[] = [];

  /** Samples outside [mint, maxt] are left out. */
  constructor(mint: number, maxt: number, limits: MergeLimits) {
    this.mint = mint;
    this.maxt = maxt;
    this.limits = limits;
  }

  /** `lists[i]` are the chunks of source i, ascending by mint. */
  merge(lists: readonly (readonly EncodedChunk[])[]): EncodedChunk[] {
    const chunks: SourceChunk[] = [];
    for (let source = 0; source < lists.length; source++) {
      for (const chunk of lists[source]) {
        if (chunk.maxt >= this.mint && chunk.mint <= this.maxt) chunks.push({ ...chunk, source });
      }
    }
    chunks.sort((a, b) => a.mint - b.mint || a.maxt - b.maxt || a.source - b.source);
    const result: EncodedChunk[] = [];
    let start = 0;
    while (start < chunks.length) {
      const end = this.groupEnd(chunks, start);
      if (end === start + 1 && this.passes(chunks[start])) result.push(chunks[start]);
      else result.push(...this.recode(chunks.slice(start, end)));
      start = end;
    }
    return result;
  }

  /** End (exclusive) of the chunks from `start` on that must or should be coded together. */
  private groupEnd(chunks: readonly SourceChunk[], start: number): number {
    let end = start + 1;
    let maxt = chunks[start].maxt;
    let samples = chunkSampleCount(chunks[start].bytes);
    while (end < chunks.length) {
      const next = chunks[end];
      const nextSamples = chunkSampleCount(next.bytes);
      if (next.mint > maxt && !this.joins(chunks[end - 1], samples, next, nextSamples)) break;
      maxt = Math.max(maxt, next.maxt);
      samples += nextSamples;
      end++;
    }
    return end;
  }

  private joins(before: SourceChunk, samples: number, next: SourceChunk, nextSamples: number): boolean {
    const { floatSamplesMin, floatSamplesMax } = this.limits;
    if (before.encoding !== ChunkEncoding.XOR || next.encoding !== ChunkEncoding.XOR) return false;
    const small = samples < floatSamplesMin || nextSamples < floatSamplesMin;
    return small && samples + nextSamples <= floatSamplesMax;
  }

  private passes(chunk: SourceChunk): boolean {
    return chunk.mint >= this.mint && chunk.maxt <= this.maxt;
  }

  private recode(group: readonly SourceChunk[]): EncodedChunk[] {
    const { merged } = this;
    merged.clear();
    if (!overlap(group)) {
      for (const { bytes, encoding } of group) decodeChunk(bytes, encoding, merged, this.mint, this.maxt);
    } else {
      // The earlier source wins, so its columns come first.
      const order = [...group].sort((a, b) => a.source - b.source);
      const parts = order.map((chunk, i) => this.decodePart(chunk, i));
      mergeColumns(parts, merged);
    }
    return encodeColumns(merged, this.limits);
  }

  private decodePart(chunk: EncodedChunk, index: number): SampleColumns {
    this.parts[index] ??= new SampleColumns(256);
    const part = this.parts[index];
    part.clear();
    decodeChunk(chunk.bytes, chunk.encoding, part, this.mint, this.maxt);
    return part;
  }
}

function overlap(group: readonly EncodedChunk[]): boolean {
  let maxt = Number.NEGATIVE_INFINITY;
  for (const chunk of group) {
    if (chunk.mint <= maxt) return true;
    maxt = Math.max(maxt, chunk.maxt);
  }
  return false;
}
