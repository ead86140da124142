import { encodeColumns } from "../../dist/chunk/encode-columns.js";
import type { Histogram } from "../../dist/model/histogram.js";
import { compareLabels, compareUtf8, type Labels } from "../../dist/model/labels.js";
import type { ChunkSeries, ChunkSeriesSource } from "../../dist/storage/chunk-series.js";
import { SampleColumns } from "../../dist/storage/columns.js";
import type { Queryable } from "../../dist/storage/queryable.js";
import { canonicalHistogram } from "./histogram-arbitraries.js";

/** A sample as tests write it: time and number, or time and histogram. */
export type PlainSample = readonly [timestampMs: number, value: number | Histogram];

export interface PlainSeries {
  readonly labels: Labels;
  /** Ascending. */
  readonly samples: readonly PlainSample[];
}

export function columnsOf(samples: readonly PlainSample[]): SampleColumns {
  const columns = new SampleColumns(Math.max(1, samples.length));
  samples.forEach(([timestamp, value], i) => {
    columns.timestamps[i] = timestamp;
    if (typeof value === "number") columns.values[i] = value;
    else {
      columns.histograms ??= [];
      columns.histograms[i] = value;
    }
  });
  columns.count = samples.length;
  if (columns.histograms !== null) {
    columns.histograms = Array.from({ length: samples.length }, (_, i) => columns.histograms?.[i]);
  }
  return columns;
}

export function symbolsOf(series: readonly { readonly labels: Labels }[]): string[] {
  return [...new Set(series.flatMap(({ labels }) => [...labels.pairs]))].sort(compareUtf8);
}

/** What a head would hand to the block writer. */
export function sourceOf(series: readonly PlainSeries[], samplesMax = 120): ChunkSeriesSource {
  const limits = { floatSamplesMax: samplesMax, histogramSamplesMax: samplesMax };
  const sorted = [...series].sort((a, b) => compareLabels(a.labels, b.labels));
  return {
    symbols: () => symbolsOf(series),
    *series(): IterableIterator<ChunkSeries> {
      for (const { labels, samples } of sorted) {
        yield { labels, chunks: encodeColumns(columnsOf(samples), limits) };
      }
    },
  };
}

/** Everything that a queryable holds in a range, in a form that `deepEqual` compares bit for bit. */
export function dump(queryable: Queryable, mint = -1e15, maxt = 1e15): Record<string, unknown[]> {
  const found: Record<string, unknown[]> = {};
  const set = queryable.select([], mint, maxt);
  const columns = new SampleColumns(1);
  for (let i = 0; i < set.count; i++) {
    set.read(i, mint, maxt, columns);
    if (columns.count > 0) found[set.labels(i).toString()] = rowsOf(columns);
  }
  return found;
}

export function dumpPlain(series: readonly PlainSeries[]): Record<string, unknown[]> {
  return Object.fromEntries(
    series.map(({ labels, samples }) => [labels.toString(), rowsOf(columnsOf(samples))]),
  );
}

export function rowsOf(columns: SampleColumns): unknown[] {
  const rows: unknown[] = [];
  for (let i = 0; i < columns.count; i++) {
    const histogram = columns.histograms?.[i];
    const bits = `${columns.valueWords[2 * i + 1].toString(16)}:${columns.valueWords[2 * i].toString(16)}`;
    rows.push([columns.timestamps[i], histogram === undefined ? bits : canonicalHistogram(histogram)]);
  }
  return rows;
}
