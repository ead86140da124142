import { compareLabels, compareUtf8 } from "../model/labels.js";
import type { ChunkSeries, ChunkSeriesSource, EncodedChunk } from "../storage/chunk-series.js";
import { MERGE_LIMITS, type MergeLimits, SeriesMerger } from "./merge-chunks.js";

export interface MergeOptions {
  /** Samples outside [mint, maxt] (milliseconds, both inclusive) are left out. Default: everything stays. */
  readonly mint?: number;
  readonly maxt?: number;
  readonly limits?: MergeLimits;
}

/**
 * Several sources as one: series in order, each with all its chunks, none of which overlap. Chunks that nothing
 * overlaps pass byte for byte, except small float chunks, which are joined with their neighbours; the others are
 * decoded, merged and cut anew. Where two samples have the same time, the one of the earlier source stays (in
 * one source: that of the chunk that comes first).
 */
export function mergeSources(
  sources: readonly ChunkSeriesSource[],
  options: MergeOptions = {},
): ChunkSeriesSource {
  return {
    symbols: () => mergeSymbols(sources.map((source) => source.symbols())),
    series: () => mergeSeries(sources, options),
  };
}

function* mergeSymbols(lists: readonly Iterable<string>[]): IterableIterator<string> {
  const iterators = lists.map((list) => list[Symbol.iterator]());
  const heads = iterators.map((iterator) => iterator.next());
  for (;;) {
    let least: string | null = null;
    for (const head of heads) {
      if (head.done !== true && (least === null || compareUtf8(head.value, least) < 0)) least = head.value;
    }
    if (least === null) return;
    for (let i = 0; i < heads.length; i++) {
      if (heads[i].done !== true && heads[i].value === least) heads[i] = iterators[i].next();
    }
    yield least;
  }
}

function* mergeSeries(
  sources: readonly ChunkSeriesSource[],
  options: MergeOptions,
): IterableIterator<ChunkSeries> {
  const merger = new SeriesMerger(
    options.mint ?? Number.NEGATIVE_INFINITY,
    options.maxt ?? Number.POSITIVE_INFINITY,
    options.limits ?? MERGE_LIMITS,
  );
  const iterators = sources.map((source) => source.series());
  const heads = iterators.map((iterator) => iterator.next());
  for (;;) {
    let least: ChunkSeries | null = null;
    for (const head of heads) {
      if (head.done !== true && (least === null || compareLabels(head.value.labels, least.labels) < 0)) {
        least = head.value;
      }
    }
    if (least === null) return;
    const parts: (readonly EncodedChunk[])[] = [];
    const taken: number[] = [];
    for (let i = 0; i < heads.length; i++) {
      const head = heads[i];
      if (head.done === true || compareLabels(head.value.labels, least.labels) !== 0) continue;
      parts.push(head.value.chunks);
      taken.push(i);
    }
    const chunks = merger.merge(parts);
    if (chunks.length > 0) yield { labels: least.labels, chunks };
    for (const i of taken) heads[i] = iterators[i].next();
  }
}
