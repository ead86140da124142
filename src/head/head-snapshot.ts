import { encodeColumns } from "../chunk/encode-columns.js";
import { compareUtf8 } from "../model/labels.js";
import type { ChunkSeries, ChunkSeriesSource } from "../storage/chunk-series.js";
import { SampleColumns } from "../storage/columns.js";
import type { HeadReader } from "./head-reader.js";

/** As the head cuts its own chunks. */
const LIMITS = { floatSamplesMax: 240, histogramSamplesMax: 240 };

/**
 * The head's samples in [mint, maxt] (milliseconds, both inclusive) as they are while it is read, for the block of
 * a snapshot: unlike `HeadCompactor.source` it changes nothing in the head, and has what is not closed yet.
 */
export function headSnapshotSource(reader: HeadReader, mint: number, maxt: number): ChunkSeriesSource {
  const refs = reader.seriesInOrder(mint, maxt);
  return {
    symbols() {
      const all = new Set<string>();
      for (const ref of refs) for (const text of reader.labels(ref).pairs) all.add(text);
      return [...all].sort(compareUtf8);
    },
    *series(): IterableIterator<ChunkSeries> {
      const columns = new SampleColumns(256);
      for (const ref of refs) {
        reader.readSeries(ref, mint, maxt, columns);
        if (columns.count > 0) yield { labels: reader.labels(ref), chunks: encodeColumns(columns, LIMITS) };
      }
    },
  };
}
