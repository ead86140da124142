/** Samples, exemplars and metadata as Remote Write 1.0 requests: the way of an import into a running head. */
import { ProtobufWriter } from "../encoding/protobuf-writer.js";
import { snappyCompress } from "../encoding/snappy.js";
import type { Histogram } from "../model/histogram.js";
import type { Labels } from "../model/labels.js";
import { METRIC_TYPES, type MetricMetadata } from "../model/metadata.js";
import { writeHistogramSample, writeLabels, writeSample } from "../wire/time-series.js";
import type { SampleSink } from "./sample-sink.js";

/** Samples of one request: about a megabyte. */
const SAMPLES_MAX = 50_000;
const NAN_LOW = 1;
const NAN_HIGH = 0x7ff80000;

/** One series of the request in the making. */
export interface BatchSeries {
  readonly labels: Labels;
  /** Which request it belongs to. */
  batch: number;
  readonly timestamps: number[];
  /** Low and high halves of the values. */
  readonly words: number[];
  readonly histograms: { readonly timestampMs: number; readonly histogram: Histogram }[];
  readonly exemplars: { readonly labels: Labels; readonly value: number; readonly timestampMs: number }[];
}

export class RemoteWriteBatches implements SampleSink<BatchSeries> {
  samples = 0;
  private readonly emit: (request: Uint8Array, samples: number) => void;
  private batch = 0;
  private inBatch = 0;
  private open: BatchSeries[] = [];
  private readonly metadata = new Map<string, MetricMetadata>();
  private readonly known = new Map<string, BatchSeries>();
  private readonly float64 = new Float64Array(1);
  private readonly words = new Uint32Array(this.float64.buffer);

  /** `emit` gets each request, compressed, and how many samples are in it. */
  constructor(emit: (request: Uint8Array, samples: number) => void) {
    this.emit = emit;
  }

  series(labels: Labels): BatchSeries {
    let series = this.known.get(labels.key);
    if (series === undefined) {
      series = { labels, batch: -1, timestamps: [], words: [], histograms: [], exemplars: [] };
      this.known.set(labels.key, series);
    }
    return series;
  }

  float(series: BatchSeries, timestampMs: number, value: number): void {
    if (Number.isNaN(value)) return this.floatWords(series, timestampMs, NAN_LOW, NAN_HIGH);
    this.float64[0] = value;
    this.floatWords(series, timestampMs, this.words[0], this.words[1]);
  }

  floatWords(series: BatchSeries, timestampMs: number, low: number, high: number): void {
    this.touch(series);
    series.timestamps.push(timestampMs);
    series.words.push(low, high);
    this.count();
  }

  histogram(series: BatchSeries, timestampMs: number, histogram: Histogram): void {
    this.touch(series);
    series.histograms.push({ timestampMs, histogram });
    this.count();
  }

  /** Of a sample that came before; it goes with the same request where that is still open. */
  exemplar(series: BatchSeries, labels: Labels, value: number, timestampMs: number): void {
    this.touch(series);
    series.exemplars.push({ labels, value, timestampMs });
  }

  describe(entry: MetricMetadata): void {
    this.metadata.set(entry.metricName, entry);
  }

  private touch(series: BatchSeries): void {
    if (series.batch === this.batch) return;
    series.batch = this.batch;
    this.open.push(series);
  }

  private count(): void {
    this.samples++;
    if (++this.inBatch >= SAMPLES_MAX) this.flush();
  }

  /** Hands out what has gathered. */
  flush(): void {
    if (this.open.length === 0 && this.metadata.size === 0) return;
    const writer = new ProtobufWriter(64 * 1024);
    for (const series of this.open) writeTimeSeries(writer, series);
    for (const entry of this.metadata.values()) writeMetadata(writer, entry);
    this.emit(snappyCompress(writer.view()), this.inBatch);
    this.metadata.clear();
    this.known.clear();
    this.open = [];
    this.inBatch = 0;
    this.batch++;
  }
}

function writeTimeSeries(writer: ProtobufWriter, series: BatchSeries): void {
  const { timestamps, words } = series;
  const start = writer.open(1);
  writeLabels(writer, 1, series.labels.pairs);
  for (let i = 0; i < timestamps.length; i++) {
    writeSample(writer, words[2 * i], words[2 * i + 1], timestamps[i]);
  }
  for (const { labels, value, timestampMs } of series.exemplars) {
    const exemplar = writer.open(3);
    writeLabels(writer, 1, labels.pairs);
    writer.double(2, value);
    writer.int64(3, timestampMs);
    writer.close(exemplar);
  }
  for (const { timestampMs, histogram } of series.histograms) {
    writeHistogramSample(writer, histogram, timestampMs);
  }
  writer.close(start);
}

function writeMetadata(writer: ProtobufWriter, { metricName, type, help, unit }: MetricMetadata): void {
  const start = writer.open(3);
  writer.uint64(1, Math.max(0, METRIC_TYPES.indexOf(type)));
  writer.string(2, metricName);
  writer.string(4, help);
  writer.string(5, unit);
  writer.close(start);
}
