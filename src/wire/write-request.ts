/** Writes Remote Write 1.0 requests, for what comes in another protocol and is stored like any other request. */
import { ProtobufWriter } from "../encoding/protobuf-writer.js";
import { snappyCompress } from "../encoding/snappy.js";
import type { Exemplar } from "../model/exemplar.js";
import type { Histogram } from "../model/histogram.js";
import { STALE_NAN_HIGH, STALE_NAN_LOW } from "../model/stale.js";
import { writeHistogramSample, writeLabels, writeSample } from "./time-series.js";

const words = new Uint32Array(2);
const float = new Float64Array(words.buffer);

/** Numbers of `MetricMetadata.MetricType`. */
export const METADATA_TYPES = { unknown: 0, counter: 1, gauge: 2, histogram: 3, summary: 5 } as const;
export type MetadataType = keyof typeof METADATA_TYPES;

export class WriteRequestWriter {
  private readonly writer = new ProtobufWriter(16 * 1024);

  /** Bytes so far, before compression. */
  get length(): number {
    return this.writer.length;
  }

  /** A series with one sample; null stands for a stale marker. `pairs`: names and values, sorted by name. */
  float(
    pairs: readonly string[],
    timestampMs: number,
    value: number | null,
    exemplars: readonly Exemplar[] = [],
  ): void {
    const start = this.open(pairs);
    float[0] = value ?? 0;
    if (value === null) writeSample(this.writer, STALE_NAN_LOW, STALE_NAN_HIGH, timestampMs);
    else writeSample(this.writer, words[0], words[1], timestampMs);
    this.close(start, exemplars);
  }

  histogram(
    pairs: readonly string[],
    timestampMs: number,
    histogram: Histogram,
    exemplars: readonly Exemplar[],
  ): void {
    const start = this.open(pairs);
    writeHistogramSample(this.writer, histogram, timestampMs);
    this.close(start, exemplars);
  }

  metadata(name: string, type: MetadataType, help: string, unit: string): void {
    const { writer } = this;
    const start = writer.open(3);
    writer.uint64(1, METADATA_TYPES[type]);
    writer.string(2, name);
    writer.string(4, help);
    writer.string(5, unit);
    writer.close(start);
  }

  /** The whole body, compressed. */
  finish(): Uint8Array {
    return snappyCompress(this.writer.view());
  }

  private open(pairs: readonly string[]): number {
    const start = this.writer.open(1);
    writeLabels(this.writer, 1, pairs);
    return start;
  }

  private close(start: number, exemplars: readonly Exemplar[]): void {
    const { writer } = this;
    for (const { labels, value, timestampMs } of exemplars) {
      const at = writer.open(3);
      writeLabels(writer, 1, labels.pairs);
      writer.double(2, value);
      writer.int64(3, timestampMs);
      writer.close(at);
    }
    writer.close(start);
  }
}
